/* SPDX-License-Identifier: ISC */
#include "tls/resume_client.h"

#include <stdlib.h>

#include <openssl/ssl.h>

#include "mail/timer.h"
#include "mail/tlsmgr_proto.h"
#include "tls/library.h"
#include "tls/loglevel.h"
#include "tls/mgr_client.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"

enum {
	ASK_AGAIN_MS = 5000,          /* after tlsmgr did not answer */
	POLICY_AGAIN_MS = 600 * 1000, /* while there is no cache */
};

struct resume_client {
	struct mgr_client *mgr; /* borrowed */
	char *cache_type;       /* owned */
	struct timer *refresh;  /* owned */
	bool policy_known;
	bool cachable;
	int timeout_s;
};

static int conn_index = -1;

/* --- the policy --- */

static bool
accept_policy(struct resume_client *resume, const void *list, size_t len)
{
	int status, cachable, timeout_s;

	if (!list || tlsmgr_proto_get_policy(
			 list, len, mgr_client_name(resume->mgr), &status, &cachable, &timeout_s) < 0)
		return false;
	resume->policy_known = true;
	resume->cachable = status == TLSMGR_PROTO_OK && cachable && timeout_s > 0;
	resume->timeout_s = resume->cachable ? timeout_s : 0;
	return true;
}

static void
on_policy_ahead(const void *list, size_t len, void *context)
{
	struct resume_client *resume = context;

	if (!accept_policy(resume, list, len))
		timer_start(resume->refresh, ASK_AGAIN_MS);
	else if (!resume->cachable)
		timer_start(resume->refresh, POLICY_AGAIN_MS);
}

static void
ask_ahead(void *context)
{
	struct resume_client *resume = context;
	struct buf request = BUF_INIT;

	tlsmgr_proto_put_policy(&request, resume->cache_type);
	mgr_client_ask(resume->mgr, &request, on_policy_ahead, resume);
}

struct resume_client *
resume_client_new(struct event_base *base, struct mgr_client *mgr, const char *cache_type)
{
	struct resume_client *resume = alloc_zero(sizeof *resume);

	resume->mgr = mgr;
	resume->cache_type = alloc_string(cache_type);
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
	free(resume->cache_type);
	free(resume);
}

/* --- storing --- */

static int
on_new_session(SSL *ssl, SSL_SESSION *session)
{
	struct resume_client_conn *conn = SSL_get_ex_data(ssl, conn_index);
	struct resume_client *resume = conn ? conn->resume : NULL;
	struct buf request = BUF_INIT;
	unsigned char *der = NULL;

	if (!resume || !resume->cachable || (conn->first_only && conn->stored))
		return 0;
	SSL_SESSION_set_timeout(session, 2L * resume->timeout_s);

	int len = i2d_SSL_SESSION(session, &der);
	if (len <= 0) {
		log_warn("tls_session_passivate: i2d_SSL_SESSION failed: unable to cache session");
		return 0;
	}
	conn->stored = true;
	if (conn->log_mask & LOGLEVEL_CACHE)
		log_info("save session %s to %s cache", conn->id, resume->cache_type);
	tlsmgr_proto_put_update(&request, resume->cache_type, conn->id, der, (size_t)len);
	if (mgr_client_is_up(resume->mgr))
		mgr_client_ask(resume->mgr, &request, NULL, NULL);
	buf_release_secret(&request);
	OPENSSL_clear_free(der, (size_t)len);
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
use(struct resume_client_conn *conn, const struct buf *der)
{
	const unsigned char *at = (const unsigned char *)der->bytes;
	SSL_SESSION *session = d2i_SSL_SESSION(NULL, &at, (long)der->len);

	/* What is in the cache may be of any make; it costs resumption at worst. */
	if (!session || !SSL_set_session(conn->ssl, session))
		library_log_errors();
	else if (conn->log_mask & LOGLEVEL_CACHE)
		log_info("reloaded session %s from %s cache", conn->id, conn->resume->cache_type);
	SSL_SESSION_free(session);
}

static void
on_reply_session(const void *list, size_t len, void *context)
{
	struct resume_client_conn *conn = context;
	struct buf der = BUF_INIT;
	int status;

	conn->pending = NULL;
	if (list &&
	    tlsmgr_proto_get_session(list, len, mgr_client_name(conn->resume->mgr), &status, &der) == 0 &&
	    status == TLSMGR_PROTO_OK)
		use(conn, &der);
	buf_release_secret(&der);
	conn->ready(conn->context);
}

static void
on_reply_policy(const void *list, size_t len, void *context)
{
	struct resume_client_conn *conn = context;

	conn->pending = NULL;
	accept_policy(conn->resume, list, len);
	conn->ready(conn->context);
}

bool
resume_client_suspends(struct resume_client_conn *conn)
{
	struct resume_client *resume = conn->resume;
	struct buf request = BUF_INIT;

	if (conn->pending)
		return true;
	if (!resume || conn->looked_up || !mgr_client_is_up(resume->mgr))
		return false;
	if (!resume->policy_known) {
		if (conn->policy_asked)
			return false;
		conn->policy_asked = true;
		tlsmgr_proto_put_policy(&request, resume->cache_type);
		conn->pending = mgr_client_ask(resume->mgr, &request, on_reply_policy, conn);
		return true;
	}
	conn->looked_up = true;
	if (!resume->cachable)
		return false;
	if (conn->log_mask & LOGLEVEL_CACHE)
		log_info("looking for session %s in %s cache", conn->id, resume->cache_type);
	tlsmgr_proto_put_lookup(&request, resume->cache_type, conn->id);
	conn->pending = mgr_client_ask(resume->mgr, &request, on_reply_session, conn);
	return true;
}

void
resume_client_forget(struct resume_client_conn *conn)
{
	struct resume_client *resume = conn->resume;
	struct buf request = BUF_INIT;

	if (!resume || !resume->cachable || !mgr_client_is_up(resume->mgr))
		return;
	if (conn->log_mask & LOGLEVEL_CACHE)
		log_info("remove session %s from client cache", conn->id);
	tlsmgr_proto_put_delete(&request, resume->cache_type, conn->id);
	mgr_client_ask(resume->mgr, &request, NULL, NULL);
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
