/* SPDX-License-Identifier: ISC */
#include "tlsmgr/ageindex.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/siphash.h"

enum {
	SLICES = 4096,
	LEAST_BUCKETS = 1 << 8,
	MOST_BUCKETS = 1 << 22,
	CHAIN = 2, /* entries a bucket when there are as many as expected */
};

/*
 * Slices of time are numbered since the clock's zero; slice n is the list slices[n % SLICES], its oldest
 * entry first. The ring holds those from newest - SLICES + 1 to newest.
 */
struct ageindex {
	struct ageindex_link slices[SLICES]; /* each the head of a circular list */
	struct ageindex_entry **buckets;     /* owned */
	uint64_t mask;                       /* their number less one */
	int64_t width_s;                     /* of a slice */
	int64_t newest;                      /* the slice that the clock is in */
	int64_t oldest;                      /* no slice before this one has entries */
	uint64_t count, bytes;
	uint64_t id_bytes; /* of these */
	unsigned char key[SIPHASH_KEY_LEN];
};

static struct ageindex_link *
slice(struct ageindex *index, uint64_t number)
{
	return &index->slices[number % SLICES];
}

static bool
is_empty(const struct ageindex_link *head)
{
	return head->newer == head;
}

struct ageindex *
ageindex_new(uint64_t most, int64_t lifetime_s, const unsigned char *key)
{
	struct ageindex *index = alloc_zero(sizeof *index);
	uint64_t buckets = LEAST_BUCKETS;

	while (buckets < MOST_BUCKETS && buckets < most / CHAIN)
		buckets *= 2;
	index->buckets = alloc_array(buckets, sizeof *index->buckets);
	index->mask = buckets - 1;
	for (int i = 0; i < SLICES; i++)
		index->slices[i].older = index->slices[i].newer = &index->slices[i];
	/* What is left of the ring when the youngest and the oldest slice are partly outside. */
	index->width_s = lifetime_s / (SLICES - 2) + 1;
	memcpy(index->key, key, sizeof index->key);
	return index;
}

void
ageindex_free(struct ageindex *index)
{
	const struct ageindex_entry *entry;

	if (!index)
		return;
	while ((entry = ageindex_oldest(index)) != NULL)
		ageindex_remove(index, entry);
	free(index->buckets);
	free(index);
}

static struct ageindex_entry **
bucket(const struct ageindex *index, const char *id)
{
	return &index->buckets[siphash(index->key, id, strlen(id)) & index->mask];
}

/* --- slices --- */

static void
unlink_entry(struct ageindex_entry *entry)
{
	entry->link.older->newer = entry->link.newer;
	entry->link.newer->older = entry->link.older;
}

static void
link_newest(struct ageindex_entry *entry, struct ageindex_link *head)
{
	entry->link.newer = head;
	entry->link.older = head->older;
	head->older->newer = &entry->link;
	head->older = &entry->link;
}

/* Puts all of one list before the oldest of another. */
static void
splice(struct ageindex_link *from, struct ageindex_link *to)
{
	if (from == to || is_empty(from))
		return;
	from->older->newer = to->newer;
	to->newer->older = from->older;
	from->newer->older = to;
	to->newer = from->newer;
	from->older = from->newer = from;
}

void
ageindex_tick(struct ageindex *index, int64_t clock_s)
{
	int64_t newest = clock_s / index->width_s;

	/* Whatever falls out of the ring is kept at its end. */
	for (int steps = 0; steps < SLICES && index->newest < newest; steps++) {
		index->newest++;
		splice(slice(index, (uint64_t)index->newest), slice(index, (uint64_t)index->newest + 1));
	}
	/* After a whole turn everything is in the last slice. */
	if (index->newest < newest) {
		splice(slice(index, (uint64_t)index->newest + 1), slice(index, (uint64_t)newest + 1));
		index->newest = newest;
	}
	if (index->oldest <= index->newest - SLICES)
		index->oldest = index->newest - SLICES + 1;
}

/* --- entries --- */

static struct ageindex_entry *
find(const struct ageindex *index, const char *id)
{
	struct ageindex_entry *entry = *bucket(index, id);

	while (entry && strcmp(entry->id, id) != 0)
		entry = entry->chain;
	return entry;
}

const struct ageindex_entry *
ageindex_find(const struct ageindex *index, const char *id)
{
	return find(index, id);
}

static struct ageindex_entry *
add(struct ageindex *index, const char *id)
{
	size_t len = strlen(id);
	/* Not the size of the struct, which has room behind `len`. */
	struct ageindex_entry *entry = alloc_zero(offsetof(struct ageindex_entry, id) + len + 1);
	struct ageindex_entry **first = bucket(index, id);

	memcpy(entry->id, id, len + 1);
	entry->chain = *first;
	*first = entry;
	index->count++;
	index->bytes += len;
	index->id_bytes += len;
	return entry;
}

void
ageindex_put(struct ageindex *index, const char *id, int64_t stamp, uint32_t len, int64_t age_s)
{
	struct ageindex_entry *entry = find(index, id);
	int64_t back = age_s / index->width_s;
	int64_t number = index->newest - (back < SLICES ? back : SLICES - 1);

	if (entry)
		unlink_entry(entry);
	else
		entry = add(index, id);
	index->bytes += len;
	index->bytes -= entry->len;
	entry->stamp = stamp;
	entry->len = len;
	link_newest(entry, slice(index, (uint64_t)number));
	if (number < index->oldest)
		index->oldest = number;
}

void
ageindex_remove(struct ageindex *index, const struct ageindex_entry *entry)
{
	struct ageindex_entry **at = bucket(index, entry->id);

	while (*at != entry)
		at = &(*at)->chain;
	struct ageindex_entry *found = *at;
	*at = found->chain;
	unlink_entry(found);
	size_t len = strlen(found->id);
	index->count--;
	index->bytes -= len + found->len;
	index->id_bytes -= len;
	free(found);
}

const struct ageindex_entry *
ageindex_oldest(struct ageindex *index)
{
	if (index->count == 0)
		return NULL;
	while (is_empty(slice(index, (uint64_t)index->oldest)))
		index->oldest++;
	return (const struct ageindex_entry *)slice(index, (uint64_t)index->oldest)->newer;
}

int64_t
ageindex_least_age_s(struct ageindex *index)
{
	if (!ageindex_oldest(index) || index->oldest == index->newest)
		return 0;
	return (index->newest - index->oldest - 1) * index->width_s + 1;
}

uint64_t
ageindex_count(const struct ageindex *index)
{
	return index->count;
}

uint64_t
ageindex_bytes(const struct ageindex *index)
{
	return index->bytes;
}

uint64_t
ageindex_id_bytes(const struct ageindex *index)
{
	return index->id_bytes;
}
