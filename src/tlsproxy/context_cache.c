/* SPDX-License-Identifier: ISC */
#include "tlsproxy/context_cache.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "tls/context.h"
#include "tls/digest.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/now.h"
#include "util/table.h"

struct entry {
	struct context *context; /* a reference; NULL: it could not be built */
	int64_t failed_ms;       /* when */
	uint64_t used;           /* the cache's clock when it was asked for last */
	bool pinned;
};

struct context_cache {
	struct table *entries; /* owned; by the digest of the key */
	size_t limit;
	size_t pinned;
	uint64_t clock; /* counts the questions */
};

static void
free_entry(void *value)
{
	struct entry *entry = value;

	context_unref(entry->context);
	free(entry);
}

struct context_cache *
context_cache_new(size_t limit)
{
	struct context_cache *cache = alloc_zero(sizeof *cache);

	cache->entries = table_new(free_entry);
	cache->limit = limit;
	return cache;
}

void
context_cache_free(struct context_cache *cache)
{
	if (!cache)
		return;
	table_free(cache->entries);
	free(cache);
}

/* Keys hold whatever a caller sent; all are of one length here. */
static char *
name_of(const struct buf *key)
{
	struct digest *digest = digest_new();
	struct buf name = BUF_INIT;

	digest_add(digest, buf_str(key), key->len);
	digest_finish(digest, &name);
	digest_free(digest);
	return buf_detach(&name);
}

/* What goes first: what failed, what nobody uses, what was used longest ago. */
static int
rank(const struct entry *entry)
{
	if (!entry->context)
		return 0;
	return context_is_shared(entry->context) ? 2 : 1;
}

static void
make_room(struct context_cache *cache)
{
	const char *name, *victim = NULL;
	const struct entry *worst = NULL;
	void *value;
	size_t at = 0;

	if (table_count(cache->entries) - cache->pinned < cache->limit)
		return;
	while ((name = table_next(cache->entries, &at, &value))) {
		const struct entry *entry = value;

		if (entry->pinned)
			continue;
		if (!worst || rank(entry) < rank(worst) ||
		    (rank(entry) == rank(worst) && entry->used < worst->used)) {
			worst = entry;
			victim = name;
		}
	}
	if (victim) {
		char *copy = alloc_string(victim);

		table_remove(cache->entries, copy);
		free(copy);
	}
}

struct context *
context_cache_get(struct context_cache *cache, const struct buf *key, context_cache_build_fn build, void *arg)
{
	char *name = name_of(key);
	struct entry *entry = table_get(cache->entries, name);

	if (entry && !entry->context && now_ms() - entry->failed_ms >= CONTEXT_CACHE_FAILED_MS) {
		table_remove(cache->entries, name);
		entry = NULL;
	}
	if (!entry) {
		make_room(cache);
		entry = alloc_zero(sizeof *entry);
		entry->context = build(arg);
		entry->failed_ms = now_ms();
		table_put(cache->entries, name, entry);
	}
	entry->used = ++cache->clock;
	free(name);
	return entry->context ? context_ref(entry->context) : NULL;
}

void
context_cache_pin(struct context_cache *cache, const struct buf *key, struct context *context)
{
	char *name = name_of(key);
	const struct entry *old = table_get(cache->entries, name);
	struct entry *entry = alloc_zero(sizeof *entry);

	entry->context = context_ref(context);
	entry->pinned = true;
	if (!old || !old->pinned)
		cache->pinned++;
	table_put(cache->entries, name, entry);
	free(name);
}

void
context_cache_forget(struct context_cache *cache)
{
	struct table *kept = table_new(free_entry);
	const char *name;
	void *value;
	size_t at = 0;

	while ((name = table_next(cache->entries, &at, &value))) {
		const struct entry *entry = value;

		if (entry->pinned) {
			struct entry *copy = alloc_zero(sizeof *copy);

			*copy = *entry;
			context_ref(copy->context);
			table_put(kept, name, copy);
		}
	}
	table_free(cache->entries);
	cache->entries = kept;
}

size_t
context_cache_count(const struct context_cache *cache)
{
	return table_count(cache->entries);
}
