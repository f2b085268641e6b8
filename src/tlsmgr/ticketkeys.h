/* SPDX-License-Identifier: ISC */
/*
 * ticketkeys: the keys that all TLS servers of this system share for session tickets.
 *
 * Two are held: one that issues, and the one before it, which still decrypts. With period T a
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

enum { TICKETKEYS_MAX = 2 };

/* Writes the keys that still decrypt, the latest first, TLSMGR_TICKET_RECORD_LEN bytes each; returns how
 * many. */
int ticketkeys_export(const struct ticketkeys *keys, unsigned char *records);

/* Takes one such record; ignores a key that is too old, or whose time is not one this period can give. */
void ticketkeys_import(struct ticketkeys *keys, const unsigned char *record);

#endif
