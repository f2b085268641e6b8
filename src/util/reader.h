/* SPDX-License-Identifier: ISC */
/*
 * reader: bounded reading of bytes that came from outside.
 *
 * A reader never looks past the bytes it was given. The first read that does not fit sets
 * `failed`; from then on every read gives zeros, so a decoder may check once, at its end.
 */
#ifndef UTIL_READER_H
#define UTIL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const unsigned char *bytes; /* borrowed from whoever called reader_init() */
	size_t len;
	size_t at; /* next byte; never beyond len */
	bool failed;
};

void reader_init(struct reader *reader, const void *bytes, size_t len);
size_t reader_left(const struct reader *reader);

/* `len` bytes, borrowed; NULL when they are not there. */
const unsigned char *reader_take(struct reader *reader, size_t len);

/* A string up to and including its zero byte, borrowed; NULL when none is left. */
const char *reader_string(struct reader *reader, size_t *len);

/* In the byte order of this machine. */
int64_t reader_i64_native(struct reader *reader);

#endif
