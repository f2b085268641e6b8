/* SPDX-License-Identifier: ISC */
/*
 * gate_session: one client, from its connection to its end.
 *
 * The gate reads commands one at a time, passes each to the back end and the reply back, and keeps STARTTLS
 * for itself. It stops reading, and passes bytes as they come until the session ends, as soon as what follows
 * is not a command: gate_talk.h and the protocols say when. From then on STARTTLS is not the gate's any more.
 * So nothing the gate looks at can be content of a message.
 *
 * With TLS the client gets a new connection to the back end, as if it had just arrived: nothing that was said
 * before TLS, by whomever, has been said to that one.
 *
 * When the back end is to be told of the client's TLS, or the client's certificate has to be known for
 * another reason, the new connection is made when TLS is there.
 *
 * In wrapper mode the client's socket goes to tlsproxy at once, and the first back end is the only one. What
 * then comes out of TLS is a protocol as above, or, without a protocol, bytes that the gate does not look at.
 * These pass between tlsproxy and the back end, whose descriptor tlsproxy gets, if it takes it; the gate
 * waits for the end.
 */
#ifndef TLSGATE_GATE_SESSION_H
#define TLSGATE_GATE_SESSION_H

#include <stdbool.h>

#include "tlsgate/gate_talk.h"

struct event_base;
struct gate_access;
struct gate_backend;
struct gate_crowd;

/* What all sessions share; outlives them. */
struct gate {
	struct event_base *base;
	const struct gate_backend *backend;
	const struct gate_backend *certified_backend; /* for clients that the rules certify; NULL: the same */
	const struct gate_access *access;             /* rules; NULL: none */
	struct gate_crowd *crowd;                     /* NULL: any number of sessions from one address */
	const char *hostname;
	const char *service;  /* service label in requests to tlsproxy */
	const char *tlsproxy; /* path of its socket */
	bool wrappermode;     /* TLS from the first byte */
	bool no_tls;          /* struct gate_talk has these three */
	bool encrypt;
	bool auth_only;
	bool received_header;                 /* in each message under TLS */
	bool ask_ccert;                       /* what that header then says */
	bool req_ccert;                       /* no session without a trusted certificate under TLS */
	bool proxy_protocol;                  /* version 2, to the back end */
	bool xclient;                         /* to the back end */
	const struct gate_protocol *protocol; /* NULL: none */
	bool *relays; /* tlsproxy takes no back end's descriptor, as the first to offer one learns; NULL: not
			 offered */
	int timeout_s;
	int connect_timeout_s;
	int starttls_timeout_s;

	/* A session has ended. */
	void (*gone)(void *context);
	void *context;
};

/* Does anything depend on what tlsproxy has to say of a TLS session? */
static inline bool
gate_session_wants_context(const struct gate *gate)
{
	return gate->proxy_protocol || gate->xclient || gate->req_ccert || gate->access ||
	       gate->received_header;
}

/* Takes `fd`, a connected non-blocking socket. The session frees itself. */
void gate_session_start(const struct gate *gate, int fd);

/* Sends `fd` away, with that word if the client expects one in plaintext, and closes it. */
void gate_session_refuse(const struct gate *gate, int fd, enum gate_word word);

#endif
