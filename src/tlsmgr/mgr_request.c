/* SPDX-License-Identifier: ISC */
#include "tlsmgr/mgr_request.h"

#include <string.h>

#include "mail/attr.h"
#include "mail/tlsmgr_proto.h"
#include "tls/random.h"
#include "tlsmgr/scache.h"
#include "tlsmgr/statistics.h"
#include "tlsmgr/ticketkeys.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"

/* Each handler returns the status it put into the reply. On FAIL the data of a reply is empty. */
typedef int (*handler_fn)(const struct mgr_request_env *env, struct attr_scan *scan, struct buf *reply);

/* All attributes that were asked for are there; more of them are warned about, and harmless. */
static bool
is_complete(struct attr_scan *scan, int wanted)
{
	return attr_scan_end(scan) == wanted;
}

static struct scache *
cache_of(const struct mgr_request_env *env, const char *type, const char *request)
{
	for (int i = 0; i < MGR_REQUEST_CACHES; i++)
		if (strcmp(type, scache_label(env->caches[i])) == 0)
			return env->caches[i];
	log_warn("bogus cache type \"%s\" in \"%s\" request", type, request);
	return NULL;
}

/* The cache that entries can be in; NULL: FAIL. */
static struct scache *
enabled_cache_of(const struct mgr_request_env *env, const char *type, const char *request)
{
	struct scache *cache = cache_of(env, type, request);

	return cache && scache_is_enabled(cache) ? cache : NULL;
}

static int
do_seed(const struct mgr_request_env *env, struct attr_scan *scan, struct buf *reply)
{
	unsigned char seed[TLSMGR_PROTO_SEED_MAX];
	int size = 0, status = TLSMGR_PROTO_FAIL;
	size_t len = 0;

	(void)env;
	attr_scan_int(scan, TLSMGR_PROTO_SIZE, &size);
	bool complete = is_complete(scan, 2);
	if (complete && (size < 1 || size > TLSMGR_PROTO_SEED_MAX)) {
		log_warn("bogus seed length \"%d\" in \"seed\" request", size);
	} else if (complete && random_bytes(seed, (size_t)size) < 0) {
		status = TLSMGR_PROTO_ERR;
	} else if (complete) {
		status = TLSMGR_PROTO_OK;
		len = (size_t)size;
	}
	tlsmgr_proto_reply_data(reply, status, TLSMGR_PROTO_SEED, seed, len);
	alloc_wipe(seed, sizeof seed);
	return status;
}

static int
do_policy(const struct mgr_request_env *env, struct attr_scan *scan, struct buf *reply)
{
	const char *type = NULL;
	struct scache *cache = NULL;

	attr_scan_str(scan, TLSMGR_PROTO_CACHE_TYPE, &type);
	bool complete = is_complete(scan, 2);
	if (complete)
		cache = cache_of(env, type, TLSMGR_PROTO_POLICY);
	if (!cache) {
		tlsmgr_proto_reply_policy(reply, TLSMGR_PROTO_FAIL, 0, 0);
		return TLSMGR_PROTO_FAIL;
	}
	tlsmgr_proto_reply_policy(reply, TLSMGR_PROTO_OK, scache_is_enabled(cache), scache_timeout_s(cache));
	return TLSMGR_PROTO_OK;
}

static int
do_lookup(const struct mgr_request_env *env, struct attr_scan *scan, struct buf *reply)
{
	const char *type = NULL, *id = NULL;
	struct scache *cache = NULL;
	struct buf session = BUF_INIT;
	int status = TLSMGR_PROTO_FAIL;

	attr_scan_str(scan, TLSMGR_PROTO_CACHE_TYPE, &type);
	attr_scan_str(scan, TLSMGR_PROTO_CACHE_ID, &id);
	bool complete = is_complete(scan, 3);
	if (complete)
		cache = enabled_cache_of(env, type, TLSMGR_PROTO_LOOKUP);
	if (cache)
		status = scache_lookup(cache, id, &session) ? TLSMGR_PROTO_OK : TLSMGR_PROTO_ERR;
	tlsmgr_proto_reply_data(reply, status, TLSMGR_PROTO_SESSION, buf_str(&session), session.len);
	buf_release_secret(&session);
	return status;
}

