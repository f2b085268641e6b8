/* SPDX-License-Identifier: ISC */
/*
 * tables: the lookup tables that a parameter names, one by one.
 */
#ifndef TLSCHECK_TABLES_H
#define TLSCHECK_TABLES_H

#include <stdbool.h>

struct check;
struct scope;

struct tables_item {
	char *type;   /* without proxy: in front; owned */
	char *path;   /* owned */
	char *index;  /* what programs open; NULL: this type has no file; owned */
	bool indexed; /* `index` is made from `path` by postmap */
	char *where;  /* of the parameter; owned */
};

/* Looks at each table of a parameter: is there such a type, is there a file, is it up to date? `options` is
 * what postmap needs to make it: "" or "-F ". Then calls `fn` for those that can be read. */
typedef void (*tables_fn)(
    struct check *check, struct scope *scope, const char *name, const struct tables_item *item);
void tables_check(
    struct check *check, struct scope *scope, const char *name, const char *options, tables_fn fn);

/* The same for the tables of a list that is part of the parameter's value. */
void tables_check_list(struct check *check, struct scope *scope, const char *name, const char *list,
    const char *options, tables_fn fn);

/* postmap makes tables of this type. */
bool tables_is_indexed(const char *type);

/* Calls `fn` for each line "key value" of a table's text; nothing happens when that cannot be read. `key` is
 * NULL where it is a pattern, or for all. Values that patterns put something into are left out. `where` is
 * FILE:LINE. */
typedef void (*tables_line_fn)(const char *key, char *value, const char *where, void *context);
void tables_lines(const struct tables_item *item, tables_line_fn fn, void *context);

#endif
