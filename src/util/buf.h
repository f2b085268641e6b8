/* SPDX-License-Identifier: ISC */
/*
 * buf: a growing byte string.
 *
 * `bytes` is always followed by a zero byte that `len` does not count, so text can be read
 * as a C string; a buffer that never held anything reads as "". Set up with BUF_INIT or zeros.
 */
#ifndef UTIL_BUF_H
#define UTIL_BUF_H

#include <stddef.h>

struct buf {
	char *bytes; /* owned; never NULL after the first buf_ call */
	size_t len;
	size_t room; /* allocated, the zero byte included */
};

#define BUF_INIT                                                                                             \
	{                                                                                                    \
		0                                                                                            \
	}

/* Frees; the buffer is empty and usable again. */
void buf_release(struct buf *buf);

/* Overwrites what it holds, then frees. For secrets. A buffer that grew has left no copies behind. */
void buf_release_secret(struct buf *buf);

/* Empties, keeping the memory. */
void buf_clear(struct buf *buf);

/* Makes room for `more` bytes behind `len` and returns where they go; the caller adds to `len`
 * what it wrote and calls buf_terminate(). */
char *buf_reserve(struct buf *buf, size_t more);
void buf_terminate(struct buf *buf);

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_add_byte(struct buf *buf, char byte);
void buf_add_str(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Drops the first `len` bytes. */
void buf_consume(struct buf *buf, size_t len);

/* Cuts to `len` bytes; longer than it is changes nothing. */
void buf_truncate(struct buf *buf, size_t len);

/* Hands the string to the caller, who frees it; the buffer is empty again. */
char *buf_detach(struct buf *buf);

/* The text, "" when nothing was ever added. */
const char *buf_str(const struct buf *buf);

#endif
