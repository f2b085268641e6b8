/* SPDX-License-Identifier: ISC */
/*
 * authority: certification authorities from files that were read already.
 *
 * The library opens files by their names, which a process in a jail cannot do.
 */
#ifndef TLS_AUTHORITY_H
#define TLS_AUTHORITY_H

#include "tls/chain.h"

struct ssl_ctx_st;
struct stack_st_X509_NAME;

/* The file of the system's authorities, by name. */
const char *authority_default_file(void);

/* Adds the certificates and revocation lists of a file to the store of `ctx`. 0, or -1 with errors in the
 * library's queue: it cannot be read, or there are none. */
int authority_load_file(struct ssl_ctx_st *ctx, const char *file, chain_read_fn read, void *arg)
    __attribute__((warn_unused_result));

/* The directory is looked into during handshakes. 0, or -1 with errors in the queue. */
int authority_use_path(struct ssl_ctx_st *ctx, const char *path) __attribute__((warn_unused_result));

/* The system's authorities; a file or directory that is not there is none. 0, or -1 with errors in the queue.
 */
int authority_load_default(struct ssl_ctx_st *ctx, chain_read_fn read, void *arg)
    __attribute__((warn_unused_result));

/* The subjects in a file, each once, as SSL_load_client_CA_file() has them. NULL with errors in the queue. */
struct stack_st_X509_NAME *authority_names(const char *file, chain_read_fn read, void *arg);

#endif
