/* SPDX-License-Identifier: ISC */
/* map_source: tables of a recording are those of the files, errors included; map_keeper: what becomes of
 * changes, without rights to lose. */
#include "cmocka_all.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <event2/event.h>

#include "captured_log.h"

#include "mail/map_keeper.h"
#include "mail/map_list.h"
#include "mail/map_source.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/now.h"

static char dir[] = "/tmp/test_map_source.XXXXXX";
static bool indexed;

static void
write_file(const char *name, const char *text)
{
	char *path = alloc_printf("%s/%s", dir, name), *beside = alloc_printf("%s.new", path);
	FILE *file = fopen(beside, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(beside, path), 0);
	free(beside);
	free(path);
}

static bool
make_index(const char *type)
{
	char *command =
	    alloc_printf("/usr/sbin/postmap -c %s -F %s:%s/%s >/dev/null 2>&1", dir, type, dir, type);
	bool made = access("/usr/sbin/postmap", X_OK) == 0 && system(command) == 0;

	free(command);
	return made;
}

static int
set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	write_file("main.cf", "compatibility_level = 3.6\n");
	write_file("one", "content of one");
	write_file("two", "content of two");

	char *text = alloc_printf("a.test %s/one\nb.test %s/two\nlost.test %s/lost\n", dir, dir, dir);
	write_file("text", text);
	free(text);
	text = alloc_printf("hash.test %s/one\n", dir);
	write_file("hash", text);
	free(text);
	text = alloc_printf("lmdb.test %s/two\n", dir);
	write_file("lmdb", text);
	free(text);
	text = alloc_printf("/^r.*/ %s/one\n", dir);
	write_file("regexp", text);
	free(text);
	indexed = make_index("hash") && make_index("lmdb");
	return 0;
}

static int
tear_down(void **state)
{
	char *command = alloc_printf("rm -r %s", dir);
	int result = system(command);

	(void)state;
	free(command);
	return result;
}

static char *
all_tables(void)
{
	char *indexes = indexed ? alloc_printf("hash:%s/hash lmdb:%s/lmdb ", dir, dir) : alloc_string("");
	char *all = alloc_printf("%stexthash:%s/text pipemap:{inline:{i.test=%s/one}} regexp:%s/regexp "
				 "texthash:%s/none",
	    indexes, dir, dir, dir, dir);

	free(indexes);
	return all;
}

static struct map_list *
tables_of(struct map_source *source, const char *names)
{
	return map_list_new_from(source, "my_maps", names, MAP_FOLD | MAP_FILES);
}

static const char *
answer(const struct map_list *list, const char *key)
{
	static char text[64];
	struct buf value = BUF_INIT;

	int result = map_list_get(list, key, &value);
	snprintf(text, sizeof text, "%d %s", result, result == 1 ? buf_str(&value) : "");
	buf_release(&value);
	return text;
}

static void
recording_makes_the_same_tables(void **state)
{
	static const char *const keys[] = { "a.test", "B.test", "lost.test", "hash.test", "lmdb.test",
		"i.test", "regexp", "other" };
	struct map_source *source = map_source_new();
	char *names = all_tables();

	(void)state;
	captured_log_start();
	struct map_list *list = tables_of(source, names);
	assert_true(indexed ? strcmp(answer(list, "hash.test"), "1 content of one") == 0 : true);
	assert_string_equal(answer(list, "a.test"), "1 content of one");

	struct buf recording = BUF_INIT;
	buf_add(&recording, map_source_recording(source)->bytes, map_source_recording(source)->len);
	struct map_source *replay = map_source_replay(&recording);
	assert_non_null(replay);
	assert_true(map_source_digest(replay) == map_source_digest(source));

	struct map_list *same = tables_of(replay, names);
	map_source_free(replay);
	for (size_t i = 0; i < COUNT(keys); i++) {
		char *expected = alloc_string(answer(list, keys[i]));

		assert_string_equal(answer(same, keys[i]), expected);
		free(expected);
	}
	assert_null(map_list_loss(same, list));
	map_list_unref(same);
	map_list_unref(list);
	map_source_free(source);
	free(names);
}

