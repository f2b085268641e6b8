/* SPDX-License-Identifier: ISC */
/*
 * dump: logs what passes a connection, in hexadecimal (the packet-dump words of *_tls_loglevel).
 */
#ifndef TLS_DUMP_H
#define TLS_DUMP_H

#include <stdbool.h>
#include <stddef.h>

struct bio_st;

/* `bytes` have been read from `bio`, or written to it: `len` of the `wanted`, or an error when `result` is
 * not positive. */
void dump_block(
    const struct bio_st *bio, bool is_read, const char *bytes, size_t wanted, long result, size_t len);

#endif
