/* SPDX-License-Identifier: ISC */
/*
 * siphash: SipHash-2-4, a hash whose collisions nobody can choose who does not know the key.
 */
#ifndef UTIL_SIPHASH_H
#define UTIL_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { SIPHASH_KEY_LEN = 16 };

/* `key` has SIPHASH_KEY_LEN bytes. The result is the same on every machine. */
uint64_t siphash(const unsigned char *key, const void *bytes, size_t len);

#endif
