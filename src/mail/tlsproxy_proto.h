/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy_proto: the words between tlsproxy and a caller that hands it a socket.
 *
 * Sequence: announcement (tlsproxy), request (caller), status (tlsproxy), one byte with the
 * descriptor (caller), then plaintext both ways; if asked for, the TLS context comes first.
 * A request is one list, and a second one for the client role and from Postfix 3.12:
 * tlsproxy_proto_client.h, tlsproxy_proto_server.h.
 *
 * Our own callers may offer another place for the plaintext. If the status takes the offer, its descriptor
 * comes with a byte of its own after the first one, and nothing else passes between the two.
 */
#ifndef MAIL_TLSPROXY_PROTO_H
#define MAIL_TLSPROXY_PROTO_H

#include <stddef.h>

struct buf;

enum tlsproxy_flag {
	TLSPROXY_SERVER = 1, /* tlsproxy is the TLS server */
	TLSPROXY_CLIENT = 2,
	TLSPROXY_SEND_CONTEXT = 4,
	TLSPROXY_PROBE = 8, /* is the role there? Nothing else follows (Postfix 3.12) */
};

/* The TLS context list by the first version of callers that expects it so: 22, 24, 25, 26 attributes. */
enum tlsproxy_context_shape {
	TLSPROXY_CONTEXT_3_6,
	TLSPROXY_CONTEXT_3_9,
	TLSPROXY_CONTEXT_3_10,
	TLSPROXY_CONTEXT_3_12,
};

struct tlsproxy_request {
	const char *remote_endpoint; /* "[address]:port", for the log; borrowed from the list */
	int flags;
	int handshake_timeout_s;
	int session_timeout_s;
	const char *serverid; /* borrowed from the list */
	int offers_plaintext; /* 1: a descriptor for the plaintext, too; unknown to Postfix */
};

/* What is not known is "" and 0. */
struct tlsproxy_signature {
	const char *name, *curve;
	int bits;
	const char *digest;
};

/* Of the TLS context list, what is in all shapes since 3.6; borrowed from the list. */
struct tlsproxy_context {
	const char *peer_CN, *issuer_CN;
	const char *peer_fingerprint, *peer_pubkey_fingerprint;
	int level;
	int peer_status; /* enum tlsproxy_peer, or-ed */
	const char *cipher_protocol, *cipher_name;
	int cipher_usebits, cipher_algbits;
	const char *key_exchange, *key_exchange_curve;
	int key_exchange_bits;
	struct tlsproxy_signature client_signature, server_signature;
};

enum tlsproxy_peer { TLSPROXY_PEER_PRESENT = 1, TLSPROXY_PEER_TRUSTED = 4 };

/* What the server says before anything else: attribute "protocol". */
#define TLSPROXY_PROTOCOL "tlsproxy_protocol"

void tlsproxy_proto_put_announcement(struct buf *to);
void tlsproxy_proto_put_request(struct buf *to, const struct tlsproxy_request *request);
void tlsproxy_proto_put_status(struct buf *to, int available);

/* The status 1 that takes the offer of a descriptor for the plaintext. */
void tlsproxy_proto_put_status_taken(struct buf *to);

/* 0, or -1 after a warning that names `stream`. The lists are complete or ended at end of file. A request
 * with more than is wanted is 1, and a warning: that is good as long as no list follows. */
int tlsproxy_proto_get_announcement(const void *list, size_t len, const char *stream)
    __attribute__((warn_unused_result));
int tlsproxy_proto_get_request(const void *list, size_t len, const char *stream,
    struct tlsproxy_request *request) __attribute__((warn_unused_result));
int tlsproxy_proto_get_context(const void *list, size_t len, const char *stream,
    struct tlsproxy_context *context) __attribute__((warn_unused_result));
/* *taken: so is what was offered. */
int tlsproxy_proto_get_status(const void *list, size_t len, const char *stream, int *available, int *taken)
    __attribute__((warn_unused_result));

#endif
