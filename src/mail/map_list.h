/* SPDX-License-Identifier: ISC */
/*
 * map_list: the tables that a parameter names, asked in their order.
 */
#ifndef MAIL_MAP_LIST_H
#define MAIL_MAP_LIST_H

#include "mail/map.h"

struct buf;
struct map_list;
struct map_source;

/* `title` is the parameter's name. A table that cannot be opened is logged as an error; lookups that get as
 * far as that table fail. One reference. */
struct map_list *map_list_new(const char *title, const char *names, unsigned int flags);

/* The same of what `source` has; NULL: of files. It is borrowed for the call. */
struct map_list *map_list_new_from(
    struct map_source *source, const char *title, const char *names, unsigned int flags);
struct map_list *map_list_ref(struct map_list *list);
void map_list_unref(struct map_list *list); /* NULL is fine */

const char *map_list_title(const struct map_list *list);

/* 1: `value` replaced. 0: in none of them. -1: logged. An empty result counts as an error. */
int map_list_get(const struct map_list *list, const char *key, struct buf *value)
    __attribute__((warn_unused_result));

/* As map_keys(), for all of them, those that could not be opened left out. */
void map_list_keys(const struct map_list *list, map_key_fn fn, void *context);

/* Each has the other's tables from now on, for whoever refers to it. The generation is another one then: what
 * was made of answers before is out of date. */
void map_list_exchange(struct map_list *list, struct map_list *other);
unsigned int map_list_generation(const struct map_list *list);

/* Lists of the same names: says which table cannot be opened any more; NULL: none. */
const char *map_list_loss(const struct map_list *list, const struct map_list *old);

#endif
