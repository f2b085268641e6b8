/* SPDX-License-Identifier: ISC */
/*
 * fuzz_cdb: cdb: tables. The first byte holds flags; then comes a file, or, with the highest bit, records
 * that a file is made of: the lengths of key and value, key, value.
 *
 * Beyond memory errors it looks for a key that does not get the first value it has.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"

#include "mail/map.h"
#include "util/buf.h"
#include "util/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { LONGEST_INPUT = 8192, TABLES = 256, RECORDS = 0x80 };

struct record {
	size_t key_len, value_len;
	const uint8_t *key, *value;
};

static bool
take_record(const uint8_t **at, const uint8_t *end, struct record *record)
{
	if (end - *at < 2)
		return false;
	record->key_len = (*at)[0];
	record->value_len = (*at)[1];
	record->key = *at + 2;
	record->value = record->key + record->key_len;
	if ((size_t)(end - *at) < 2 + record->key_len + record->value_len)
		return false;
	*at = record->value + record->value_len;
	return true;
}

static void
put_number(struct buf *to, size_t number)
{
	for (int i = 0; i < 4; i++)
		buf_add_byte(to, (char)(number >> 8 * i & 0xff));
}

/* Without hash tables, which are not looked at. */
static void
put_records(struct buf *to, const uint8_t *bytes, size_t len)
{
	struct buf records = BUF_INIT;
	struct record record;

	for (const uint8_t *at = bytes; take_record(&at, bytes + len, &record);) {
		put_number(&records, record.key_len);
		put_number(&records, record.value_len);
		buf_add(&records, record.key, record.key_len);
		buf_add(&records, record.value, record.value_len);
	}
	for (int i = 0; i < TABLES; i++) {
		put_number(to, TABLES * 8 + records.len);
		put_number(to, 0);
	}
	buf_add(to, buf_str(&records), records.len);
	buf_release(&records);
}

/* Length without the zero byte at the end that does not count. */
static size_t
text_len(const uint8_t *bytes, size_t len)
{
	return len > 0 && bytes[len - 1] == '\0' ? len - 1 : len;
}

static bool
is_key(const struct record *record, const struct record *other)
{
	size_t len = text_len(record->key, record->key_len);

	return text_len(other->key, other->key_len) == len && memcmp(other->key, record->key, len) == 0;
}

/* Keys with a zero byte in the middle have no spelling, and are none; one that is there with and without one
 * has two values. */
static void
check_record(const struct map *map, const struct record *record, const struct record *first)
{
	size_t len = text_len(record->key, record->key_len);
	struct buf value = BUF_INIT;
	struct err err;
	char key[256];

	if (memchr(record->key, 0, len) || record->key_len != first->key_len)
		return;
	memcpy(key, record->key, len);
	key[len] = '\0';
	if (map_get(map, key, &value, &err) != 1)
		abort();
	len = text_len(first->value, first->value_len);
	if (first->key_len > text_len(first->key, first->key_len) &&
	    (value.len != len || memcmp(buf_str(&value), first->value, len) != 0))
		abort();
	buf_release(&value);
}

static void
check_records(const struct map *map, const uint8_t *bytes, size_t len)
{
	struct record record, first;

	for (const uint8_t *at = bytes; take_record(&at, bytes + len, &record);)
		for (const uint8_t *from = bytes; take_record(&from, bytes + len, &first);)
			if (is_key(&record, &first)) {
				check_record(map, &record, &first);
				break;
			}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct buf file = BUF_INIT;
	struct err err = { 0 };
	char name[64];

	folder_make("t.cdb");
	snprintf(name, sizeof name, "cdb:%s/t", folder);
	if (len == 0 || len > LONGEST_INPUT)
		return 0;
	if (bytes[0] & RECORDS)
		put_records(&file, bytes + 1, len - 1);
	else
		buf_add(&file, bytes + 1, len - 1);
	folder_put(buf_str(&file), file.len);

	struct map *map = map_new(name, bytes[0] & (MAP_FOLD | MAP_WITH_ZERO | MAP_WITHOUT_ZERO), &err);

	if (!map && (!*err.text || (bytes[0] & RECORDS)))
		abort();
	if (bytes[0] == RECORDS)
		check_records(map, bytes + 1, len - 1);
	map_free(map);
	buf_release(&file);
	return 0;
}
