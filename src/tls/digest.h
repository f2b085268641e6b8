/* SPDX-License-Identifier: ISC */
/*
 * digest: SHA-256 of bytes that come in pieces.
 */
#ifndef TLS_DIGEST_H
#define TLS_DIGEST_H

#include <stddef.h>

struct buf;
struct digest;

struct digest *digest_new(void);
void digest_free(struct digest *digest);

void digest_add(struct digest *digest, const void *bytes, size_t len);

/* Appends the digest of all that was added, in lower-case hexadecimal, and starts anew. */
void digest_finish(struct digest *digest, struct buf *to);

#endif
