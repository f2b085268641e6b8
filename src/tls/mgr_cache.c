/* SPDX-License-Identifier: ISC */
#include "tls/mgr_cache.h"

#include <stdlib.h>

#include <openssl/ssl.h>

#include "mail/tlsmgr_proto.h"
#include "tls/library.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"

void
mgr_cache_init(struct mgr_cache *cache, struct mgr_client *mgr, const char *type)
{
	*cache = (struct mgr_cache){ .mgr = mgr, .type = alloc_string(type) };
}

void
mgr_cache_release(struct mgr_cache *cache)
{
	free(cache->type);
}

struct mgr_request *
mgr_cache_ask_policy(struct mgr_cache *cache, mgr_reply_fn fn, void *context)
{
	struct buf request = BUF_INIT;

	tlsmgr_proto_put_policy(&request, cache->type);
	return mgr_client_ask(cache->mgr, &request, fn, context);
}

bool
mgr_cache_take_policy(struct mgr_cache *cache, const void *list, size_t len)
{
	int status, cachable, timeout_s;

	if (!list || tlsmgr_proto_get_policy(
			 list, len, mgr_client_name(cache->mgr), &status, &cachable, &timeout_s) < 0)
		return false;
	cache->policy_known = true;
	cache->timeout_s = status == TLSMGR_PROTO_OK && timeout_s > 0 ? timeout_s : 0;
	cache->cachable = cachable && cache->timeout_s > 0;
	return true;
}

struct mgr_request *
mgr_cache_ask_session(struct mgr_cache *cache, const char *id, mgr_reply_fn fn, void *context)
{
	struct buf request = BUF_INIT;

	tlsmgr_proto_put_lookup(&request, cache->type, id);
	return mgr_client_ask(cache->mgr, &request, fn, context);
}

struct ssl_session_st *
mgr_cache_take_session(const struct mgr_cache *cache, const void *list, size_t len)
{
	struct buf der = BUF_INIT;
	SSL_SESSION *session = NULL;
	int status;

	if (list && tlsmgr_proto_get_session(list, len, mgr_client_name(cache->mgr), &status, &der) == 0 &&
	    status == TLSMGR_PROTO_OK) {
		const unsigned char *at = (const unsigned char *)der.bytes;

		/* What is in the cache may be of any make; it costs resumption at worst. */
		session = d2i_SSL_SESSION(NULL, &at, (long)der.len);
		if (!session)
			library_log_errors();
	}
	buf_release_secret(&der);
	return session;
}

/* `request` is emptied. Without tlsmgr the cache is out of reach, and that is all. */
static void
tell(struct mgr_cache *cache, struct buf *request)
{
	if (mgr_client_is_up(cache->mgr))
		mgr_client_ask(cache->mgr, request, NULL, NULL);
	buf_release_secret(request);
}

bool
mgr_cache_store(struct mgr_cache *cache, const char *id, struct ssl_session_st *session)
{
	struct buf request = BUF_INIT;
	unsigned char *der = NULL;
	int len = i2d_SSL_SESSION(session, &der);

	if (len <= 0) {
		log_warn("tls_session_passivate: i2d_SSL_SESSION failed: unable to cache session");
		return false;
	}
	tlsmgr_proto_put_update(&request, cache->type, id, der, (size_t)len);
	OPENSSL_clear_free(der, (size_t)len);
	tell(cache, &request);
	return true;
}

void
mgr_cache_remove(struct mgr_cache *cache, const char *id)
{
	struct buf request = BUF_INIT;

	tlsmgr_proto_put_delete(&request, cache->type, id);
	tell(cache, &request);
}
