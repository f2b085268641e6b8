/* SPDX-License-Identifier: ISC */
/*
 * dh: finite-field Diffie-Hellman parameters of TLS 1.2 and older, server role.
 */
#ifndef TLS_DH_H
#define TLS_DH_H

#include "tls/chain.h"

struct ssl_ctx_st;

/* `file` NULL, "" or "auto": the library chooses by key size. What fails is logged and ends there too. */
void dh_configure(struct ssl_ctx_st *ctx, const char *file, chain_read_fn read, void *arg);

#endif
