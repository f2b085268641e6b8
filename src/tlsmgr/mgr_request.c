/* SPDX-License-Identifier: ISC */
#include "tlsmgr/mgr_request.h"

#include <string.h>

#include "mail/attr.h"
#include "mail/tlsmgr_proto.h"
#include "tls/random.h"
#include "tlsmgr/scache.h"
#include "tlsmgr/ticketkeys.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"

/* Each handler returns true when the attributes were all there. On FAIL the data of a reply is empty. */
typedef bool (*handler_fn)(const struct mgr_request_env *env, struct attr_scan *scan, struct buf *reply);

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

static bool
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
	return complete;
}

static bool
do_policy(const struct mgr_request_env *env, struct attr_scan *scan, struct buf *reply)
{
	const char *type = NULL;
	struct scache *cache = NULL;

	attr_scan_str(scan, TLSMGR_PROTO_CACHE_TYPE, &type);
	bool complete = is_complete(scan, 2);
	if (complete)
		cache = cache_of(env, type, TLSMGR_PROTO_POLICY);
	if (cache)
		tlsmgr_proto_reply_policy(
		    reply, TLSMGR_PROTO_OK, scache_is_enabled(cache), scache_timeout_s(cache));
	else
		tlsmgr_proto_reply_policy(reply, TLSMGR_PROTO_FAIL, 0, 0);
	return complete;
}

static bool
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
	return complete;
}

static bool
do_update(const struct mgr_request_env *env, struct attr_scan *scan, struct buf *reply)
{
	const char *type = NULL, *id = NULL;
	struct scache *cache = NULL;
	struct buf session = BUF_INIT;

	attr_scan_str(scan, TLSMGR_PROTO_CACHE_TYPE, &type);
	attr_scan_str(scan, TLSMGR_PROTO_CACHE_ID, &id);
	attr_scan_data(scan, TLSMGR_PROTO_SESSION, &session);
	bool complete = is_complete(scan, 4);
	if (complete)
		cache = enabled_cache_of(env, type, TLSMGR_PROTO_UPDATE);
	if (cache)
		scache_update(cache, id, buf_str(&session), session.len);
	tlsmgr_proto_reply_status(reply, cache ? TLSMGR_PROTO_OK : TLSMGR_PROTO_FAIL);
	buf_release_secret(&session);
	return complete;
}

static bool
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
	return complete;
}

static bool
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
	return complete;
}

static const struct {
	const char *name;
	handler_fn handle;
} requests[] = {
	{ TLSMGR_PROTO_LOOKUP, do_lookup },
	{ TLSMGR_PROTO_UPDATE, do_update },
	{ TLSMGR_PROTO_DELETE, do_delete },
	{ TLSMGR_PROTO_TKTKEY, do_tktkey },
	{ TLSMGR_PROTO_SEED, do_seed },
	{ TLSMGR_PROTO_POLICY, do_policy },
};

bool
mgr_request_handle(const struct mgr_request_env *env, const void *list, size_t len, struct buf *reply)
{
	struct attr_scan scan;
	const char *name;

	attr_scan_init(&scan, list, len, ATTR_FLAG_STRICT, env->stream);
	if (attr_scan_str(&scan, TLSMGR_PROTO_REQUEST, &name) != 1) {
		tlsmgr_proto_reply_status(reply, TLSMGR_PROTO_FAIL);
		return false;
	}
	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
		if (strcmp(name, requests[i].name) == 0)
			return requests[i].handle(env, &scan, reply);

	/* Of a later release, perhaps. An answer spares the client a long wait. */
	tlsmgr_proto_reply_status(reply, TLSMGR_PROTO_FAIL);
	return true;
}
