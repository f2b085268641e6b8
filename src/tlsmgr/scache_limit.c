/* SPDX-License-Identifier: ISC */
#include "tlsmgr/scache_limit.h"

#include "tlsmgr/entry.h"

enum {
	/* What ids may take for each entry allowed, and what they may take anyway. */
	ID_SHARE = 256,
	IDS_LEAST = 8 * 1024 * 1024,
};

/* For an index, or a database, without a limit. */
#define MANY_ENTRIES (UINT64_C(1) << 22)
#define MANY_BYTES   (UINT64_C(1) << 40)

bool
scache_limit_exceeded(const struct scache_limit *limit, uint64_t count, uint64_t bytes, uint64_t id_bytes)
{
	if (limit->size && bytes > limit->size)
		return true;
	return limit->entries &&
	       (count > limit->entries || (id_bytes > IDS_LEAST && id_bytes / ID_SHARE > limit->entries));
}

uint64_t
scache_limit_entries(const struct scache_limit *limit)
{
	return limit->entries ? limit->entries : MANY_ENTRIES;
}

uint64_t
scache_limit_store(const struct scache_limit *limit)
{
	uint64_t entries = scache_limit_entries(limit);

	if (!limit->size || limit->size > MANY_BYTES || entries > MANY_BYTES)
		return MANY_BYTES;
	/* The key has a byte more than the id. */
	return limit->size + entries * (ENTRY_OVERHEAD + 1);
}
