/* SPDX-License-Identifier: ISC */
/*
 * map: a lookup table, TYPE:NAME, read whole when it is opened.
 *
 * Lookups touch no file: they never wait, need no privileges, work in the jail, and give answers of one
 * moment even while postmap writes. A table that has changed is opened anew beside the old one. Types: hash,
 * btree, lmdb and cdb as postmap makes them; texthash, inline, static, cidr, regexp, pcre, pipemap, unionmap,
 * randmap, environ, fail; and proxy:TYPE:NAME, which is TYPE:NAME, because what proxymap(8) is for does not
 * arise.
 */
#ifndef MAIL_MAP_H
#define MAIL_MAP_H

#include <stddef.h>

struct buf;
struct err;
struct map;
struct map_source;

enum map_flag {
	MAP_FOLD = 1,  /* upper and lower case are one, in types that compare whole keys */
	MAP_FILES = 2, /* values are lists of files, and stand for their content (postmap -F) */
	/* Keys of hash, btree, lmdb and cdb tables end in a zero byte, or do not; without these two, either
	 * way.
	 */
	MAP_WITH_ZERO = 4,
	MAP_WITHOUT_ZERO = 8,
};

/* Warns of bad lines, and of an index older than its source. NULL with Postfix's words in `err`. Freed by the
 * caller. */
struct map *map_new(const char *type_name, unsigned int flags, struct err *err);
void map_free(struct map *map);

/* The same of what `source` has; NULL: of files. It is borrowed for the call. */
struct map *map_new_from(
    struct map_source *source, const char *type_name, unsigned int flags, struct err *err);

/* 1: `value` replaced. 0: not found. -1: `err` says why. `value` may hold a secret. */
int map_get(const struct map *map, const char *key, struct buf *value, struct err *err)
    __attribute__((warn_unused_result));

/* The types there are, in byte order; NULL behind the last. */
const char *map_type_name(size_t index);

/* Calls `file` for each file that the table was made from: index, source, files that values name. */
typedef void (*map_file_fn)(const char *path, void *context);
void map_files(const struct map *map, map_file_fn file, void *context);

/* Calls `fn` for each key of a table that holds whole keys. */
typedef void (*map_key_fn)(const char *key, void *context);
void map_keys(const struct map *map, map_key_fn fn, void *context);

#endif
