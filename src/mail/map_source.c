/* SPDX-License-Identifier: ISC */
#include "mail/map_source.h"

#include <stdlib.h>
#include <string.h>

#include "mail/map_impl.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/siphash.h"
#include "util/table.h"

/* A recording is these, each with a path and its zero byte, and with content, behind it. It is read by the
 * program that made it. */
struct item {
	uint64_t path_len; /* with its zero byte */
	uint64_t len;      /* of the content: an error's words, if it failed */
	int64_t code;      /* of the error */
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

/* Takes `len` bytes at `*at`; NULL: there are not so many. */
static const char *
take(const struct buf *buf, size_t *at, uint64_t len)
{
	const char *bytes = buf_str(buf) + *at;

	if (len > buf->len - *at)
		return NULL;
	*at += (size_t)len;
	return bytes;
}

struct map_source *
map_source_replay(struct buf *recording)
{
	struct map_source *source = map_source_new();
	size_t at = 0;

	source->replays = true;
	source->recording = *recording;
	*recording = (struct buf)BUF_INIT;
	while (at < source->recording.len) {
		struct item item;
		const char *head = take(&source->recording, &at, sizeof item), *path = NULL;
		size_t content;

		if (head) {
			memcpy(&item, head, sizeof item);
			path = take(&source->recording, &at, item.path_len);
		}
		content = at;
		if (!path || item.path_len == 0 || path[item.path_len - 1] != '\0' ||
		    !take(&source->recording, &at, item.len)) {
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

	if (item.len > MAP_SOURCE_RECORD_LIMIT || source->recording.len > MAP_SOURCE_RECORD_LIMIT - item.len)
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

int
map_source_read(struct map_source *source, const char *path, size_t limit, struct buf *to, struct err *err)
{
	if (!source)
		return file_read(path, limit, to, err);
	/* What two entries name is the same for both. */
	if (source->replays || (!source->full && table_get(source->files, path))) {
		size_t len;
		const char *bytes = recorded(source, path, &len, err);

		if (bytes)
			buf_add(to, bytes, len);
		return bytes ? 0 : -1;
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

static const char *
take_bytes(const struct buf *from, size_t *at, uint64_t *len)
{
	const char *head = take(from, at, sizeof *len);

	if (!head)
		return NULL;
	memcpy(len, head, sizeof *len);
	return take(from, at, *len);
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
	size_t len, at = 0;
	const char *bytes = recorded(source, path, &len, err);

	if (!bytes)
		return -1;

	struct buf pairs = BUF_INIT;
	buf_add(&pairs, bytes, len);
	while (at < pairs.len) {
		uint64_t key_len, value_len;
		const char *key = take_bytes(&pairs, &at, &key_len);
		const char *value = key ? take_bytes(&pairs, &at, &value_len) : NULL;

		if (!value) {
			buf_release_secret(&pairs);
			return err_set(err, "%s: bad recording", path);
		}
		map_put_stored(map, key, key_len, value, value_len);
	}
	buf_release_secret(&pairs);
	return 0;
}
