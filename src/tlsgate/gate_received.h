/* SPDX-License-Identifier: ISC */
/*
 * gate_received: a Received: header that tells of the TLS session, in the words of Postfix smtpd.
 */
#ifndef TLSGATE_GATE_RECEIVED_H
#define TLSGATE_GATE_RECEIVED_H

#include <stdbool.h>

struct buf;
struct gate_peer;
struct tlsproxy_context;

struct gate_received {
	const char *helo;     /* what the client has said */
	const char *peer;     /* "[address]:port" */
	const char *hostname; /* of the gate */
	const char *with;     /* "ESMTPS" */
	bool ask_ccert;
	const struct gate_peer *tls_peer;
};

/* Appends the lines of a header, CRLF behind each. Text from outside can neither end a line nor a comment. */
void gate_received_put(struct buf *to, const struct gate_received *received);

/* Appends what is said of protocol, cipher and keys: "using TLSv1.3 with cipher ...". */
void gate_received_put_session(struct buf *to, const struct tlsproxy_context *context);

#endif
