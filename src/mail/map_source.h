/* SPDX-License-Identifier: ISC */
/*
 * map_source: where lookup tables come from: files, of which it makes a recording; or such a recording.
 *
 * So tables can be opened by a process that may read their files, and once more from the recording by one
 * that may not, with the same result: content of text files, pairs of index files, and errors.
 */
#ifndef MAIL_MAP_SOURCE_H
#define MAIL_MAP_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct map;
struct map_source;

enum {
	MAP_SOURCE_RECORD_LIMIT = 64 << 20,
	/* What tables may get of files altogether, if they get it of a recording: many entries may name one
	   file. */
	MAP_SOURCE_GIVEN_LIMIT = 512 << 20,
};

/* Of files, as they are when they are asked for. */
struct map_source *map_source_new(void);

/* Of a recording, whose bytes it takes. NULL: it is none. */
struct map_source *map_source_replay(struct buf *recording);
void map_source_free(struct map_source *source); /* wipes */

/* What was asked for so far; borrowed. NULL: that is more than the limits. */
const struct buf *map_source_recording(const struct map_source *source);

/* Of the recording; wiping keeps it and the names. */
uint64_t map_source_digest(const struct map_source *source);
void map_source_wipe(struct map_source *source);

/* Each file that was asked for: start with *at = 0, ends with NULL. */
const char *map_source_next(const struct map_source *source, size_t *at);

/* A file that could be read when `old` was made, or was not asked for then, and now cannot; NULL: none. */
const char *map_source_loss(const struct map_source *source, const struct map_source *old);

/* For the types of tables. `source` may be NULL: files, and nothing is recorded. */

/* As file_read(). */
int map_source_read(struct map_source *source, const char *path, size_t limit, struct buf *to,
    struct err *err) __attribute__((warn_unused_result));

/* An index that is read by a library: between begin and end, with what went wrong, come its pairs. */
void map_source_begin(struct map_source *source);
void map_source_add_pair(
    struct map_source *source, const void *key, size_t key_len, const void *value, size_t value_len);
void map_source_end(struct map_source *source, const char *path, const struct err *err);

/* Puts the pairs that were recorded. 0 or -1. */
bool map_source_is_recording(const struct map_source *source);
int map_source_pairs(struct map_source *source, const char *path, struct map *map, struct err *err)
    __attribute__((warn_unused_result));

#endif
