/* SPDX-License-Identifier: ISC */
/*
 * map_cdb: cdb: tables, constant databases as postmap makes them: 256 places and sizes of hash tables, the
 * records, the hash tables. Numbers are of 32 bits, the lowest byte first.
 *
 * All records are wanted, so the hash tables only tell where the records end.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "mail/map_impl.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/reader.h"

enum { TABLES = 256, HEADER = TABLES * 8, SLOT = 8 };

static bool
take_number(struct reader *in, size_t *number)
{
	const unsigned char *at = reader_take(in, 4);

	if (at)
		*number = (size_t)at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
	return at != NULL;
}

/* Where the records end; 0: that is no such file. */
static size_t
records_end(const struct buf *file)
{
	struct reader in;
	size_t end = file->len, slots = 0;

	reader_init(&in, buf_str(file), file->len);
	for (int table = 0; table < TABLES; table++) {
		size_t at, count;

		if (!take_number(&in, &at) || !take_number(&in, &count) || at < HEADER || at > file->len ||
		    count > (file->len - at) / SLOT)
			return 0;
		if (at < end)
			end = at;
		slots += count;
	}
	/* Nothing is behind the records but the tables. */
	return slots == (file->len - end) / SLOT && (file->len - end) % SLOT == 0 ? end : 0;
}

static bool
take_records(struct map *map, const struct buf *file)
{
	size_t end = records_end(file), key_len, value_len;
	struct reader in;

	if (end == 0)
		return false;
	reader_init(&in, buf_str(file) + HEADER, end - HEADER);
	while (reader_left(&in) > 0) {
		if (!take_number(&in, &key_len) || !take_number(&in, &value_len))
			return false;

		const unsigned char *key = reader_take(&in, key_len);
		const unsigned char *value = key ? reader_take(&in, value_len) : NULL;

		if (!value)
			return false;
		map_put_stored(map, key, key_len, value, value_len);
	}
	return true;
}

/* 0 or an error of the system. The file is never changed, but replaced as a whole. */
static int
read_file(struct map *map, const char *path)
{
	struct buf file = BUF_INIT;
	struct err err;
	int rc = 0;

	errno = 0;
	if (file_read(path, MAP_INDEX_LIMIT, &file, &err) < 0)
		rc = errno != 0 ? errno : EFBIG;
	else if (!take_records(map, &file))
		rc = EBADF;
	buf_release_secret(&file);
	return rc;
}

static const char *
words(int error)
{
	return error == EBADF ? "not a constant database" : strerror(error);
}

static int
open_cdb(struct map *map, struct err *err)
{
	return map_open_index(map, ".cdb", read_file, words, err);
}

const struct map_type map_type_cdb = { .name = "cdb", .open = open_cdb };