static int
do_update(const struct mgr_request_env *env, struct attr_scan *scan, struct buf *reply)
{
	const char *type = NULL, *id = NULL;
	struct scache *cache = NULL;
	struct buf session = BUF_INIT;
	int status = TLSMGR_PROTO_FAIL;

	attr_scan_str(scan, TLSMGR_PROTO_CACHE_TYPE, &type);
	attr_scan_str(scan, TLSMGR_PROTO_CACHE_ID, &id);
	attr_scan_data(scan, TLSMGR_PROTO_SESSION, &session);
	bool complete = is_complete(scan, 4);
	if (complete)
		cache = enabled_cache_of(env, type, TLSMGR_PROTO_UPDATE);
	if (cache) {
		scache_update(cache, id, buf_str(&session), session.len);
		status = TLSMGR_PROTO_OK;
	}
	tlsmgr_proto_reply_status(reply, status);
	buf_release_secret(&session);
	return status;
}

static int
do_delete(const struct mgr_request_env *env, struct attr_scan *scan, struct buf *reply)
{
	const char *type = NULL, *id = NULL;
	struct scache *cache = NULL;
	int status = TLSMGR_PROTO_FAIL;

	attr_scan_str(scan, TLSMGR_PROTO_CACHE_TYPE, &type);
	attr_scan_str(scan, TLSMGR_PROTO_CACHE_ID, &id);
	bool complete = is_complete(scan, 3);
	if (complete)
		cache = enabled_cache_of(env, type, TLSMGR_PROTO_DELETE);
	if (cache)
		status = scache_delete(cache, id) ? TLSMGR_PROTO_OK : TLSMGR_PROTO_ERR;
	tlsmgr_proto_reply_status(reply, status);
	return status;
}

static int
do_tktkey(const struct mgr_request_env *env, struct attr_scan *scan, struct buf *reply)
{
	unsigned char record[TLSMGR_TICKET_RECORD_LEN];
	const struct tlsmgr_ticket_key *key = NULL;
	struct buf name = BUF_INIT;
	int status = TLSMGR_PROTO_FAIL;

	attr_scan_data(scan, TLSMGR_PROTO_KEYNAME, &name);
	bool complete = is_complete(scan, 2);
	if (complete && name.len != 0 && name.len != TLSMGR_TICKET_NAME_LEN) {
		log_warn("invalid session ticket key name length: %zu", name.len);
	} else if (complete) {
		key = name.len == 0 ? ticketkeys_current(env->keys) : ticketkeys_find(env->keys, name.bytes);
		status = key ? TLSMGR_PROTO_OK : TLSMGR_PROTO_ERR;
	}
	if (key)
		tlsmgr_proto_pack_key(key, record);
	tlsmgr_proto_reply_data(reply, status, TLSMGR_PROTO_KEYBUF, record, key ? sizeof record : 0);
	alloc_wipe(record, sizeof record);
	buf_release(&name);
	return status;
}

/* Ours alone: Postfix's programs never ask. */
static int
do_stats(const struct mgr_request_env *env, struct attr_scan *scan, struct buf *reply)
{
	int status = is_complete(scan, 1) ? TLSMGR_PROTO_OK : TLSMGR_PROTO_FAIL;

	attr_put_int(reply, TLSMGR_PROTO_STATUS, status);
	if (status == TLSMGR_PROTO_OK)
		statistics_put(env, reply);
	attr_put_end(reply);
	return status;
}

static const struct {
	const char *name;
	handler_fn handle;
} requests[] = {
	[STATISTICS_LOOKUP] = { TLSMGR_PROTO_LOOKUP, do_lookup },
	[STATISTICS_UPDATE] = { TLSMGR_PROTO_UPDATE, do_update },
	[STATISTICS_DELETE] = { TLSMGR_PROTO_DELETE, do_delete },
	[STATISTICS_TKTKEY] = { TLSMGR_PROTO_TKTKEY, do_tktkey },
	[STATISTICS_SEED] = { TLSMGR_PROTO_SEED, do_seed },
	[STATISTICS_POLICY] = { TLSMGR_PROTO_POLICY, do_policy },
	[STATISTICS_STATS] = { TLSMGR_PROTO_STATS, do_stats },
};

bool
mgr_request_handle(const struct mgr_request_env *env, const void *list, size_t len, struct buf *reply)
{
	struct attr_scan scan;
	const char *name;

	attr_scan_init(&scan, list, len, ATTR_FLAG_STRICT, env->stream);
	bool named = attr_scan_str(&scan, TLSMGR_PROTO_REQUEST, &name) == 1;
	for (int i = 0; named && i < (int)(sizeof requests / sizeof requests[0]); i++) {
		if (strcmp(name, requests[i].name) == 0) {
			statistics_count(env->statistics, i, requests[i].handle(env, &scan, reply));
			return true;
		}
	}

	/* Of a later release, perhaps. An answer spares the client a long wait. */
	tlsmgr_proto_reply_status(reply, TLSMGR_PROTO_FAIL);
	statistics_count(env->statistics, STATISTICS_OTHER, TLSMGR_PROTO_FAIL);
	return named;
}
