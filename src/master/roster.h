/* SPDX-License-Identifier: ISC */
/*
 * roster: all services of the system, as master.cf has them.
 */
#ifndef MASTER_ROSTER_H
#define MASTER_ROSTER_H

#include <stdbool.h>

struct err;
struct event_base;
struct master_settings;
struct roster;

/* Borrows both. Freed by the caller. */
struct roster *roster_new(struct event_base *base, const struct master_settings *settings);
void roster_free(struct roster *roster);

/*
 * Reads master.cf and makes the services what it says: new ones are started, those that are gone are ended,
 * the others go on with new settings. `interfaces_changed`: say of each inet service that its addresses stay.
 * 0, or -1 with some services possibly changed: the caller ends.
 */
int roster_load(struct roster *roster, bool interfaces_changed, struct err *err)
    __attribute__((warn_unused_result));

/* Takes leave of every child that has ended. */
void roster_reap(struct roster *roster);

#endif
