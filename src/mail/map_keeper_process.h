/* SPDX-License-Identifier: ISC */
/*
 * map_keeper_process: the other end of map_keeper: a process that opens tables again when their files change.
 *
 * It is forked when the tables have been read, and has few rights (reader_rights.h). About once a second it
 * looks whether one of the files has become another one, and waits until all stay as they are. It ends with
 * its parent, and when the socket is closed.
 */
#ifndef MAIL_MAP_KEEPER_PROCESS_H
#define MAIL_MAP_KEEPER_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

struct err;
struct map_list;
struct map_source;

enum map_keeper_kind {
	MAP_KEEPER_TABLES,  /* a recording of good tables, which differ from the last good ones */
	MAP_KEEPER_REFUSED, /* words: why changed tables are not good */
	MAP_KEEPER_HOLD,    /* the last good ones are not what there is */
	MAP_KEEPER_RELEASE, /* they are */
};

/* Both ends are the same program, so structs travel as they are. */
struct map_keeper_head {
	uint32_t kind;
	uint32_t len; /* of what follows */
};

/* Can values that `old` did not have be used? 0 or -1 with `err`. */
typedef int (*map_keeper_check_fn)(
    const struct map_list *list, const struct map_list *old, void *arg, struct err *err);

struct map_keeper_tables {
	const char *title, *names; /* and flags: as for map_list_new_from() */
	unsigned int flags;
	struct map_list *list;     /* in service */
	struct map_source *source; /* they were made from this */
	map_keeper_check_fn check;
	void *check_arg;
};

/* The life of the process, on a blocking socket whose other end `parent` holds. */
_Noreturn void map_keeper_process_run(int socket, pid_t parent, const struct map_keeper_tables *tables);

#endif
