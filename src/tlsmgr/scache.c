/* SPDX-License-Identifier: ISC */
#include "tlsmgr/scache.h"

#include <stdlib.h>
#include <string.h>

#include "tlsmgr/location.h"
#include "tlsmgr/store.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/hex.h"
#include "util/log.h"
#include "util/now.h"
#include "util/text.h"

enum {
	LEAST_TIMEOUT_S = 120,
	STAMP_LEN = 8,
	EVICT_STEPS = 8, /* for one update; more than one, so that the size comes down */
};

/* An entry is the time of its update, eight bytes in native order, and the session; on disk in hex. */
struct scache {
	const char *label;
	char *name;          /* owned; "type:path" for the log; NULL when not enabled */
	struct store *store; /* owned; NULL when not enabled or not usable */
	uint64_t bytes;      /* ids and entries in it */
	int timeout_s;
	bool log;
	bool check_utf8;
	uint64_t limit;
};

#define LOG(cache, ...)                                                                                      \
	do {                                                                                                 \
		if ((cache)->log)                                                                            \
			log_info(__VA_ARGS__);                                                               \
	} while (0)

/* Kinds of table that live in a file of their own. */
static bool
is_file_type(const char *type)
{
	static const char *const types[] = { "hash", "btree", "dbm", "lmdb", "cdb", "sdbm", "dbz" };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

static void
open_store(struct scache *cache, const struct scache_config *config)
{
	const char *colon = strchr(config->database, ':');
	char *type = colon ? alloc_string_n(config->database, (size_t)(colon - config->database))
			   : alloc_string(config->default_type);
	const char *configured = colon ? colon + 1 : config->database;
	char *shown = alloc_printf("%s:%s", type, configured);
	char *path = is_file_type(type) ? location_choose(config->location, configured, "table", shown)
					: alloc_string(configured);
	struct err err = { 0 };

	cache->name = alloc_printf("%s:%s", type, path);
	LOG(cache, "open %s TLS cache %s", cache->label, cache->name);
	cache->store = store_new(
	    &(struct store_config){
		.type = type, .path = path, .shown = path, .boot = "", .limit = cache->limit },
	    &err);
	if (!cache->store)
		log_error("%s", err.text);
	free(path);
	free(shown);
	free(type);
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
	cache->limit = config->limit ? config->limit : SCACHE_LIMIT;
	if (cache->timeout_s > 0 && config->database[0])
		open_store(cache, config);
	return cache;
}

void
scache_free(struct scache *cache)
{
	if (!cache)
		return;
	store_free(cache->store);
	free(cache->name);
	free(cache);
}

const char *
scache_label(const struct scache *cache)
{
	return cache->label;
}

bool
scache_is_enabled(const struct scache *cache)
{
	return cache->name != NULL;
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

/* A database that failed once is not trusted again. */
static void
give_up(struct scache *cache, const struct err *err)
{
	log_warn("%s; continuing without %s TLS session cache", err->text, cache->label);
	store_free(cache->store);
	cache->store = NULL;
	cache->bytes = 0;
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
	log_warn("%s: non-UTF-8 key \"%s\": malformed UTF-8 or invalid codepoint", cache->name, shown);
	free(shown);
	return false;
}

enum entry_state { ENTRY_FRESH, ENTRY_EXPIRED, ENTRY_DAMAGED };

/* Reads an entry and takes off the zero byte that ends it. */
static int
get(struct scache *cache, const char *id, struct buf *text, struct err *err)
{
	int found = store_get(cache->store, id, text, err);

	if (found > 0 && text->len > 0)
		buf_truncate(text, text->len - 1);
	return found;
}

/* To be called before an entry is replaced or removed. */
static int
forget_size(struct scache *cache, const char *id, struct err *err)
{
	struct buf text = BUF_INIT;
	int found = get(cache, id, &text, err);

	if (found > 0)
		cache->bytes -= strlen(id) + text.len;
	buf_release_secret(&text);
	return found;
}

/* Replaces `session` unless it is NULL. */
static enum entry_state
decode(const struct scache *cache, const char *id, const struct buf *text, struct buf *session)
{
	struct buf entry = BUF_INIT;
	int64_t stamp;
	enum entry_state state = ENTRY_DAMAGED;

	if (text->len < 2 * STAMP_LEN) {
		log_warn("%s TLS cache: truncated entry for %s: %.100s", cache->label, id, buf_str(text));
	} else if (!hex_decode(&entry, text->bytes, text->len)) {
		log_warn("%s TLS cache: malformed entry for %s: %.100s", cache->label, id, buf_str(text));
	} else {
		memcpy(&stamp, entry.bytes, STAMP_LEN);
		LOG(cache, "read %s TLS cache entry %s: time=%lld [data %zu bytes]", cache->label, id,
		    (long long)stamp, entry.len - STAMP_LEN);
		/* No sum of a damaged stamp and the timeout may overflow. */
		state = stamp < now_wall() - cache->timeout_s ? ENTRY_EXPIRED : ENTRY_FRESH;
		if (state == ENTRY_FRESH && session) {
			buf_clear(session);
			buf_add(session, entry.bytes + STAMP_LEN, entry.len - STAMP_LEN);
		}
	}
	buf_release_secret(&entry);
	return state;
}

int
scache_delete(struct scache *cache, const char *id)
{
	struct err err = { 0 };

	LOG(cache, "delete %s session id=%s", cache->label, id);
	if (!cache->store)
		return 0;
	if (!is_usable_id(cache, id))
		return 1;
	int found = forget_size(cache, id, &err);
	if (found > 0)
		found = store_remove(cache->store, id, &err);
	if (found < 0) {
		give_up(cache, &err);
		return 0;
	}
	return found;
}

int
scache_lookup(struct scache *cache, const char *id, struct buf *session)
{
	struct buf text = BUF_INIT;
	struct err err = { 0 };
	int found;

	LOG(cache, "lookup %s session id=%s", cache->label, id);
	if (!cache->store || !is_usable_id(cache, id))
		return 0;
	found = get(cache, id, &text, &err);
	if (found < 0) {
		give_up(cache, &err);
		found = 0;
	} else if (found && decode(cache, id, &text, session) != ENTRY_FRESH) {
		scache_delete(cache, id);
		found = 0;
	}
	buf_release_secret(&text);
	return found;
}

/* One entry, whichever the sweep comes to next, makes room. */
static bool
evict(struct scache *cache)
{
	struct buf id = BUF_INIT, text = BUF_INIT;
	struct err err = { 0 };
	int found = store_next(cache->store, false, &id, &text, &err);

	if (found == 0)
		found = store_next(cache->store, true, &id, &text, &err);
	if (found > 0)
		found = forget_size(cache, buf_str(&id), &err);
	if (found > 0)
		found = store_remove(cache->store, buf_str(&id), &err);
	if (found < 0)
		give_up(cache, &err);
	buf_release(&id);
	buf_release_secret(&text);
	return found > 0;
}

void
scache_update(struct scache *cache, const char *id, const void *session, size_t len)
{
	struct buf text = BUF_INIT;
	struct err err = { 0 };
	int64_t stamp = now_wall();

	LOG(cache, "put %s session id=%s [data %zu bytes]", cache->label, id, len);
	LOG(cache, "write %s TLS cache entry %s: time=%lld [data %zu bytes]", cache->label, id,
	    (long long)stamp, len);
	if (!cache->store || !is_usable_id(cache, id))
		return;
	for (int i = 0; i < EVICT_STEPS && cache->bytes > cache->limit; i++)
		if (!evict(cache))
			break;
	if (!cache->store)
		return;
	hex_encode(&text, &stamp, sizeof stamp, 0);
	hex_encode(&text, session, len, 0);
	if (forget_size(cache, id, &err) < 0 ||
	    store_put(cache->store, id, text.bytes, text.len + 1, &err) < 0)
		give_up(cache, &err);
	else
		cache->bytes += strlen(id) + text.len;
	buf_release_secret(&text);
}

bool
scache_sweep_step(struct scache *cache, bool first)
{
	struct buf id = BUF_INIT, text = BUF_INIT;
	struct err err = { 0 };

	if (!cache->store)
		return false;
	int found = store_next(cache->store, first, &id, &text, &err);
	if (found > 0 && text.len > 0)
		buf_truncate(&text, text.len - 1);
	if (found < 0)
		give_up(cache, &err);
	else if (found && decode(cache, buf_str(&id), &text, NULL) != ENTRY_FRESH)
		scache_lookup(
		    cache, buf_str(&id), NULL); /* which drops it, with the lines administrators know */
	buf_release(&id);
	buf_release_secret(&text);
	return found > 0;
}
