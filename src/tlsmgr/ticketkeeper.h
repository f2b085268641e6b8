/* SPDX-License-Identifier: ISC */
/*
 * ticketkeeper: sees to it that the ticket keys outlive the process, and that no old ones stay on disk.
 *
 * It writes when a key is made, before that is handed out, and when one on disk is too old, which then goes
 * from memory as well; what goes wrong costs a warning, not service, and is tried again.
 */
#ifndef TLSMGR_TICKETKEEPER_H
#define TLSMGR_TICKETKEEPER_H

#include <stdbool.h>

struct event_base;
struct ticketkeeper;
struct ticketkeys;

/*
 * Opens the file in `directory`, with the rights of its owner and outside of any jail; with !persist it
 * empties one that is there. `keys` is borrowed. Freed by the caller, before the keys.
 */
struct ticketkeeper *ticketkeeper_new(struct ticketkeys *keys, const char *directory, bool persist);
void ticketkeeper_free(struct ticketkeeper *keeper);

/* Takes over the keys of an earlier process. Once, as the user that the process stays. */
void ticketkeeper_start(struct ticketkeeper *keeper, struct event_base *base);

#endif
