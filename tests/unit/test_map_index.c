/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "map_dir.h"

#include "mail/map.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"

/* How postmap writes and reads keys and values: with a zero byte behind them, or without; or either way. */
static const struct {
	const char *option;
	unsigned int flags;
} ways[] = { { "", 0 }, { "-N", MAP_WITH_ZERO }, { "-n", MAP_WITHOUT_ZERO } };

static const char *const keys[] = { "example.com", "EXAMPLE.com", "other", "\"a b\"", "dup", "nosuch" };

static int asked, found;

static bool
index_made(const char *option, const char *table)
{
	char *command =
	    alloc_printf("/usr/sbin/postmap -c %s %s '%s' >/dev/null 2>&1", map_dir, option, table);
	bool made = access("/usr/sbin/postmap", X_OK) == 0 && system(command) == 0;

	free(command);
	return made;
}

/* What postmap -q prints. */
static void
ask_postmap(const char *option, const char *key, const char *table, struct buf *value)
{
	char *command = alloc_printf(
	    "/usr/sbin/postmap -c %s %s -q '%s' '%s' >%s/asked 2>&1", map_dir, option, key, table, map_dir);
	char *path = alloc_printf("%s/asked", map_dir);
	struct err err;

	assert_true(system(command) >= 0);
	buf_clear(value);
	assert_int_equal(file_read(path, 1 << 20, value, &err), 0);
	if (value->len > 0 && value->bytes[value->len - 1] == '\n')
		buf_truncate(value, value->len - 1);
	free(path);
	free(command);
}

static void
ask_ours(unsigned int flags, const char *key, const char *table, struct buf *value)
{
	struct err err;
	struct map *map = map_new(table, MAP_FOLD | flags, &err);

	assert_non_null(map);
	assert_true(map_get(map, key, value, &err) >= 0);
	map_free(map);
}

static void
compare_answers(const char *table, const char *written, size_t way)
{
	struct buf ours = BUF_INIT, theirs = BUF_INIT;

	for (size_t i = 0; i < COUNT(keys); i++) {
		ask_postmap(ways[way].option, keys[i], table, &theirs);
		ask_ours(ways[way].flags, keys[i], table, &ours);
		if (strcmp(buf_str(&ours), buf_str(&theirs)) != 0)
			fail_msg("%s written %s, read %s, %s: '%s', postmap says '%s'", table, written,
			    ways[way].option, keys[i], buf_str(&ours), buf_str(&theirs));
		asked++;
		found += ours.len > 0;
	}
	buf_release(&ours);
	buf_release(&theirs);
}

static void
indexes_of_every_kind_answer_as_to_postmap(void **state)
{
	static const char *const types[] = { "hash", "btree", "lmdb", "cdb" };

	(void)state;
	asked = found = 0;
	for (size_t type = 0; type < COUNT(types); type++) {
		char *table = alloc_printf("%s:%s/t", types[type], map_dir);

		for (size_t written = 0; written < COUNT(ways); written++)
			for (size_t way = 0; index_made(ways[written].option, table) && way < COUNT(ways);
			     way++)
				compare_answers(table, ways[written].option, way);
		free(table);
	}
	print_message("%d questions, %d answers\n", asked, found);
	if (asked == 0)
		skip();
	assert_true(found > asked / 2 && found < asked);
}

static int
make_files(void **state)
{
	(void)state;
	if (map_dir_make() < 0)
		return -1;
	map_dir_write(
	    "t", "Example.COM value One\nother two\n  continued\n\"a b\" quoted\ndup one\ndup two\n");
	return 0;
}

static int
remove_files(void **state)
{
	(void)state;
	return map_dir_remove();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(indexes_of_every_kind_answer_as_to_postmap),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
