/* SPDX-License-Identifier: ISC */
/*
 * dh: finite-field Diffie-Hellman parameters of TLS 1.2 and older, server role.
 */
#ifndef TLS_DH_H
#define TLS_DH_H

#include "tls/chain.h"

struct evp_pkey_st;
struct ssl_ctx_st;

/* NULL when `file` is NULL, "" or "auto", or after logging why it cannot be used: then the library chooses by
 * key size. Freed by the caller with EVP_PKEY_free(). */
struct evp_pkey_st *dh_load(const char *file, chain_read_fn read, void *arg);

/* `params` may be NULL, and stays the caller's. */
void dh_apply(struct ssl_ctx_st *ctx, struct evp_pkey_st *params);

#endif
