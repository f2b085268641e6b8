/* SPDX-License-Identifier: ISC */
/*
 * seal: bytes that nobody without the key can read, or change unnoticed: AES-256-GCM.
 *
 * A pair of key and nonce seals once.
 */
#ifndef TLS_SEAL_H
#define TLS_SEAL_H

#include <stddef.h>

enum { SEAL_KEY_LEN = 32, SEAL_NONCE_LEN = 12, SEAL_TAG_LEN = 16 };

struct seal {
	const unsigned char *key;   /* SEAL_KEY_LEN */
	const unsigned char *nonce; /* SEAL_NONCE_LEN */
	const void *header;         /* sealed as well, but readable */
	size_t header_len;
};

/* Writes `len` bytes to `sealed`, which may be `plain`, and SEAL_TAG_LEN to `tag`. 0, or -1 when the library
 * fails. */
int seal_close(const struct seal *seal, const void *plain, size_t len, void *sealed, void *tag)
    __attribute__((warn_unused_result));

/* The way back. 0, or -1 with zeros in `plain`: another key, or not what was sealed. */
int seal_open(const struct seal *seal, const void *sealed, size_t len, const void *tag, void *plain)
    __attribute__((warn_unused_result));

#endif