/* The program that made it may have been killed in the middle. */
static void
part_of_a_recording_is_harmless(void **state)
{
	struct map_source *source = map_source_new();
	char *names = all_tables();

	(void)state;
	captured_log_start();
	map_list_unref(tables_of(source, names));

	const struct buf *whole = map_source_recording(source);
	for (size_t len = 0; len < whole->len; len++) {
		struct buf part = BUF_INIT;

		buf_add(&part, whole->bytes, len);
		struct map_source *replay = map_source_replay(&part);
		if (replay)
			map_list_unref(tables_of(replay, names));
		map_source_free(replay);
		buf_clear(&captured_log);
	}
	map_source_free(source);
	free(names);
}

static void
what_cannot_be_read_any_more_is_a_loss(void **state)
{
	struct map_source *old = map_source_new(), *now = map_source_new();
	char *names = alloc_printf("texthash:%s/text", dir), *one = alloc_printf("%s/one", dir);

	(void)state;
	captured_log_start();
	map_list_unref(tables_of(old, names));
	assert_null(map_source_loss(old, old));
	unlink(one);
	map_list_unref(tables_of(now, names));
	map_source_wipe(old);
	assert_string_equal(map_source_loss(now, old), one);
	assert_true(map_source_digest(now) != map_source_digest(old));
	write_file("one", "content of one");
	map_source_free(old);
	map_source_free(now);
	free(one);
	free(names);
}

enum { LARGE = 1 << 20, ENOUGH = MAP_SOURCE_GIVEN_LIMIT / LARGE + 1 };

/* A table with that many entries whose values are too large, and with one that is not. */
static void
write_many(int entries)
{
	struct buf text = BUF_INIT;

	for (int i = 0; i < entries; i++)
		buf_printf(&text, "n%d %s/large %s/one\n", i, dir, dir);
	buf_printf(&text, "last.test %s/two\n", dir);
	write_file("many", buf_str(&text));
	buf_release(&text);
}

/* The recording of its files, each read once. */
static struct map_source *
record_many(void)
{
	static const char *const files[] = { "many", "large", "one", "two" };
	struct map_source *source = map_source_new(), *replay;
	struct buf bytes = BUF_INIT;
	struct err err;

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		char *path = alloc_printf("%s/%s", dir, files[i]);

		assert_int_equal(map_source_read(source, path, LARGE, &bytes, &err), 0);
		free(path);
	}
	buf_clear(&bytes);
	buf_add(&bytes, map_source_recording(source)->bytes, map_source_recording(source)->len);
	replay = map_source_replay(&bytes);
	assert_non_null(replay);
	map_source_free(source);
	return replay;
}

static void
what_tables_get_of_a_recording_is_bounded(void **state)
{
	static const struct {
		int entries;
		bool too_much;
	} cases[] = { { 3, false }, { ENOUGH, true } };
	char *names = alloc_printf("texthash:%s/many", dir), *large = alloc_zero(LARGE + 1);

	(void)state;
	captured_log_start();
	memset(large, 'x', LARGE);
	write_file("large", large);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct map_source *source = map_source_new();

		write_many(cases[i].entries);
		struct map_list *list = tables_of(source, names);
		assert_string_equal(answer(list, "last.test"), "1 content of two");
		assert_int_equal(map_source_recording(source) == NULL, cases[i].too_much);
		map_list_unref(list);
		map_source_free(source);

		/* Whoever records it all the same. */
		source = record_many();
		list = tables_of(source, names);
		assert_string_equal(answer(list, "last.test"), cases[i].too_much ? "0 " : "1 content of two");
		map_list_unref(list);
		map_source_free(source);
	}
	free(large);
	free(names);
}

/* --- keeper --- */

static struct event_base *base;
static int exchanged, gone;
static char refused[1024];

static void
on_exchanged(void *context)
{
	(void)context;
	exchanged++;
	event_base_loopbreak(base);
}

static void
on_refused(const char *why, void *context)
{
	(void)context;
	snprintf(refused, sizeof refused, "%s", why);
	event_base_loopbreak(base);
}

static void
on_hold(bool on, void *context)
{
	*(bool *)context = on;
}

static void
on_gone(void *context)
{
	(void)context;
	gone++;
}

