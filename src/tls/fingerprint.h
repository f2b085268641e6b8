/* SPDX-License-Identifier: ISC */
/*
 * fingerprint: digests of certificates and public keys as XX:XX:...
 */
#ifndef TLS_FINGERPRINT_H
#define TLS_FINGERPRINT_H

#include <stdbool.h>

struct evp_md_st;
struct x509_st;

/* The digest of that name; NULL when the library has none. Freed with fingerprint_digest_free(). */
struct evp_md_st *fingerprint_digest(const char *name);
void fingerprint_digest_free(struct evp_md_st *digest);

/* Freed by the caller; "" when the library fails. */
char *fingerprint_cert(const struct x509_st *cert, const struct evp_md_st *digest);

/* Of the SubjectPublicKeyInfo; `legacy`: of the bare key bits (tls_legacy_public_key_fingerprints). */
char *fingerprint_pkey(const struct x509_st *cert, const struct evp_md_st *digest, bool legacy);

#endif
