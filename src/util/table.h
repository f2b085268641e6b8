/* SPDX-License-Identifier: ISC */
/*
 * table: strings to pointers.
 *
 * Keys are copied, and may be chosen by strangers. Values belong to the caller unless a free function was
 * given.
 */
#ifndef UTIL_TABLE_H
#define UTIL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct table;

typedef void (*table_free_fn)(void *value);

/* `free_value` may be NULL. Freed by the caller. */
struct table *table_new(table_free_fn free_value);
void table_free(struct table *table);

/* NULL when absent. */
void *table_get(const struct table *table, const char *key);

/* Replaces and frees what was there. */
void table_put(struct table *table, const char *key, void *value);

/* Frees the value; true if there was one. */
bool table_remove(struct table *table, const char *key);
size_t table_count(const struct table *table);

/* In order of insertion: start with *at = 0, ends with NULL. `value` may be NULL. Borrowed.
 * The table must not change meanwhile. */
const char *table_next(const struct table *table, size_t *at, void **value);

#endif
