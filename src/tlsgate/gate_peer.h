/* SPDX-License-Identifier: ISC */
/*
 * gate_peer: what tlsproxy has said of a client's TLS session.
 */
#ifndef TLSGATE_GATE_PEER_H
#define TLSGATE_GATE_PEER_H

#include <stdbool.h>

struct tlsproxy_context;

/* Begins as zero. Strings are owned, and NULL until there is TLS. */
struct gate_peer {
	char *protocol; /* "TLSv1.3" */
	char *cipher;
	char *session;                        /* what gate_received.h says of it */
	char *subject_cn, *issuer_cn;         /* of the client's certificate */
	char *fingerprint, *pkey_fingerprint; /* XX:XX:... */
	bool has_cert;
	bool trusted;
};

void gate_peer_set(struct gate_peer *peer, const struct tlsproxy_context *context);
void gate_peer_release(struct gate_peer *peer);

#endif
