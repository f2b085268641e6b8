/* SPDX-License-Identifier: ISC */
/*
 * map_impl: what the types of lookup tables share among themselves.
 */
#ifndef MAIL_MAP_IMPL_H
#define MAIL_MAP_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/map.h"

struct map_rules;
struct table;

enum {
	MAP_SOURCE_LIMIT = 64 << 20, /* bytes of a text file */
	MAP_VALUE_LIMIT = 1 << 20,   /* of the files of one value */
	MAP_INDEX_LIMIT = 512 << 20, /* of all keys and values of an index file */
};

struct map_value {
	size_t len;
	char bytes[]; /* a zero byte behind them */
};

struct map_type {
	const char *name;
	/* Fills the map; 0, or -1 with `err` in words that need nothing in front. */
	int (*open)(struct map *map, struct err *err);
	/* As map_get(); NULL: the pairs are asked. */
	int (*get)(const struct map *map, const char *key, struct buf *value, struct err *err);
};

struct map {
	const struct map_type *type;
	char *type_name;  /* owned; as given */
	const char *name; /* borrowed from type_name: what is behind the type and its colon */
	unsigned int flags;
	const char *index_suffix; /* of the index file, for the log; "" without */
	struct table *pairs[2];   /* owned; keys without and with a zero byte at their end; may be NULL */
	struct map_value *single; /* owned; static: the one value */
	struct map_rules *rules;  /* owned; cidr, regexp, pcre */
	struct map **parts;       /* owned, each; pipemap, unionmap, randmap */
	size_t parts_count;
	struct table *files;       /* owned; a set */
	struct map_source *source; /* borrowed, while it is opened; may be NULL */
};

extern const struct map_type map_type_hash, map_type_btree;                         /* map_db.c */
extern const struct map_type map_type_cdb;                                          /* map_cdb.c */
extern const struct map_type map_type_lmdb;                                         /* map_lmdb.c */
extern const struct map_type map_type_texthash;                                     /* map_texthash.c */
extern const struct map_type map_type_inline, map_type_static;                      /* map_inline.c */
extern const struct map_type map_type_cidr;                                         /* map_cidr.c */
extern const struct map_type map_type_regexp;                                       /* map_regexp.c */
extern const struct map_type map_type_pcre;                                         /* map_pcre.c */
extern const struct map_type map_type_pipemap, map_type_unionmap, map_type_randmap; /* map_compound.c */

void map_value_free(void *value); /* wipes */

/* What `text`, from a source, stands for: itself, or with MAP_FILES the files it names. NULL with `err`. */
struct map_value *map_value_of(struct map *map, const char *text, struct err *err);

/* Stores a pair, the key folded if flags say so; takes `value`. Whether the key is new; if it is not,
 * `replace` decides which value stays. */
bool map_put(struct map *map, const char *key, bool replace, struct map_value *value);

/* A pair out of an index file: key and value each with a zero byte behind it, or without. The first of two
 * equal keys stays. */
void map_put_stored(struct map *map, const void *key, size_t key_len, const void *value, size_t value_len);

/* Remembers that the map depends on this file. */
void map_add_file(struct map *map, const char *path);

/* Opens an index file, NAME and `suffix`: `read` puts its pairs, and returns 0 or an error that `words`
 * knows. 0 or -1. */
typedef int (*map_read_fn)(struct map *map, const char *path);
typedef const char *(*map_words_fn)(int error);
int map_open_index(
    struct map *map, const char *suffix, map_read_fn read, map_words_fn words, struct err *err);

/* The text between the braces that `text` consists of, in a copy to be freed; NULL if it does not. */
char *map_in_braces(const char *text);

/* Next word of a list whose separators do not count inside braces, in a copy to be freed; NULL at the end. */
char *map_next_word(const char **at);

#endif
