/* SPDX-License-Identifier: ISC */
/*
 * ageindex: what is known of a session without asking the database: its id, its time and its size.
 *
 * Found by id, and given out in order of age. No call takes longer when there are more entries: there is
 * neither rehashing nor sorting. Age is counted by a clock that only goes forward, so that an entry whose
 * time lies in the future, or that was made before the wall clock was set back, grows old like any other.
 *
 * Entries that are added late, with an age, are in order by slices of some thousandths of the lifetime;
 * those that are added as they come are in order exactly.
 */
#ifndef TLSMGR_AGEINDEX_H
#define TLSMGR_AGEINDEX_H

#include <stddef.h>
#include <stdint.h>

struct ageindex;

struct ageindex_link {
	struct ageindex_link *older, *newer;
};

struct ageindex_entry {
	struct ageindex_link link;    /* private */
	struct ageindex_entry *chain; /* private */
	int64_t stamp;                /* wall clock, for the caller */
	uint32_t len;                 /* of the session */
	char id[];
};

/*
 * `most` is how many entries there will usually be at most. Memory is laid out for them now and used as they
 * come; more of them only make it slower. `lifetime_s`: no entry stays much longer. `key` (SIPHASH_KEY_LEN
 * bytes): whoever chooses ids must not know it. Freed by the caller.
 */
struct ageindex *ageindex_new(uint64_t most, int64_t lifetime_s, const unsigned char *key);
void ageindex_free(struct ageindex *index);

/* Tells the time, in seconds since whenever. What lies behind the time told before is ignored. */
void ageindex_tick(struct ageindex *index, int64_t clock_s);

/* Borrowed until the index changes. NULL: none. */
const struct ageindex_entry *ageindex_find(const struct ageindex *index, const char *id);

/* Adds or replaces; `age_s` (0 or more) ago. */
void ageindex_put(struct ageindex *index, const char *id, int64_t stamp, uint32_t len, int64_t age_s);

/* Frees the entry, one of this index. */
void ageindex_remove(struct ageindex *index, const struct ageindex_entry *entry);

/* The one to go first. NULL: the index is empty. */
const struct ageindex_entry *ageindex_oldest(struct ageindex *index);

/* How old that one is at least; 0 if there is none. More than the lifetime: it should have gone. */
int64_t ageindex_least_age_s(struct ageindex *index);

uint64_t ageindex_count(const struct ageindex *index);

/* Lengths of all ids and sessions; of the ids, which are in memory. */
uint64_t ageindex_bytes(const struct ageindex *index);
uint64_t ageindex_id_bytes(const struct ageindex *index);

#endif