static void
keeper_exchanges_good_tables_and_refuses_bad_ones(void **state)
{
	struct map_source *source = map_source_new();
	char *names = alloc_printf("texthash:%s/text", dir);
	bool held = false;
	struct err err;

	(void)state;
	captured_log_start();
	base = event_base_new();
	struct map_list *list = tables_of(source, names);
	const struct map_keeper_tables tables = { .title = "my_maps",
		.names = names,
		.flags = MAP_FOLD | MAP_FILES,
		.list = list,
		.source = source };
	struct map_keeper *keeper = map_keeper_new(base, &tables,
	    &(struct map_keeper_handler){ on_exchanged, on_refused, on_hold, on_gone, &held }, &err);

	assert_non_null(keeper);
	write_file("one", "new content of one");
	event_base_dispatch(base);
	assert_int_equal(exchanged, 1);
	assert_string_equal(answer(list, "a.test"), "1 new content of one");

	char *one = alloc_printf("%s/one", dir), *words = alloc_printf("%s cannot be read", one);
	unlink(one);
	event_base_dispatch(base);
	assert_string_equal(refused, words);
	assert_string_equal(answer(list, "a.test"), "1 new content of one");
	write_file("one", "third content of one");
	event_base_dispatch(base);
	assert_int_equal(exchanged, 2);
	assert_string_equal(answer(list, "a.test"), "1 third content of one");
	assert_int_equal(gone, 0);
	map_keeper_free(keeper);
	event_base_free(base);
	map_list_unref(list);
	free(words);
	free(one);
	free(names);
}

/* Between the process that reads tables and this one. */
struct shared {
	volatile bool checks;  /* it has read them, and will not like them */
	volatile bool go_on;   /* there are others now */
	volatile int patience; /* it did so for longer than a warning takes, in milliseconds */
};

static int
check_slowly(const struct map_list *list, const struct map_list *old, void *arg, struct err *err)
{
	struct shared *shared = arg;
	int64_t begin = now_ms();

	(void)old;
	if (strcmp(answer(list, "a.test"), "1 bad content of one") != 0)
		return 0;
	shared->checks = true;
	while (!shared->go_on || now_ms() - begin < shared->patience)
		poll(NULL, 0, 10);
	return err_set(err, "bad");
}

static void
look_on(evutil_socket_t fd, short what, void *context)
{
	struct shared *shared = context;

	(void)fd, (void)what;
	if (shared->checks && !shared->go_on) {
		write_file("one", "fourth content of one");
		shared->go_on = true;
	}
}

/* The complaint about a state that is over must not make the next one wait. */
static void
change_while_tables_are_refused_is_seen(void **state)
{
	static const struct timeval often = { .tv_usec = 20000 }, enough = { .tv_sec = 100 };
	struct shared *shared =
	    mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct map_source *source = map_source_new();
	char *names = alloc_printf("texthash:%s/text", dir);
	bool held = false;
	struct err err;

	(void)state;
	captured_log_start();
	exchanged = gone = 0;
	shared->patience = 5500;
	base = event_base_new();
	struct map_list *list = tables_of(source, names);
	const struct map_keeper_tables tables = { .title = "my_maps",
		.names = names,
		.flags = MAP_FOLD | MAP_FILES,
		.list = list,
		.source = source,
		.check = check_slowly,
		.check_arg = shared };
	struct map_keeper *keeper = map_keeper_new(base, &tables,
	    &(struct map_keeper_handler){ on_exchanged, on_refused, on_hold, on_gone, &held }, &err);
	struct event *timer = event_new(base, -1, EV_PERSIST, look_on, shared);

	assert_non_null(keeper);
	event_add(timer, &often);
	refused[0] = '\0';
	write_file("one", "bad content of one");
	event_base_loopexit(base, &enough);
	event_base_dispatch(base);
	assert_string_equal(refused, "");
	assert_int_equal(exchanged, 1);
	assert_string_equal(answer(list, "a.test"), "1 fourth content of one");
	assert_int_equal(gone, 0);
	event_free(timer);
	map_keeper_free(keeper);
	event_base_free(base);
	map_list_unref(list);
	munmap(shared, sizeof *shared);
	free(names);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recording_makes_the_same_tables),
		cmocka_unit_test(part_of_a_recording_is_harmless),
		cmocka_unit_test(what_cannot_be_read_any_more_is_a_loss),
		cmocka_unit_test(what_tables_get_of_a_recording_is_bounded),
		cmocka_unit_test(keeper_exchanges_good_tables_and_refuses_bad_ones),
		cmocka_unit_test(change_while_tables_are_refused_is_seen),
	};
	int failed = cmocka_run_group_tests(tests, set_up, tear_down);

	buf_release(&captured_log);
	return failed;
}
