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
 */
#ifndef TLSGATE_GATE_SESSION_H
#define TLSGATE_GATE_SESSION_H

struct event_base;
struct gate_backend;

/* What all sessions share; outlives them. */
struct gate {
	struct event_base *base;
	const struct gate_backend *backend;
	const char *hostname;
	const char *service;  /* service label in requests to tlsproxy */
	const char *tlsproxy; /* path of its socket */
	int timeout_s;
	int connect_timeout_s;
	int starttls_timeout_s;

	/* A session has ended. */
	void (*gone)(void *context);
	void *context;
};

/* Takes `fd`, a connected non-blocking socket. The session frees itself. */
void gate_session_start(const struct gate *gate, int fd);

/* Sends `fd` away with a 421 reply, and closes it. */
void gate_session_refuse(const struct gate *gate, int fd);

#endif
