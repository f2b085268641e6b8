/* SPDX-License-Identifier: ISC */
/*
 * load_tls: the client's TLS of a load generator. All sessions ask for the same ciphers and group.
 *
 * A failure ends the program.
 */
#ifndef BENCH_LOAD_TLS_H
#define BENCH_LOAD_TLS_H

#include <openssl/ssl.h>

/* `version`: "1.2" or "1.3". Once. */
void load_tls_init(const char *version);

/* A session on `fd`, not yet begun; `offer` NULL: nothing is to be resumed. */
SSL *load_tls_new(int fd, SSL_SESSION *offer);

/* What the server gave last for resumption, the caller's from now on; NULL: nothing. */
SSL_SESSION *load_tls_newest(void);

/* Prints `what`, errno and what OpenSSL has to say. */
_Noreturn void load_die(const char *what);

void load_write_all(int fd, const void *bytes, unsigned long len);

#endif
