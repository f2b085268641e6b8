/* SPDX-License-Identifier: ISC */
#include "mail/map_source.h"

#include <stdlib.h>
#include <string.h>

#include "mail/map_impl.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/reader.h"
#include "util/siphash.h"
#include "util/table.h"

/* A recording is these, each with a path and its zero byte, and with content, behind it. It is read by the
 * program that made it. */
struct item {
	size_t path_len; /* with its zero byte */
	size_t len;      /* of the content: an error's words, if it failed */
	int64_t code;    /* of the error */
	uint64_t failed;
};

struct file {
	struct item item;
	size_t at; /* of the content */
};

struct map_source {
	struct table *files;  /* owned; by path */
	struct buf recording; /* wiped */
	struct buf pairs;     /* of the index that is read; wiped */
	size_t given;         /* bytes, to tables */
	bool replays;
	bool full;
	bool wiped;
	uint64_t digest; /* then */
};

struct map_source *
map_source_new(void)
{
	struct map_source *source = alloc_zero(sizeof *source);

	source->files = table_new(free);
	return source;
}

void
map_source_free(struct map_source *source)
{
	if (!source)
		return;
	buf_release_secret(&source->recording);
	buf_release_secret(&source->pairs);
	table_free(source->files);
	free(source);
}

static void
put_file(struct map_source *source, const char *path, const struct item *item, size_t at)
{
	struct file *file = alloc_zero(sizeof *file);

	file->item = *item;
	file->at = at;
	table_put(source->files, path, file);
}

struct map_source *
map_source_replay(struct buf *recording)
{
	struct map_source *source = map_source_new();
	struct reader reader;

	source->replays = true;
	source->recording = *recording;
	*recording = (struct buf)BUF_INIT;
	reader_init(&reader, buf_str(&source->recording), source->recording.len);
	while (reader_left(&reader) > 0) {
		struct item item = { 0 };
		const void *head = reader_take(&reader, sizeof item);

		if (head)
			memcpy(&item, head, sizeof item);

		const char *path = (const char *)reader_take(&reader, item.path_len);
		size_t content = reader.at;

		if (!reader_take(&reader, item.len) || item.path_len == 0 ||
		    path[item.path_len - 1] != '\0') {
			map_source_free(source);
			return NULL;
		}
		put_file(source, path, &item, content);
	}
	return source;
}

const struct buf *
map_source_recording(const struct map_source *source)
{
	return source->full ? NULL : &source->recording;
}

uint64_t
map_source_digest(const struct map_source *source)
{
	static const unsigned char key[SIPHASH_KEY_LEN];

	return source->wiped ? source->digest
			     : siphash(key, buf_str(&source->recording), source->recording.len);
}

void
map_source_wipe(struct map_source *source)
{
	source->digest = map_source_digest(source);
	source->wiped = true;
	buf_release_secret(&source->recording);
}

const char *
map_source_next(const struct map_source *source, size_t *at)
{
	return table_next(source->files, at, NULL);
}

const char *
map_source_loss(const struct map_source *source, const struct map_source *old)
{
	const char *path;
	void *value;
	size_t at = 0;

	while ((path = table_next(source->files, &at, &value)) != NULL) {
		const struct file *file = value, *was = table_get(old->files, path);

		if (file->item.failed && !(was && was->item.failed))
			return path;
	}
	return NULL;
}

bool
map_source_is_recording(const struct map_source *source)
{
	return source && source->replays;
}

static void
record(struct map_source *source, const char *path, const void *bytes, size_t len, const struct err *failed)
{
	struct item item = {
		.path_len = strlen(path) + 1,
		.len = failed ? strlen(failed->text) : len,
		.code = failed ? failed->code : 0,
		.failed = failed != NULL,
	};

	if (source->recording.len + sizeof item + item.path_len + item.len > MAP_SOURCE_RECORD_LIMIT)
		source->full = true;
	else {
		buf_add(&source->recording, &item, sizeof item);
		buf_add(&source->recording, path, item.path_len);
		buf_add(&source->recording, failed ? failed->text : bytes, item.len);
	}
	put_file(source, path, &item, source->recording.len - (source->full ? 0 : item.len));
}

