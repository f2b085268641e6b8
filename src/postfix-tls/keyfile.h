/* SPDX-License-Identifier: ISC */
/*
 * keyfile: private keys, self-signed certificates, certificate requests and their digests.
 *
 * Everything happens in memory; whoever calls decides what becomes a file. The system's OpenSSL
 * configuration file has no influence.
 */
#ifndef POSTFIX_TLS_KEYFILE_H
#define POSTFIX_TLS_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct keyfile;

/* Servers can use those behind KEYFILE_ECDSA through smtpd_tls_chain_files only, KEYFILE_OTHER perhaps not at
 * all. */
enum keyfile_algorithm { KEYFILE_RSA, KEYFILE_ECDSA, KEYFILE_ED25519, KEYFILE_ED448, KEYFILE_OTHER };

/* As the library names it ("RSA", "EC", "ED25519"). */
enum keyfile_algorithm keyfile_algorithm_of(const char *name);

/* How the PEM text of a key is laid out. */
enum keyfile_layout {
	KEYFILE_NEW,  /* an EC key is preceded by its parameters */
	KEYFILE_COPY, /* one block */
};

/* `size` is a number of bits for RSA, the name of a curve for ECDSA, empty for others. NULL with
 * err. */
struct keyfile *keyfile_generate(enum keyfile_algorithm algorithm, const char *size, struct err *err);

/* The first private key in a regular file, PEM or DER, not encrypted. NULL with err. */
struct keyfile *keyfile_load(const char *path, struct err *err);

/* The first in a PEM file that is of this algorithm. NULL with err. */
struct keyfile *keyfile_load_of(const char *path, enum keyfile_algorithm algorithm, struct err *err);
void keyfile_free(struct keyfile *key);

enum keyfile_algorithm keyfile_algorithm(const struct keyfile *key);

/* Peers may refuse it: RSA below 2048 bits, a curve that is none of P-256, P-384, P-521. */
bool keyfile_is_uncommon(const struct keyfile *key);

/* Appends; to be released with buf_release_secret(). */
int keyfile_encode(const struct keyfile *key, enum keyfile_layout layout, struct buf *pem, struct err *err)
    __attribute__((warn_unused_result));

/* A self-signed certificate for 100 years. The first of `count` (at least one) names is the common name, or
 * as many of its last labels as fit; all are DNS names. Appends PEM. */
int keyfile_certificate(const struct keyfile *key, const char *const *names, size_t count, struct buf *pem,
    struct err *err) __attribute__((warn_unused_result));

/* A request with an empty subject and the names as DNS names. Appends PEM. */
int keyfile_request(const struct keyfile *key, const char *const *names, size_t count, struct buf *pem,
    struct err *err) __attribute__((warn_unused_result));

/* Appends lower-case hex: the digest of the public key that TLSA "3 1 1" (`matching` 1: SHA-256) and "3 1 2"
 * (2: SHA-512) have. */
int keyfile_digest(const struct keyfile *key, int matching, struct buf *hex, struct err *err)
    __attribute__((warn_unused_result));

#endif
