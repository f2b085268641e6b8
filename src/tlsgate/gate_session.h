/* SPDX-License-Identifier: ISC */
/*
 * gate_session: one client, from its connection to its end.
 *
 * The gate reads commands one at a time, passes each to the back end and the reply back, and keeps STARTTLS
 * for itself. It stops reading, and passes bytes as they come until the session ends, as soon as what follows
 * is not a command (BDAT, or a reply that asks for more: 354, 334), and under TLS with the first MAIL. From
 * then on STARTTLS is not the gate's any more. So nothing the gate looks at can be content of a message.
 *
 * With TLS the client gets a new connection to the back end, as if it had just arrived: nothing that was said
 * before TLS, by whomever, has been said to that one.
 *
 * In wrapper mode the client's socket goes to tlsproxy at once, and the first back end is the only one. What
 * then comes out of TLS is SMTP as above, or, without a protocol, bytes that the gate does not look at.
 */
#ifndef TLSGATE_GATE_SESSION_H
#define TLSGATE_GATE_SESSION_H

#include <stdbool.h>

struct event_base;
struct gate_backend;

enum gate_protocol { GATE_PROTOCOL_SMTP, GATE_PROTOCOL_NONE };

/* What all sessions share; outlives them. */
struct gate {
	struct event_base *base;
	const struct gate_backend *backend;
	const char *hostname;
	const char *service;  /* service label in requests to tlsproxy */
	const char *tlsproxy; /* path of its socket */
	bool wrappermode;     /* TLS from the first byte */
	enum gate_protocol protocol;
	int timeout_s;
	int connect_timeout_s;
	int starttls_timeout_s;

	/* A session has ended. */
	void (*gone)(void *context);
	void *context;
};

/* Takes `fd`, a connected non-blocking socket. The session frees itself. */
void gate_session_start(const struct gate *gate, int fd);

/* Sends `fd` away, with a 421 reply if the client expects one in plaintext, and closes it. */
void gate_session_refuse(const struct gate *gate, int fd);

#endif
