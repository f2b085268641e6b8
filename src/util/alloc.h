/* SPDX-License-Identifier: ISC */
/*
 * alloc: memory that is there or the process is not.
 *
 * None of these returns NULL: when memory is out the process logs and exits, and master
 * starts a new one. A length that came from outside meets its limit before it gets here.
 * Everything is released with free().
 */
#ifndef UTIL_ALLOC_H
#define UTIL_ALLOC_H

#include <stddef.h>

/* `size` zero bytes. */
void *alloc_zero(size_t size) __attribute__((malloc, returns_nonnull));

/* `count` zero elements of `size` bytes; a product that overflows counts as memory out. */
void *alloc_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* Takes `old` (may be NULL); what is added is not zeroed. */
void *alloc_resize(void *old, size_t count, size_t size) __attribute__((returns_nonnull, warn_unused_result));

char *alloc_string(const char *text) __attribute__((malloc, returns_nonnull));
char *alloc_string_n(const char *text, size_t len) __attribute__((malloc, returns_nonnull));
char *alloc_printf(const char *format, ...) __attribute__((format(printf, 1, 2), malloc, returns_nonnull));

/* Overwrites `len` bytes in a way the compiler may not drop. */
void alloc_wipe(void *bytes, size_t len);

#endif
