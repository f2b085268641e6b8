/* SPDX-License-Identifier: ISC */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tlsmgr/store.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KINDS = 4 };

/* The last one is so simple that the others are measured by it. */
static const char *const types[KINDS] = { "btree", "hash", "lmdb", "internal" };
static char dir[] = "/tmp/sealpost-fuzz.XXXXXX";
static struct store *stores[KINDS];

static void
say_nothing(enum log_level level, const char *text, void *context)
{
	(void)level;
	(void)text;
	(void)context;
}

static void
open_store(int kind)
{
	struct err err = { 0 };
	char path[64];

	snprintf(path, sizeof path, "%s/%s", dir, types[kind]);
	stores[kind] = store_new(
	    &(struct store_config){
		.type = types[kind], .path = path, .shown = path, .boot = "boot", .limit = 64 << 20 },
	    &err);
	if (!stores[kind])
		log_panic("%s", err.text);
}

static void
remove_files(void)
{
	char path[64];

	for (int kind = 0; kind < KINDS; kind++) {
		snprintf(path, sizeof path, "%s/%s.%s", dir, types[kind], kind == 2 ? "lmdb" : "db");
		if (unlink(path) < 0)
			continue;
	}
	if (rmdir(dir) < 0)
		return;
}

/* Some keys are longer than a library takes. */
static void
name_key(struct buf *key, uint8_t byte)
{
	static const size_t lengths[] = { 1, 79, 250, 509, 510, 511, 512, 3000 };

	buf_clear(key);
	while (key->len < lengths[byte / 8 % 8])
		buf_add_byte(key, 'k');
	key->bytes[key->len - 1] = (char)('A' + byte % 8);
}

static void
expect(bool same, int kind, const char *what)
{
	if (!same)
		log_panic("%s: %s", types[kind], what);
}

/* All kinds answer like the simple one. */
static void
look_up(const struct buf *key)
{
	struct buf wanted = BUF_INIT, got = BUF_INIT;
	struct err err = { 0 };
	int there = store_get(stores[KINDS - 1], buf_str(key), &wanted, &err);

	for (int kind = 0; kind < KINDS - 1; kind++) {
		expect(store_get(stores[kind], buf_str(key), &got, &err) == there, kind, "get");
		if (there)
			expect(got.len == wanted.len && memcmp(buf_str(&got), buf_str(&wanted), got.len) == 0,
			    kind, "value");
	}
	buf_release(&wanted);
	buf_release(&got);
}

static void
put(const struct buf *key, size_t len, uint8_t fill)
{
	struct buf value = BUF_INIT;
	struct err err = { 0 };

	memset(buf_reserve(&value, len), fill, len);
	for (int kind = 0; kind < KINDS; kind++)
		expect(store_put(stores[kind], buf_str(key), value.bytes, len, &err) == 0, kind, err.text);
	buf_release(&value);
}

static void
drop(const struct buf *key)
{
	struct err err = { 0 };
	int there = store_remove(stores[KINDS - 1], buf_str(key), &err);

	for (int kind = 0; kind < KINDS - 1; kind++)
		expect(store_remove(stores[kind], buf_str(key), &err) == there, kind, "remove");
}

/* Counts as many records in each, some of them removed when the walk has come to them. */
static void
walk(bool clear)
{
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct err err = { 0 };
	size_t counts[KINDS] = { 0 };

	for (int kind = 0; kind < KINDS; kind++) {
		int rc = store_next(stores[kind], true, &key, &value, &err);
		for (; rc > 0; rc = store_next(stores[kind], false, &key, &value, &err)) {
			counts[kind]++;
			if (clear)
				expect(store_remove(stores[kind], buf_str(&key), &err) == 1, kind, "clear");
		}
		expect(rc == 0, kind, err.text);
	}
	for (int kind = 0; kind < KINDS - 1; kind++)
		expect(counts[kind] == counts[KINDS - 1], kind, "count");
	buf_release(&key);
	buf_release(&value);
}

/* Three bytes each: what to do, which key, how much. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct buf key = BUF_INIT;

	if (!ready) {
		ready = true;
		log_set_sink(say_nothing, NULL);
		if (!mkdtemp(dir))
			log_panic("mkdtemp");
		atexit(remove_files);
	}
	for (int kind = 0; kind < KINDS; kind++)
		open_store(kind);
	for (; size >= 3; data += 3, size -= 3) {
		name_key(&key, data[1]);
		switch (data[0] % 16) {
		case 0:
			walk(data[1] % 8 == 0);
			break;
		case 1:
			/* Out and in again; what has no file is the measure and stays. */
			for (int kind = 0; kind < KINDS - 1; kind++) {
				store_free(stores[kind]);
				open_store(kind);
			}
			break;
		case 2:
		case 3:
		case 4:
			drop(&key);
			break;
		case 5:
		case 6:
		case 7:
			look_up(&key);
			break;
		case 8:
			put(&key, (size_t)data[2] * 4096, data[2]);
			break;
		default:
			put(&key, (size_t)data[2] * 17, data[2]);
		}
	}
	walk(true);
	for (int kind = 0; kind < KINDS; kind++)
		store_free(stores[kind]);
	buf_release(&key);
	return 0;
}
