/* SPDX-License-Identifier: ISC */
/*
 * ticketkeys: the keys that all TLS servers of this system share for session tickets.
 *
 * Two are held, in memory only: one that issues, and the one before it, which still decrypts. With period T a
 * key issues for T/2 seconds and decrypts for T/2 more. Keys are made when asked for.
 */
#ifndef TLSMGR_TICKETKEYS_H
#define TLSMGR_TICKETKEYS_H

struct ticketkeys;
struct tlsmgr_ticket_key;

/* `period_s` of 0: there are no keys. Freed by the caller. */
struct ticketkeys *ticketkeys_new(int period_s);
void ticketkeys_free(struct ticketkeys *keys);

/* The key for new tickets; borrowed until the next call. NULL: no keys, or no randomness to make one. */
const struct tlsmgr_ticket_key *ticketkeys_current(struct ticketkeys *keys);

/* The key of that name (TLSMGR_TICKET_NAME_LEN bytes); borrowed likewise. NULL: unknown or too old. */
const struct tlsmgr_ticket_key *ticketkeys_find(struct ticketkeys *keys, const void *name);

#endif
