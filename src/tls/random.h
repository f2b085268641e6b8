/* SPDX-License-Identifier: ISC */
/*
 * random: bytes nobody can guess.
 */
#ifndef TLS_RANDOM_H
#define TLS_RANDOM_H

#include <stddef.h>

/* 0, or -1 when the generator is not seeded or failed; then `bytes` are zero. */
int random_bytes(void *bytes, size_t len) __attribute__((warn_unused_result));

/* Stirs in what may or may not be random: it never makes the generator worse. */
void random_add(const void *bytes, size_t len);

#endif
