/* SPDX-License-Identifier: ISC */
/*
 * chain: private keys and certificate chains, from files into OpenSSL.
 *
 * Files are read whole and parsed in memory. All functions log their failures themselves, in Postfix's words,
 * because one failure is often several lines.
 */
#ifndef TLS_CHAIN_H
#define TLS_CHAIN_H

#include <stddef.h>

struct buf;
struct chain;
struct ssl_ctx_st;
struct ssl_st;

enum chain_kind { CHAIN_RSA, CHAIN_DSA, CHAIN_ECDSA };

/* Where files come from: appends the file's bytes, or returns -1 with errno. */
typedef int (*chain_read_fn)(const char *path, struct buf *to, void *arg);

/* The default reader: opens the path; more than a megabyte is refused with EFBIG. */
int chain_read_file(const char *path, struct buf *to, void *arg);

/*
 * *_tls_chain_files: ( key leaf issuer* )+ over all files together. 0 or -1.
 * A file that cannot be opened is logged and ends the list, and the result is still 0: Postfix starts its
 * engine with the sequences that were complete by then, and so do we.
 */
int chain_load_files(struct ssl_ctx_st *ctx, const char *files, chain_read_fn read, void *arg)
    __attribute__((warn_unused_result));

/* One pair of cert_file and key_file parameters. 0 or -1. */
int chain_load_pair(struct ssl_ctx_st *ctx, enum chain_kind kind, const char *cert_file, const char *key_file,
    chain_read_fn read, void *arg) __attribute__((warn_unused_result));

/*
 * Chains for sessions, in the grammar of chain_files; `source` is its name in the log ("SNI data for NAME").
 * Each is tried with `ssl`, which has no certificates yet and has them then. One reference; NULL after
 * logging. Wipes nothing: the bytes are the caller's.
 */
struct chain *chain_new(struct ssl_st *ssl, const char *source, const void *pem, size_t len);
struct chain *chain_ref(struct chain *chain);
void chain_unref(struct chain *chain); /* NULL is fine */

/* The same for the next session, without parsing. 0 or -1. */
int chain_use(const struct chain *chain, struct ssl_st *ssl, const char *source)
    __attribute__((warn_unused_result));

#endif
