/* SPDX-License-Identifier: ISC */
/*
 * text: numbers, times, lists and words as main.cf and the wire spell them.
 */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Replaces every byte that is neither printable ASCII nor part of valid UTF-8 with '?', and control
 * characters in UTF-8 too. In place; returns it. */
char *text_printable(char *text);

/* Bytes of the UTF-8 sequence at the beginning of `left` (at least one) bytes, 0 if there is none (RFC 3629:
 * no overlong forms, no surrogates). */
size_t text_utf8_length(const char *text, size_t left);
bool text_is_utf8(const char *text, size_t len);

/* ASCII only, whatever the locale. */
bool text_equal_nocase(const char *a, const char *b);
char *text_lower(char *text);

/* Digits only, no sign, no blanks, at most `max`. */
bool text_number(const char *text, uint64_t max, uint64_t *number);

/* Splits at any byte of `separators`, skipping empty pieces. Start with a pointer to the text; returns the
 * next piece (not terminated, `len` bytes) and moves on; NULL at the end. */
const char *text_token(const char **at, const char *separators, size_t *len);

/* main.cf lists. */
#define TEXT_LIST_SEPARATORS ", \t\r\n"

/* Last component of a path. */
const char *text_basename(const char *path);

#endif
