/* SPDX-License-Identifier: ISC */
/*
 * map_keeper: the tables of a list are exchanged for new ones when their files have changed.
 *
 * A process that is forked before the jail (map_keeper_process.h) looks at the files, opens the tables again,
 * and sends what it has read when that is good; so a process that may not read the files any more, and never
 * waits for one, has the tables of now. Whoever refers to the list sees them at once.
 */
#ifndef MAIL_MAP_KEEPER_H
#define MAIL_MAP_KEEPER_H

#include <stdbool.h>

#include "mail/map_keeper_process.h"

struct event_base;
struct map_keeper;

struct map_keeper_handler {
	void (*exchanged)(void *context);                /* new tables are in service */
	void (*refused)(const char *why, void *context); /* changed tables are not, as they are not good */
	/* On: what is in service is not what the next process would find. */
	void (*hold)(bool on, void *context);
	void (*gone)(void *context); /* the process has ended: no change will be noticed any more */
	void *context;
};

/* As one who may read the files, when the tables have been read. Takes a reference of the list, and the
 * source; other things are borrowed. NULL with `err`. */
struct map_keeper *map_keeper_new(struct event_base *base, const struct map_keeper_tables *tables,
    const struct map_keeper_handler *handler, struct err *err);

/* Ends the process. Not from inside of the functions above. */
void map_keeper_free(struct map_keeper *keeper);

#endif
