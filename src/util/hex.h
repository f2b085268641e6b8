/* SPDX-License-Identifier: ISC */
/*
 * hex: hexadecimal and base64.
 */
#ifndef UTIL_HEX_H
#define UTIL_HEX_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Appends upper-case digits, with `separator` between bytes unless it is 0. */
void hex_encode(struct buf *to, const void *bytes, size_t len, char separator);

/* Appends. False, with `to` unchanged, when `text` is not pairs of hex digits. */
bool hex_decode(struct buf *to, const char *text, size_t len);

/* RFC 4648 section 4 with padding, no line breaks. Appends. */
void hex_base64_encode(struct buf *to, const void *bytes, size_t len);

/* Appends. The length must be a multiple of 4; decoding stops at the first group that is padded, and what
 * follows it is ignored, as Postfix does. False, with `to` unchanged, on anything else. */
bool hex_base64_decode(struct buf *to, const char *text, size_t len);

#endif
