/* SPDX-License-Identifier: ISC */
/*
 * hello: what a ClientHello says about resumption (RFC 5246 section 7.4.1.2, RFC 5077, RFC 8446
 * section 4.2.11).
 */
#ifndef TLS_HELLO_H
#define TLS_HELLO_H

#include <stddef.h>

struct ssl_st;

/* Borrowed from the ClientHello; NULL and 0 when absent. At most one of the two is set. */
struct hello {
	const unsigned char *ticket; /* sealed session state of this or another process */
	size_t ticket_len;
	const unsigned char *session_id; /* names a session in the cache */
	size_t session_id_len;
};

/* Only inside the client-hello callback. `tickets`: this server accepts tickets in this handshake. */
void hello_examine(struct hello *hello, struct ssl_st *ssl, int tickets);

/* The first identity of a pre_shared_key extension; 0, or -1 when it is malformed. */
int hello_first_identity(const unsigned char *extension, size_t len, const unsigned char **identity,
    size_t *id_len) __attribute__((warn_unused_result));

/* Whether a supported_versions extension offers TLS 1.3. */
int hello_offers_tls13(const unsigned char *extension, size_t len);

#endif
