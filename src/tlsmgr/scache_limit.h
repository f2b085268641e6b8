/* SPDX-License-Identifier: ISC */
/*
 * scache_limit: how much a session cache may hold: entries, and bytes of their ids and sessions. A limit on
 * entries is one on memory, so it also bounds the ids, which are all in memory.
 */
#ifndef TLSMGR_SCACHE_LIMIT_H
#define TLSMGR_SCACHE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* 0: no limit. */
struct scache_limit {
	uint64_t entries, size;
};

/* True if so many entries of so many bytes, `id_bytes` of them ids, are too much. */
bool scache_limit_exceeded(
    const struct scache_limit *limit, uint64_t count, uint64_t bytes, uint64_t id_bytes);

/* How many entries an index is to be laid out for. */
uint64_t scache_limit_entries(const struct scache_limit *limit);

/* What the database may have to hold, in bytes. */
uint64_t scache_limit_store(const struct scache_limit *limit);

#endif
