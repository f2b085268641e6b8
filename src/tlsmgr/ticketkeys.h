/* SPDX-License-Identifier: ISC */
/*
 * ticketkeys: the keys that all TLS servers of this system share for session tickets.
 *
 * With period T a key issues for T/2 seconds and decrypts for T/2 more. Without a secret keys are random,
 * made when asked for; held are the one that issues, the one before it, and what other processes have made
 * meanwhile. With a secret every period of T/2 has its key, that of the previous and the next one decrypt,
 * too, and no key is made.
 */
#ifndef TLSMGR_TICKETKEYS_H
#define TLSMGR_TICKETKEYS_H

#include <stdbool.h>

#include "mail/tlsmgr_proto.h"

struct buf;
struct ticketkeys;

/* `period_s` of 0: there are no keys. Freed by the caller. */
struct ticketkeys *ticketkeys_new(int period_s);
void ticketkeys_free(struct ticketkeys *keys);

/* From now on keys are those of this secret, which is left empty. Other keys that are known still decrypt. */
void ticketkeys_set_secret(struct ticketkeys *keys, struct buf *secret);

/* Whoever keeps the keys elsewhere. */
struct ticketkeys_keeper {
	void (*made)(void *context);   /* there is a new key; it has not been handed out yet */
	bool (*missed)(void *context); /* a name is unknown; true: keys were imported, look again */
	void *context;
};
void ticketkeys_set_keeper(struct ticketkeys *keys, const struct ticketkeys_keeper *keeper);

/* The key for new tickets; borrowed until the next call. NULL: no keys, or no randomness to make one. */
const struct tlsmgr_ticket_key *ticketkeys_current(struct ticketkeys *keys);

/*
 * The key of that name (TLSMGR_TICKET_NAME_LEN bytes); borrowed likewise. NULL: unknown or too old. One that
 * only decrypts here (of another secret, of the next period) comes with a time of issuing that is over: who
 * asks for it would use it for new tickets otherwise.
 */
const struct tlsmgr_ticket_key *ticketkeys_find(struct ticketkeys *keys, const void *name);

/* Forgets keys that nobody can need any more. */
void ticketkeys_expire(struct ticketkeys *keys);

/* --- keys on their way from one process to the next --- */

enum { TICKETKEYS_MAX = 32 };

enum ticketkeys_origin { TICKETKEYS_RANDOM = 1, TICKETKEYS_DERIVED = 2 };

struct ticketkeys_record {
	struct tlsmgr_ticket_key key;
	enum ticketkeys_origin origin;
};

/*
 * Writes the keys that can still be needed, at most TICKETKEYS_MAX; returns how many. With a secret these
 * include the keys of this period, the one before and the two behind it: a process that follows with another
 * secret needs them for tickets of hosts that still have this one.
 */
int ticketkeys_export(struct ticketkeys *keys, struct ticketkeys_record *records);

/* True: taken. Left out is what is known, too old, or has a time that this period cannot give. */
bool ticketkeys_import(struct ticketkeys *keys, const struct ticketkeys_record *record);

/* Seconds until what is exported changes by itself; -1: never. */
int ticketkeys_next_change_s(struct ticketkeys *keys);

/* Seconds until the last of these records is too old. */
int ticketkeys_lifetime_s(const struct ticketkeys *keys, const struct ticketkeys_record *records, int count);

/* --- statistics --- */

struct ticketkeys_stats {
	int count;          /* keys that decrypt */
	int age_s, left_s;  /* of the key that issues; 0 both when there is none now */
	const char *source; /* of that key: random, kept (made by an earlier process), secret; none */
	const char *seal;   /* what protects the keys on disk: keyring, boot; none */
};
void ticketkeys_stats(struct ticketkeys *keys, struct ticketkeys_stats *stats);

/* `seal` is for the statistics, a constant. */
void ticketkeys_set_seal(struct ticketkeys *keys, const char *seal);

#endif
