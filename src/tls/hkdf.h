/* SPDX-License-Identifier: ISC */
/*
 * hkdf: keys derived from a secret, with HMAC-SHA256 (RFC 5869).
 */
#ifndef TLS_HKDF_H
#define TLS_HKDF_H

#include <stddef.h>

struct hkdf_input {
	const void *secret;
	size_t secret_len;
	const void *salt; /* may be NULL with length 0 */
	size_t salt_len;
	const void *info; /* what the key is for; likewise */
	size_t info_len;
};

/* Fills `key`. 0, or -1 with zeros in `key` when the library fails. */
int hkdf_derive(const struct hkdf_input *input, void *key, size_t len) __attribute__((warn_unused_result));

#endif
