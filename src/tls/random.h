/* SPDX-License-Identifier: ISC */
/*
 * random: bytes nobody can guess.
 *
 * They come from OpenSSL's generator, which seeds itself from the kernel; what is stirred in is mixed with
 * that, and never takes its place.
 */
#ifndef TLS_RANDOM_H
#define TLS_RANDOM_H

#include <stddef.h>

/* 0, or -1 when the generator is not seeded or failed; then `bytes` are zero. */
int random_bytes(void *bytes, size_t len) __attribute__((warn_unused_result));

/* Stirs in what may or may not be random: it never makes the generator worse. */
void random_add(const void *bytes, size_t len);

/* Tests: takes the place of the generator until it is set to NULL. Like RAND_bytes(): 1 for success. */
typedef int (*random_generator_fn)(unsigned char *bytes, int len);
void random_set_generator(random_generator_fn generator);

#endif
