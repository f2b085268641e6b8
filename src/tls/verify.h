/* SPDX-License-Identifier: ISC */
/*
 * verify: judges the peer's certificate without ever breaking the handshake.
 *
 * The callback always tells the library to go on and keeps the error closest to the leaf. What the
 * result is worth is decided after the handshake.
 */
#ifndef TLS_VERIFY_H
#define TLS_VERIFY_H

#include <stdbool.h>

struct ssl_ctx_st;
struct ssl_st;
struct x509_st;

/* One a session; lives as long as its SSL. */
struct verify {
	const char *namaddr;        /* borrowed from whoever called verify_init(), in lower case */
	unsigned int log_mask;      /* of loglevel.h */
	bool must_fail;             /* the client role found nothing to match the peer against */
	const char *forced_failure; /* borrowed; the reason when that was so decided elsewhere, or NULL */
	bool spare_mismatch;        /* any other error outweighs a wrong name, as from Postfix 3.10 on */
	int error;                  /* X509_V_OK when there was none */
	int depth;                  /* where `error` was; -1 without */
	struct x509_st *cert;       /* owned reference: the certificate of `error`, or NULL */
};

void verify_init(struct verify *verify, const char *namaddr, unsigned int log_mask);
void verify_release(struct verify *verify);

/* Before the handshake. 0, or -1 when memory was out inside the library. */
int verify_attach(struct verify *verify, struct ssl_st *ssl) __attribute__((warn_unused_result));

/* Puts the callback into a context: asks for a certificate, or not. */
void verify_install(struct ssl_ctx_st *ctx, bool ask);

/* The one line that says why a new session's peer is not trusted; nothing without an error. `we_are_server`
 * chooses the words for the purpose. */
void verify_log(const struct verify *verify, bool we_are_server);

#endif