/* The content of what is recorded; NULL with `err`: it is not, or was an error. */
static const char *
recorded(const struct map_source *source, const char *path, size_t *len, struct err *err)
{
	const struct file *file = table_get(source->files, path);

	if (!file) {
		err_set(err, "%s: not recorded", path);
		return NULL;
	}

	const char *bytes = buf_str(&source->recording) + file->at;

	*len = file->item.len;
	if (!file->item.failed)
		return bytes;
	err_set(err, "%.*s", (int)*len, bytes);
	err->code = (int)file->item.code;
	return NULL;
}

static int
give(struct map_source *source, const char *path, size_t limit, struct buf *to, struct err *err)
{
	size_t len;
	const char *bytes = recorded(source, path, &len, err);

	if (!bytes)
		return -1;
	if (len > limit)
		return err_set(err, "%s: larger than %zu bytes", path, limit);
	if (len > MAP_SOURCE_GIVEN_LIMIT - source->given) {
		source->given = MAP_SOURCE_GIVEN_LIMIT;
		return err_set(err, "%s: more than %d bytes altogether", path, (int)MAP_SOURCE_GIVEN_LIMIT);
	}
	source->given += len;
	buf_add(to, bytes, len);
	return 0;
}

int
map_source_read(struct map_source *source, const char *path, size_t limit, struct buf *to, struct err *err)
{
	if (!source)
		return file_read(path, limit, to, err);
	if (source->replays)
		return give(source, path, limit, to, err);
	/* What two entries name is the same for both. */
	if (!source->full && table_get(source->files, path)) {
		int result = give(source, path, limit, to, err);

		if (source->given > MAP_SOURCE_GIVEN_LIMIT - MAP_SOURCE_RECORD_LIMIT)
			source->full = true;
		return result;
	}

	struct buf content = BUF_INIT;
	int result = file_read(path, limit, &content, err);

	record(source, path, buf_str(&content), content.len, result < 0 ? err : NULL);
	if (result == 0)
		buf_add(to, buf_str(&content), content.len);
	buf_release_secret(&content);
	return result;
}

/* --- indexes --- */

static void
add_bytes(struct buf *to, const void *bytes, size_t len)
{
	uint64_t length = len;

	buf_add(to, &length, sizeof length);
	if (len > 0)
		buf_add(to, bytes, len);
}

/* NULL: there are not so many. */
static const void *
take_bytes(struct reader *reader, size_t *len)
{
	*len = (size_t)reader_i64_native(reader);
	return reader_take(reader, *len);
}

void
map_source_begin(struct map_source *source)
{
	if (source)
		buf_clear(&source->pairs);
}

void
map_source_add_pair(
    struct map_source *source, const void *key, size_t key_len, const void *value, size_t value_len)
{
	if (!source || source->replays)
		return;
	if (source->pairs.len > MAP_SOURCE_RECORD_LIMIT) {
		source->full = true;
		return;
	}
	add_bytes(&source->pairs, key, key_len);
	add_bytes(&source->pairs, value, value_len);
}

void
map_source_end(struct map_source *source, const char *path, const struct err *err)
{
	if (!source)
		return;
	record(source, path, buf_str(&source->pairs), source->pairs.len, err);
	buf_release_secret(&source->pairs);
}

int
map_source_pairs(struct map_source *source, const char *path, struct map *map, struct err *err)
{
	size_t len, key_len, value_len;
	const char *bytes = recorded(source, path, &len, err);
	struct reader reader;

	if (!bytes)
		return -1;
	reader_init(&reader, bytes, len);
	while (reader_left(&reader) > 0) {
		const void *key = take_bytes(&reader, &key_len);
		const void *value = take_bytes(&reader, &value_len);

		if (!value)
			return err_set(err, "%s: bad recording", path);
		map_put_stored(map, key, key_len, value, value_len);
	}
	return 0;
}
