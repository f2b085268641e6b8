/* SPDX-License-Identifier: ISC */
#include "tlsmgr/scache.h"

#include <stdlib.h>
#include <string.h>

#include "tls/random.h"
#include "tlsmgr/ageindex.h"
#include "tlsmgr/entry.h"
#include "tlsmgr/scache_limit.h"
#include "tlsmgr/store.h"
#include "tlsmgr/storefile.h"
#include "tlsmgr/takeover.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/now.h"
#include "util/siphash.h"
#include "util/text.h"

enum {
	LEAST_TIMEOUT_S = 120,
	IDLE_MS = 1000,    /* between two looks at the oldest entry */
	DISCARD_STEPS = 8, /* entries of a lost database that are forgotten at a time */
	EVICT_STEPS = 64,  /* entries that make room for one */
};

struct scache {
	const char *label;
	struct storefile *file;   /* owned; NULL when not enabled */
	struct store *store;      /* owned; NULL when not usable */
	struct ageindex *index;   /* owned; NULL without a store */
	struct ageindex *discard; /* owned; of a store that is lost; freed a little at a time */
	unsigned char key[SIPHASH_KEY_LEN];
	int timeout_s;
	bool log;
	bool check_utf8;
	bool first; /* the next record to be read is the first */
	struct scache_limit limit;
	size_t wanted;             /* room for a session for which there was none */
	struct takeover *takeover; /* owned; NULL when none is under way */
	struct scache_stats stats;
	struct buf id, value; /* of the record being read */
	struct buf session;   /* for what nobody asked for */
};

#define LOG(cache, ...)                                                                                      \
	do {                                                                                                 \
		if ((cache)->log)                                                                            \
			log_info(__VA_ARGS__);                                                               \
	} while (0)

static void
start_clock(struct scache *cache)
{
	ageindex_tick(cache->index, now_ms() / 1000);
}

static void
try_store(struct scache *cache)
{
	cache->store = storefile_open(cache->file);
	if (!cache->store)
		return;
	cache->index = ageindex_new(scache_limit_entries(&cache->limit), cache->timeout_s, cache->key);
	cache->stats.loading = cache->first = store_has_old_records(cache->store);
	if (store_has_foreign_records(cache->store))
		cache->takeover = takeover_new(cache->label, storefile_name(cache->file));
}

static void
end_takeover(struct scache *cache)
{
	takeover_report(cache->takeover);
	takeover_free(cache->takeover);
	cache->takeover = NULL;
}

static void
enable(struct scache *cache, const struct scache_config *config)
{
	struct storefile_config file_config = {
		.label = config->label,
		.database = config->database,
		.default_type = config->default_type,
		.boot = config->boot ? config->boot : "",
		.limit = scache_limit_store(&cache->limit),
		.location = config->location,
	};

	if (random_bytes(cache->key, sizeof cache->key) < 0)
		log_warn("no random key for the index of the %s TLS cache", cache->label);
	cache->file = storefile_new(&file_config);
	LOG(cache, "open %s TLS cache %s", cache->label, storefile_name(cache->file));
	try_store(cache);
}

struct scache *
scache_new(const struct scache_config *config)
{
	struct scache *cache = alloc_zero(sizeof *cache);

	cache->label = config->label;
	cache->timeout_s = config->timeout_s <= 0 ? 0 : config->timeout_s;
	if (cache->timeout_s > 0 && cache->timeout_s < LEAST_TIMEOUT_S)
		cache->timeout_s = LEAST_TIMEOUT_S;
	cache->log = config->log;
	cache->check_utf8 = config->check_utf8;
	cache->limit = (struct scache_limit){ config->entry_limit, config->size_limit };
	if (cache->timeout_s > 0 && config->database[0])
		enable(cache, config);
	return cache;
}

void
scache_free(struct scache *cache)
{
	if (!cache)
		return;
	if (cache->takeover) {
		takeover_cut_short(cache->takeover);
		end_takeover(cache);
	}
	/* Before the memory, because the process that follows waits for it. */
	storefile_close(cache->file, cache->store);
	storefile_free(cache->file);
	ageindex_free(cache->index);
	ageindex_free(cache->discard);
	buf_release(&cache->id);
	buf_release_secret(&cache->value);
	buf_release_secret(&cache->session);
	free(cache);
}

int
scache_directory(const struct scache *cache)
{
	return cache->file ? storefile_directory(cache->file) : -1;
}

const char *
scache_label(const struct scache *cache)
{
	return cache->label;
}

bool
scache_is_enabled(const struct scache *cache)
{
	return cache->file != NULL;
}

