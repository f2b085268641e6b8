/* SPDX-License-Identifier: ISC */
#include "tlsmgr_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>

#include "cmocka_all.h"
#include "tls/random.h"
#include "tlsmgr/exchange.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"

enum { LEN = 1024 };

static void
put_file(const char *name, size_t len)
{
	char bytes[4 * LEN];
	struct err err;

	memset(bytes, 'o', sizeof bytes);
	assert_int_equal(file_create(fixture_path(name), bytes, len, 0600, &err), 0);
}

static void
get_file(const char *name, struct buf *to)
{
	struct err err;

	buf_clear(to);
	assert_int_equal(file_read(fixture_path(name), 4 * LEN, to, &err), 0);
}

static void
every_update_writes_other_bytes(void **state)
{
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct err err = { 0 };
	struct stat st;
	struct exchange *exchange = exchange_new(fixture_path("exch"));

	(void)state;
	assert_int_equal(exchange_update(exchange, &err), 1);
	get_file("exch", &first);
	assert_int_equal(exchange_update(exchange, &err), 1);
	get_file("exch", &second);
	assert_int_equal(first.len, LEN);
	assert_int_equal(second.len, LEN);
	assert_memory_not_equal(first.bytes, second.bytes, LEN);
	assert_int_equal(stat(fixture_path("exch"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_string_equal(fixture_log, "");
	exchange_free(exchange);
	buf_release(&first);
	buf_release(&second);
}

static const struct {
	const char *name;
	size_t before, after;
} sizes[] = {
	{ "empty", 0, LEN },
	{ "short", 3, LEN },
	{ "exact", LEN, LEN },
	{ "longer", LEN + 500, LEN + 500 },
};

static void
any_size_is_used_and_a_longer_file_keeps_its_tail(void **state)
{
	struct buf now = BUF_INIT;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		put_file(sizes[i].name, sizes[i].before);
		struct exchange *exchange = exchange_new(fixture_path(sizes[i].name));
		CASE_IS(exchange_update(exchange, &err) == 1, sizes[i].name);
		get_file(sizes[i].name, &now);
		CASE_IS(now.len == sizes[i].after, sizes[i].name);
		CASE_IS(memchr(now.bytes, 'o', 3) == NULL || memcmp(now.bytes, "ooo", 3) != 0, sizes[i].name);
		for (size_t at = LEN; at < now.len; at++)
			CASE_IS(now.bytes[at] == 'o', sizes[i].name);
		exchange_free(exchange);
	}
	buf_release(&now);
}

static void
make_directory(const char *path)
{
	assert_int_equal(mkdir(path, 0700), 0);
}

static void
make_fifo(const char *path)
{
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void
make_loop(const char *path)
{
	assert_int_equal(symlink(path, path), 0);
}

static const struct {
	const char *name, *path;
	void (*make)(const char *path);
	const char *why;
} odd[] = {
	{ "directory", "d", make_directory, "Is a directory" },
	{ "FIFO", "f", make_fifo, "not a regular file" },
	{ "loop of links", "l", make_loop, "Too many levels of symbolic links" },
	{ "no directory", "none/exch", NULL, "No such file or directory" },
	{ "slash at the end", "e/", NULL, "" },
};

static void
what_is_no_file_is_told(void **state)
{
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++) {
		if (odd[i].make)
			odd[i].make(fixture_path(odd[i].path));
		struct exchange *exchange = exchange_new(fixture_path(odd[i].path));
		CASE_IS(exchange_update(exchange, &err) == -1, odd[i].name);
		CASE_IS(strstr(err.text, "cannot open PRNG exchange file /tmp/") == err.text, odd[i].name);
		CASE_IS(strstr(err.text, odd[i].why) != NULL, odd[i].name);
		CASE_IS(!exchange_is_removed(exchange), odd[i].name);
		exchange_free(exchange);
	}
}

static void
link_is_followed(void **state)
{
	struct err err = { 0 };
	char target[128];
	struct stat st;

	(void)state;
	strcpy(target, fixture_path("target"));
	assert_int_equal(symlink(target, fixture_path("exch")), 0);
	struct exchange *exchange = exchange_new(fixture_path("exch"));
	assert_int_equal(exchange_update(exchange, &err), 1);
	assert_int_equal(lstat(target, &st), 0);
	assert_int_equal(st.st_size, LEN);
	exchange_free(exchange);
}

static void
file_open_to_others_is_closed_to_them(void **state)
{
	struct err err = { 0 };
	struct stat st;

	(void)state;
	put_file("exch", LEN);
	assert_int_equal(chmod(fixture_path("exch"), 0666), 0);
	struct exchange *exchange = exchange_new(fixture_path("exch"));
	assert_int_equal(exchange_open(exchange, &err), 0);
	assert_int_equal(stat(fixture_path("exch"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_non_null(strstr(fixture_log, "was accessible to others\n"));
	exchange_free(exchange);
}

static void
removed_file_is_made_anew(void **state)
{
	struct err err = { 0 };
	struct exchange *exchange = exchange_new(fixture_path("exch"));
	struct stat st;

	(void)state;
	assert_false(exchange_is_removed(exchange));
	assert_int_equal(exchange_update(exchange, &err), 1);
	assert_false(exchange_is_removed(exchange));
	assert_int_equal(unlink(fixture_path("exch")), 0);
	assert_true(exchange_is_removed(exchange));
	assert_int_equal(exchange_open(exchange, &err), 0);
	assert_false(exchange_is_removed(exchange));
	assert_int_equal(exchange_update(exchange, &err), 1);
	assert_int_equal(stat(fixture_path("exch"), &st), 0);
	assert_int_equal(st.st_size, LEN);
	exchange_free(exchange);
}

static void
file_is_made_anew_with_its_directory(void **state)
{
	struct err err = { 0 };
	struct stat st;

	(void)state;
	make_directory(fixture_path("data"));
	struct exchange *exchange = exchange_new(fixture_path("data/exch"));
	assert_int_equal(exchange_update(exchange, &err), 1);
	assert_int_equal(unlink(fixture_path("data/exch")), 0);
	assert_int_equal(rmdir(fixture_path("data")), 0);
	assert_int_equal(exchange_open(exchange, &err), -1);
	make_directory(fixture_path("data"));
	assert_int_equal(exchange_update(exchange, &err), 1);
	assert_int_equal(stat(fixture_path("data/exch"), &st), 0);
	exchange_free(exchange);
}

static void
lock_of_another_is_not_waited_for(void **state)
{
	struct err err = { 0 };
	struct buf now = BUF_INIT;

	(void)state;
	put_file("exch", LEN);
	int other = open(fixture_path("exch"), O_RDWR);
	assert_int_equal(flock(other, LOCK_EX), 0);
	struct exchange *exchange = exchange_new(fixture_path("exch"));
	assert_int_equal(exchange_update(exchange, &err), 0);
	get_file("exch", &now);
	assert_memory_equal(now.bytes, "oooooooo", 8);
	close(other);
	assert_int_equal(exchange_update(exchange, &err), 1);

	/* And ours is gone afterwards. */
	other = open(fixture_path("exch"), O_RDWR);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
	exchange_free(exchange);
	buf_release(&now);
}

static int
broken_generator(unsigned char *bytes, int len)
{
	memset(bytes, 'w', (size_t)len);
	return 0;
}

static void
without_random_bytes_the_file_stays(void **state)
{
	struct err err = { 0 };
	struct buf now = BUF_INIT;

	(void)state;
	put_file("exch", LEN);
	struct exchange *exchange = exchange_new(fixture_path("exch"));
	random_set_generator(broken_generator);
	assert_int_equal(exchange_update(exchange, &err), -1);
	random_set_generator(NULL);
	assert_non_null(strstr(err.text, "no random bytes"));
	get_file("exch", &now);
	assert_memory_equal(now.bytes, "oooooooo", 8);
	exchange_free(exchange);
	buf_release(&now);
}

/* A limit on the size of files fails in the same place as a full disk. */
static void
write_that_fails_is_told_and_can_be_repeated(void **state)
{
	struct err err = { 0 };
	struct rlimit old, none = { 0, 0 };
	struct stat st;
	struct exchange *exchange = exchange_new(fixture_path("exch"));

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none.rlim_max = old.rlim_max;
	for (none.rlim_cur = 0; none.rlim_cur <= 100; none.rlim_cur += 100) {
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
		int rc = exchange_update(exchange, &err);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_int_equal(rc, -1);
		assert_non_null(strstr(err.text, "cannot write PRNG exchange file"));
	}
	assert_int_equal(exchange_update(exchange, &err), 1);
	assert_int_equal(stat(fixture_path("exch"), &st), 0);
	assert_int_equal(st.st_size, LEN);
	exchange_free(exchange);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(every_update_writes_other_bytes),
		TEST(any_size_is_used_and_a_longer_file_keeps_its_tail),
		TEST(what_is_no_file_is_told),
		TEST(link_is_followed),
		TEST(file_open_to_others_is_closed_to_them),
		TEST(removed_file_is_made_anew),
		TEST(file_is_made_anew_with_its_directory),
		TEST(lock_of_another_is_not_waited_for),
		TEST(without_random_bytes_the_file_stays),
		TEST(write_that_fails_is_told_and_can_be_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
