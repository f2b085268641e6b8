/* SPDX-License-Identifier: ISC */
#include "tls/resume_client.h"

#include <stdlib.h>

#include <openssl/ssl.h>

#include "mail/timer.h"
#include "tls/kept_session.h"
#include "tls/library.h"
#include "tls/loglevel.h"
#include "tls/mgr_cache.h"
#include "util/alloc.h"
#include "util/log.h"

enum {
	ASK_AGAIN_MS = 5000,          /* after tlsmgr did not answer */
	POLICY_AGAIN_MS = 600 * 1000, /* while there is no cache */
};

struct resume_client {
	struct mgr_cache cache;
	struct timer *refresh; /* owned */
};

static int conn_index = -1;

/* --- the policy --- */

static void
on_policy_ahead(const void *list, size_t len, void *context)
{
	struct resume_client *resume = context;

	if (!mgr_cache_take_policy(&resume->cache, list, len))
		timer_start(resume->refresh, ASK_AGAIN_MS);
	else if (!resume->cache.cachable)
		timer_start(resume->refresh, POLICY_AGAIN_MS);
}

static void
ask_ahead(void *context)
{
	struct resume_client *resume = context;

	mgr_cache_ask_policy(&resume->cache, on_policy_ahead, resume);
}

struct resume_client *
resume_client_new(struct event_base *base, struct mgr_client *mgr, const char *cache_type)
{
	struct resume_client *resume = alloc_zero(sizeof *resume);

	mgr_cache_init(&resume->cache, mgr, cache_type);
	resume->refresh = timer_new(base, ask_ahead, resume);
	ask_ahead(resume);
	return resume;
}

void
resume_client_free(struct resume_client *resume)
{
	if (!resume)
		return;
	timer_free(resume->refresh);
	mgr_cache_release(&resume->cache);
	free(resume);
}

/* --- storing --- */

static int
on_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct resume_client_conn *conn = SSL_get_ex_data(ssl, conn_index);
	struct resume_client *resume = conn ? conn->resume : NULL;

	if (conn && conn->kept)
		kept_session_put(conn->kept, conn->id, session);
	if (!resume || !resume->cache.cachable ||
	    conn->stored >= (conn->first_only ? 1 : RESUME_CLIENT_STORED_LIMIT))
		return 0;
	SSL_SESSION_set_timeout(session, 2L * resume->cache.timeout_s);
	if (!mgr_cache_store(&resume->cache, conn->id, session))
		return 0;
	conn->stored++;
	if (conn->log_mask & LOGLEVEL_CACHE)
		log_info("save session %s to %s cache", conn->id, resume->cache.type);
	return 0;
}

void
resume_client_install(struct ssl_ctx_st *ctx)
{
	if (conn_index < 0)
		conn_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	SSL_CTX_set_session_cache_mode(
	    ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE | SSL_SESS_CACHE_NO_AUTO_CLEAR);
	SSL_CTX_sess_set_new_cb(ctx, on_new_session);
}

int
resume_client_attach(struct resume_client_conn *conn)
{
	return SSL_set_ex_data(conn->ssl, conn_index, conn) == 1 ? 0 : -1;
}

/* --- looking up --- */

static void
on_reply_session(const void *list, size_t len, void *context)
{
	struct resume_client_conn *conn = context;
	SSL_SESSION *session = mgr_cache_take_session(&conn->resume->cache, list, len);

	conn->pending = NULL;
	if (session && !SSL_set_session(conn->ssl, session))
		library_log_errors();
	else if (session && (conn->log_mask & LOGLEVEL_CACHE))
		log_info("reloaded session %s from %s cache", conn->id, conn->resume->cache.type);
	SSL_SESSION_free(session);
	conn->ready(conn->context);
}

static void
on_reply_policy(const void *list, size_t len, void *context)
{
	struct resume_client_conn *conn = context;

	conn->pending = NULL;
	mgr_cache_take_policy(&conn->resume->cache, list, len);
	conn->ready(conn->context);
}

bool
resume_client_suspends(struct resume_client_conn *conn)
{
	struct resume_client *resume = conn->resume;

	if (conn->pending)
		return true;
	if (!resume || conn->looked_up || !mgr_client_is_up(resume->cache.mgr))
		return false;
	if (!resume->cache.policy_known) {
		if (conn->policy_asked)
			return false;
		conn->policy_asked = true;
		conn->pending = mgr_cache_ask_policy(&resume->cache, on_reply_policy, conn);
		return true;
	}
	conn->looked_up = true;
	if (!resume->cache.cachable)
		return false;
	if (conn->log_mask & LOGLEVEL_CACHE)
		log_info("looking for session %s in %s cache", conn->id, resume->cache.type);
	conn->pending = mgr_cache_ask_session(&resume->cache, conn->id, on_reply_session, conn);
	return true;
}

void
resume_client_forget(struct resume_client_conn *conn)
{
	struct resume_client *resume = conn->resume;

	if (!resume || !resume->cache.cachable || !mgr_client_is_up(resume->cache.mgr))
		return;
	if (conn->log_mask & LOGLEVEL_CACHE)
		log_info("remove session %s from client cache", conn->id);
	mgr_cache_remove(&resume->cache, conn->id);
}

void
resume_client_release(struct resume_client_conn *conn)
{
	if (conn->pending)
		mgr_client_cancel(conn->pending);
	conn->pending = NULL;
	if (conn->ssl && conn_index >= 0)
		SSL_set_ex_data(conn->ssl, conn_index, NULL);
}
