/* SPDX-License-Identifier: ISC */
/*
 * resume_client: session resumption in the client role: one cache of tlsmgr's.
 *
 * Before its handshake a session is looked up under the key that the caller's request makes (session_id.h);
 * only that one handshake waits for the answer. A session that the server offers is stored when it comes,
 * which in TLS 1.3 is after the handshake. A handshake that fails removes what is in the cache. Without
 * tlsmgr, handshakes are full ones.
 */
#ifndef TLS_RESUME_CLIENT_H
#define TLS_RESUME_CLIENT_H

#include <stdbool.h>

#include "tls/resume.h"

struct event_base;
struct kept_session;
struct mgr_client;
struct mgr_request;
struct resume_client;
struct ssl_ctx_st;
struct ssl_st;

/* Sessions that are stored of one connection, each in place of the one before: a server may send tickets
 * without an end (RFC 8446 section 4.6.1). */
enum { RESUME_CLIENT_STORED_LIMIT = 8 };

/* One a session; lives as long as its SSL. */
struct resume_client_conn {
	struct resume_client *resume; /* NULL: no cache */
	struct kept_session *kept;    /* borrowed; instead of a cache of tlsmgr's; NULL: none */
	struct ssl_st *ssl;           /* borrowed */
	const char *id;               /* borrowed; the key */
	const char *namaddr;          /* borrowed; for the log, in lower case */
	unsigned int log_mask;
	bool first_only; /* store the first session that the server offers, not each */
	resume_ready_fn ready;
	void *context;
	struct mgr_request *pending; /* NULL: not suspended */
	bool policy_asked;
	bool looked_up;
	int stored; /* sessions */
};

/* Asks tlsmgr for the policy of `cache_type` ("smtp", "lmtp"; copied) at once. `mgr` is borrowed. */
struct resume_client *resume_client_new(
    struct event_base *base, struct mgr_client *mgr, const char *cache_type);

/* When no reply comes any more: `mgr` may hold a question of ours, and is freed next. */
void resume_client_free(struct resume_client *resume);

/* Puts the callback into a context. */
void resume_client_install(struct ssl_ctx_st *ctx);

/* Before the handshake; `conn` is filled. 0, or -1 when memory was out inside the library. */
int resume_client_attach(struct resume_client_conn *conn) __attribute__((warn_unused_result));

/* True: tlsmgr was asked and `ready` will be called; then this is called again. False: the handshake may
 * begin; a session that was found is set. */
bool resume_client_suspends(struct resume_client_conn *conn);

/* The handshake failed. */
void resume_client_forget(struct resume_client_conn *conn);

void resume_client_release(struct resume_client_conn *conn);

#endif
