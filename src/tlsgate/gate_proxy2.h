/* SPDX-License-Identifier: ISC */
/*
 * gate_proxy2: the header with which a back end learns whom it serves: PROXY protocol, version 2.
 */
#ifndef TLSGATE_GATE_PROXY2_H
#define TLSGATE_GATE_PROXY2_H

#include <stdbool.h>
#include <sys/socket.h>

struct buf;

/* The two ends of the client's connection. An IPv4 address in IPv6 clothes is plain IPv4. */
struct gate_proxy2_ends {
	struct sockaddr_storage client, server;
};

/* What is known of the client's TLS session. Strings may be "". */
struct gate_proxy2_tls {
	const char *version; /* "TLSv1.3" */
	const char *cipher;
	const char *subject_cn; /* of the client's certificate */
	bool has_cert;
	bool verified;
};

/* Learns both ends of a connected socket; what is not TCP is left as AF_UNSPEC. */
void gate_proxy2_learn(struct gate_proxy2_ends *ends, int fd);

/* Appends the header. `tls` NULL: the client speaks plaintext. Without addresses it is the header of a
 * connection the gate makes for itself (LOCAL), of which TLS cannot be said. */
void gate_proxy2_put(struct buf *to, const struct gate_proxy2_ends *ends, const struct gate_proxy2_tls *tls);

#endif
