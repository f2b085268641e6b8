/* SPDX-License-Identifier: ISC */
/*
 * resume: session resumption in the server role: ticket keys and cached sessions from tlsmgr.
 *
 * Nothing here waits. Ticket keys are fetched ahead of need and renewed by a timer. What a
 * handshake needs beyond that (a session that a client names, a ticket key of another
 * process) is found out from its ClientHello; the handshake is suspended while tlsmgr is
 * asked, and goes on with a full handshake when there is no answer.
 */
#ifndef TLS_RESUME_H
#define TLS_RESUME_H

#include <stdbool.h>

struct event_base;
struct mgr_client;
struct mgr_request;
struct resume;
struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

/* A suspended handshake may be tried again. Called from the event loop. */
typedef void (*resume_ready_fn)(void *context);

/* One a session; lives as long as its SSL. */
struct resume_conn {
	struct resume *resume;
	struct ssl_st *ssl;   /* borrowed */
	const char *serverid; /* borrowed; part of the cache key */
	const char *namaddr;  /* borrowed; for the log, in lower case */
	unsigned int log_mask;
	bool own_scope; /* only sessions of the same serverid are resumed, by ticket or by id */
	resume_ready_fn ready;
	void *context;
	struct mgr_request *pending;  /* NULL: not suspended */
	struct ssl_session_st *found; /* owned; from the cache, until OpenSSL asks for it */
	unsigned int asked;           /* what was asked for, once each */
	bool ticket_used;             /* a ticket was accepted or issued */
};

/* Starts asking tlsmgr for its policy and the current ticket key at once. `mgr` and `ticket_cipher` are
 * borrowed.
 */
struct resume *resume_new(
    struct event_base *base, struct mgr_client *mgr, const char *cache_type, const char *ticket_cipher);

/* When no reply comes any more: `mgr` may hold a question of ours, and is freed next. */
void resume_free(struct resume *resume);

/* Puts the callbacks into a context. */
void resume_install(struct ssl_ctx_st *ctx);

/* Before the handshake; `conn` is filled. 0, or -1 when memory was out inside the library. */
int resume_attach(struct resume_conn *conn) __attribute__((warn_unused_result));
void resume_release(struct resume_conn *conn);

#endif
