/* SPDX-License-Identifier: ISC */
/*
 * trace: logs the states a handshake goes through (the ssl-debug word of *_tls_loglevel).
 */
#ifndef TLS_TRACE_H
#define TLS_TRACE_H

struct ssl_ctx_st;

void trace_install(struct ssl_ctx_st *ctx);

#endif
