/* SPDX-License-Identifier: ISC */
#include "util/siphash.h"

#include <string.h>

/* The paper: J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", 2012. */

static uint64_t
word(const unsigned char *at)
{
	uint64_t word = 0;

	for (int i = 7; i >= 0; i--)
		word = word << 8 | at[i];
	return word;
}

static uint64_t
rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static void
mix(uint64_t v[4], int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

uint64_t
siphash(const unsigned char *key, const void *bytes, size_t len)
{
	const unsigned char *at = bytes, *end = at + (len & ~(size_t)7);
	unsigned char last[8] = { 0 };
	uint64_t k0 = word(key), k1 = word(key + 8);
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
		k1 ^ 0x7465646279746573u };

	for (; at < end; at += 8) {
		uint64_t m = word(at);
		v[3] ^= m;
		mix(v, 2);
		v[0] ^= m;
	}
	memcpy(last, at, len & 7);
	last[7] = (unsigned char)len;

	uint64_t m = word(last);
	v[3] ^= m;
	mix(v, 2);
	v[0] ^= m;
	v[2] ^= 0xff;
	mix(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