bool
scache_is_logging(const struct scache *cache)
{
	return cache->log;
}

int
scache_timeout_s(const struct scache *cache)
{
	return cache->timeout_s;
}

void
scache_stats(const struct scache *cache, struct scache_stats *stats)
{
	*stats = cache->stats;
	if (cache->store) {
		stats->entries = ageindex_count(cache->index);
		stats->bytes = ageindex_bytes(cache->index);
		stats->file_bytes = store_file_bytes(cache->store);
		stats->available = true;
		stats->loading |= store_has_foreign_records(cache->store);
	}
}

/* A database that failed has lost what was in it. */
static void
give_up(struct scache *cache, const struct err *err)
{
	takeover_free(cache->takeover);
	cache->takeover = NULL;
	storefile_close(cache->file, cache->store);
	cache->store = NULL;
	storefile_failed(cache->file, err);
	cache->discard = cache->index;
	cache->index = NULL;
	cache->stats.loading = false;
	cache->stats.failures++;
}

static bool
is_usable_id(const struct scache *cache, const char *id)
{
	if (!cache->check_utf8 || text_is_utf8(id, strlen(id)))
		return true;

	/* Every byte outside ASCII becomes '?', also those that would make a character by themselves. */
	char *shown = alloc_string(id);
	for (char *at = shown; *at; at++)
		if ((unsigned char)*at >= 0x80 || (unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	log_warn("%s: non-UTF-8 key \"%s\": malformed UTF-8 or invalid codepoint",
	    storefile_name(cache->file), shown);
	free(shown);
	return false;
}

/* A damaged stamp must not overflow: so now, which is none, is what is calculated with. */
static bool
is_expired(const struct scache *cache, int64_t stamp)
{
	return stamp < now_wall() - cache->timeout_s;
}

static void
log_read(const struct scache *cache, const char *id, int64_t stamp, size_t len)
{
	LOG(cache, "read %s TLS cache entry %s: time=%lld [data %zu bytes]", cache->label, id,
	    (long long)stamp, len);
}

static void
log_delete(const struct scache *cache, const char *id)
{
	LOG(cache, "delete %s session id=%s", cache->label, id);
}

/* The index may know the entry or not. 1: there was one. `id` may be that of the entry. */
static int
remove_entry(struct scache *cache, const char *id)
{
	struct err err = { 0 };
	const struct ageindex_entry *entry = ageindex_find(cache->index, id);
	if (!entry && !cache->stats.loading)
		return 0;
	int found = store_remove(cache->store, id, &err);
	if (found < 0) {
		give_up(cache, &err);
		return 0;
	}
	if (entry)
		ageindex_remove(cache->index, entry);
	return found;
}

/* Who deletes, or replaces by what cannot be kept, means also what is still to be taken over. */
static void
forbid_takeover(struct scache *cache, const char *id)
{
	if (!cache->takeover || takeover_forbid(cache->takeover, id))
		return;
	takeover_cut_short(cache->takeover);
	store_stop_foreign(cache->store);
}

static void
drop(struct scache *cache, const char *id)
{
	log_delete(cache, id);
	remove_entry(cache, id);
}

static void
drop_expired(struct scache *cache, const char *id)
{
	cache->stats.expired++;
	drop(cache, id);
}

/* The lines are those of Postfix's sweep, which finds an entry, and then looks it up to have it dropped. */
static void
sweep_out(struct scache *cache, const char *id, int64_t stamp, size_t len)
{
	log_read(cache, id, stamp, len);
	LOG(cache, "lookup %s session id=%s", cache->label, id);
	log_read(cache, id, stamp, len);
	drop_expired(cache, id);
}

static void
evict_oldest(struct scache *cache)
{
	cache->stats.evicted++;
	drop(cache, ageindex_oldest(cache->index)->id);
}

/* True if a limit is exceeded when `id`, NULL for nothing, has a session of `len` bytes. */
static bool
is_over(const struct scache *cache, const char *id, size_t len)
{
	size_t id_len = id ? strlen(id) : 0;
	uint64_t count = ageindex_count(cache->index) + (id != NULL);
	uint64_t bytes = ageindex_bytes(cache->index) + len + id_len;
	uint64_t id_bytes = ageindex_id_bytes(cache->index) + id_len;

	if (!scache_limit_exceeded(&cache->limit, count, bytes, id_bytes))
		return false;

	/* It may replace one. */
	const struct ageindex_entry *old = id ? ageindex_find(cache->index, id) : NULL;
	return !old ||
	       scache_limit_exceeded(&cache->limit, count - 1, bytes - id_len - old->len, id_bytes - id_len);
}

/* So many small ones may have to go for a large one that clients would wait: then some go, and false. */
static bool
make_room(struct scache *cache, const char *id, size_t len)
{
	for (int i = 0; cache->store && is_over(cache, id, len); i++) {
		if (i == EVICT_STEPS || ageindex_count(cache->index) == 0)
			return false;
		evict_oldest(cache);
	}
	return cache->store != NULL;
}

/* Makes a record of an earlier run known to the index. */
static void
remember(struct scache *cache, const char *id, int64_t stamp, size_t len)
{
	ageindex_put(cache->index, id, stamp, (uint32_t)len, entry_age_s(stamp));
	(void)make_room(cache, NULL, 0); /* the rest between requests */
}

/* How far ahead it may be is how long it may stay: from the next run on nobody knows its age. */
static bool
is_keepable(const struct scache *cache, int64_t stamp, size_t len)
{
	return !is_expired(cache, stamp) && stamp <= now_wall() + cache->timeout_s && len <= UINT32_MAX;
}

/* False, after a warning: the value is no entry, and was dropped. */
static bool
decode(struct scache *cache, const char *id, int64_t *stamp, struct buf *session)
{
	enum entry_verdict verdict = entry_decode(buf_str(&cache->value), cache->value.len, stamp, session);

	if (verdict == ENTRY_GOOD)
		return true;
	log_warn("%s TLS cache: %s entry for %s: %.100s", cache->label,
	    verdict == ENTRY_TRUNCATED ? "truncated" : "malformed", id, buf_str(&cache->value));
	drop(cache, id);
	return false;
}

/* Reads the entry from the database. 1: `session` replaced. 0 */
static int
fetch(struct scache *cache, const char *id, struct buf *session)
{
	struct err err = { 0 };
	int64_t stamp;
	int found = store_get(cache->store, id, &cache->value, &err);

	if (found < 0) {
		give_up(cache, &err);
		return 0;
	}
	const struct ageindex_entry *entry = ageindex_find(cache->index, id);
	if (found == 0 && entry)
		ageindex_remove(cache->index, entry);
	if (found == 0 || !decode(cache, id, &stamp, session))
		return 0;
	log_read(cache, id, stamp, session->len);
	if (entry)
		return 1;
	if (!is_keepable(cache, stamp, session->len)) {
		drop_expired(cache, id);
		return 0;
	}
	remember(cache, id, stamp, session->len);
	return 1;
}

static int
find(struct scache *cache, const char *id, struct buf *session)
{
	start_clock(cache);
	const struct ageindex_entry *entry = ageindex_find(cache->index, id);
	if (!entry && !cache->stats.loading)
		return 0;
	if (entry && is_expired(cache, entry->stamp)) {
		log_read(cache, id, entry->stamp, entry->len);
		drop_expired(cache, id);
		return 0;
	}
	return fetch(cache, id, session);
}

int
scache_lookup(struct scache *cache, const char *id, struct buf *session)
{
	int found = 0;

	LOG(cache, "lookup %s session id=%s", cache->label, id);
	if (cache->store && is_usable_id(cache, id))
		found = find(cache, id, session);
	if (found)
		cache->stats.hits++;
	else
		cache->stats.misses++;
	return found;
}

/* What the client has replaced must not come back. */
static void
forget(struct scache *cache, const char *id)
{
	forbid_takeover(cache, id);
	if (ageindex_find(cache->index, id) || cache->stats.loading)
		drop(cache, id);
}

/* False: not kept. */
static bool
keep(struct scache *cache, const char *id, int64_t stamp, const void *session, size_t len)
{
	struct err err = { 0 };

	start_clock(cache);
	bool fits = len <= UINT32_MAX && (!cache->limit.size || len + strlen(id) <= cache->limit.size);
	if (!fits || !make_room(cache, id, len)) {
		if (fits)
			cache->wanted = len + strlen(id);
		if (cache->store)
			forget(cache, id);
		return false;
	}
	entry_encode(&cache->value, stamp, session, len);
	if (store_put(cache->store, id, cache->value.bytes, cache->value.len, &err) < 0) {
		give_up(cache, &err);
		return false;
	}
	ageindex_put(cache->index, id, stamp, (uint32_t)len, entry_age_s(stamp));
	return true;
}

void
scache_update(struct scache *cache, const char *id, const void *session, size_t len)
{
	int64_t stamp = now_wall();

	LOG(cache, "put %s session id=%s [data %zu bytes]", cache->label, id, len);
	LOG(cache, "write %s TLS cache entry %s: time=%lld [data %zu bytes]", cache->label, id,
	    (long long)stamp, len);
	if (cache->store && is_usable_id(cache, id) && keep(cache, id, stamp, session, len))
		cache->stats.updates++;
	else
		cache->stats.refused++;
}

int
scache_delete(struct scache *cache, const char *id)
{
	log_delete(cache, id);
	if (!cache->store)
		return 0;
	if (!is_usable_id(cache, id))
		return 1;
	forbid_takeover(cache, id);
	int found = remove_entry(cache, id);
	cache->stats.deletes += (uint64_t)found;
	return found;
}

/* --- between requests --- */

static void
forget_some(struct scache *cache)
{
	const struct ageindex_entry *entry = NULL;

	for (int i = 0; i < DISCARD_STEPS && (entry = ageindex_oldest(cache->discard)) != NULL; i++)
		ageindex_remove(cache->discard, entry);
	if (!entry) {
		ageindex_free(cache->discard);
		cache->discard = NULL;
	}
}

/* False: there is none that has expired. */
static bool
expire_oldest(struct scache *cache)
{
	const struct ageindex_entry *oldest = ageindex_oldest(cache->index);

	/* The second rule is for those whose time lies in the future. */
	if (!oldest ||
	    (!is_expired(cache, oldest->stamp) && ageindex_least_age_s(cache->index) <= cache->timeout_s))
		return false;
	sweep_out(cache, oldest->id, oldest->stamp, oldest->len);
	return true;
}

/* False: there is room. */
static bool
make_wanted_room(struct scache *cache)
{
	if (ageindex_count(cache->index) > 0 && is_over(cache, NULL, cache->wanted)) {
		evict_oldest(cache);
		return true;
	}
	cache->wanted = 0;
	return false;
}

static void
load_next(struct scache *cache)
{
	struct err err = { 0 };
	int64_t stamp;
	int found = store_next(cache->store, cache->first, &cache->id, &cache->value, &err);

	if (found < 0) {
		give_up(cache, &err);
		return;
	}
	const char *id = buf_str(&cache->id);
	cache->first = false;
	cache->stats.loading = found > 0;
	if (!found || ageindex_find(cache->index, id) || !decode(cache, id, &stamp, &cache->session))
		return;
	if (is_keepable(cache, stamp, cache->session.len))
		remember(cache, id, stamp, cache->session.len);
	else
		sweep_out(cache, id, stamp, cache->session.len);
}

/* Whether a session of another program is one to keep. */
static bool
is_wanted(const struct scache *cache, const char *id, int64_t stamp, size_t len)
{
	const struct ageindex_entry *entry = ageindex_find(cache->index, id);
	const struct ageindex_entry *oldest = ageindex_oldest(cache->index);

	if (!is_keepable(cache, stamp, len) || (entry && entry->stamp >= stamp) ||
	    takeover_is_forbidden(cache->takeover, id))
		return false;
	if (cache->check_utf8 && !text_is_utf8(id, strlen(id)))
		return false;
	/* It would be the first to go. */
	return !is_over(cache, id, len) || (oldest && oldest->stamp < stamp);
}

static void
take_over(struct scache *cache)
{
	const char *id = buf_str(&cache->id);
	int64_t stamp;

	if (entry_decode(buf_str(&cache->value), cache->value.len, &stamp, &cache->session) == ENTRY_GOOD &&
	    is_wanted(cache, id, stamp, cache->session.len) &&
	    keep(cache, id, stamp, cache->session.bytes, cache->session.len))
		takeover_count(cache->takeover);
}

static void
take_over_next(struct scache *cache)
{
	switch (store_next_foreign(cache->store, &cache->id, &cache->value)) {
	case FOREIGN_RECORD:
		take_over(cache);
		break;
	case FOREIGN_FULL:
		takeover_cut_short(cache->takeover);
		break;
	case FOREIGN_END:
		end_takeover(cache);
		break;
	case FOREIGN_NOTHING:
		break;
	}
}

int
scache_tend(struct scache *cache)
{
	if (cache->discard) {
		forget_some(cache);
		return 0;
	}
	if (!cache->store) {
		try_store(cache);
		return cache->store ? 0 : storefile_wait_ms(cache->file);
	}
	start_clock(cache);
	if (expire_oldest(cache) || make_wanted_room(cache))
		return 0;
	if (cache->stats.loading)
		load_next(cache);
	else if (cache->takeover)
		take_over_next(cache);
	else
		return IDLE_MS;
	return 0;
}
