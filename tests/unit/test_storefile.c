/* SPDX-License-Identifier: ISC */
#include "tlsmgr_fixture.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "tlsmgr/location.h"
#include "tlsmgr/store.h"
#include "tlsmgr/storefile.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/file.h"
#include "util/now.h"

static struct storefile *
new_file(const char *database)
{
	static struct location location;
	struct storefile_config config = {
		.label = "smtpd",
		.database = database,
		.default_type = "hash",
		.boot = "",
		.limit = 1 << 20,
		.location = &location,
	};

	location = (struct location){ fixture_dir, "postfix" };
	return storefile_new(&config);
}

static struct storefile *
new_btree(const char *name)
{
	char database[160];

	snprintf(database, sizeof database, "btree:%s", fixture_path(name));
	return new_file(database);
}

static void
lose(struct storefile *file, struct store *store)
{
	struct err err = { .text = "disk full" };

	store_free(store);
	storefile_failed(file, &err);
}

static void
name_tells_type_and_path(void **state)
{
	struct storefile *file = new_file("/nowhere/x");

	(void)state;
	assert_string_equal(storefile_name(file), "hash:/nowhere/x");
	storefile_free(file);
	file = new_file("internal:a:b");
	assert_string_equal(storefile_name(file), "internal:a:b");
	storefile_free(file);
}

static void
file_is_found_from_another_directory_and_from_a_jail(void **state)
{
	struct storefile *file = new_btree("cache");
	struct store *store;
	int status;

	(void)state;
	now_set(10000);
	store = storefile_open(file);
	assert_non_null(store);
	lose(file, store);
	assert_int_equal(storefile_wait_ms(file), 1000);
	assert_null(storefile_open(file));
	unlink(fixture_path("cache.db"));

	assert_int_equal(mkdir(fixture_path("jail"), 0700), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char here[4096];

		/* Only root can enter; for others the directory is just another one. */
		if (chdir(fixture_path("jail")) < 0 || (chroot(".") < 0 && geteuid() == 0))
			_exit(1);
		now_set(10001);
		store = getcwd(here, sizeof here) ? storefile_open(file) : NULL;
		if (!store)
			_exit(2);
		char after[4096];
		bool same = getcwd(after, sizeof after) && strcmp(here, after) == 0;
		store_free(store);
		storefile_free(file);
		_exit(same ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(access(fixture_path("cache.db"), F_OK), 0);
	assert_string_equal(fixture_log, "warning: disk full; continuing without smtpd TLS session cache\n");
	storefile_free(file);
	now_set(0);
}

static void
name_without_a_directory_is_relative(void **state)
{
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(chdir(fixture_dir), 0);
	struct storefile *file = new_file("btree:cache");
	struct store *store = storefile_open(file);
	assert_non_null(store);
	store_free(store);
	storefile_free(file);
	assert_int_equal(access(fixture_path("cache.db"), F_OK), 0);
	assert_int_equal(fchdir(here), 0);
	fdio_close(&here);
}

static void
lock_of_another_process_is_waited_for(void **state)
{
	struct storefile *file = new_btree("cache");
	int fd = open(fixture_path("cache.db"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	now_set(10000);
	assert_int_equal(file_lock(fd, false), 1);
	assert_null(storefile_open(file));
	assert_in_range(storefile_wait_ms(file), 1, 999);
	assert_string_equal(fixture_log, "");
	fdio_close(&fd);
	now_set(10001);
	struct store *store = storefile_open(file);
	assert_non_null(store);
	assert_string_equal(fixture_log, "");
	store_free(store);
	storefile_free(file);
	now_set(0);
}

static void
what_can_be_mended_is_tried_again_and_what_cannot_is_not(void **state)
{
	static const struct {
		const char *database, *line;
		int wait_ms;
	} cases[] = {
		{ "nosuch:x", "error: unsupported dictionary type: nosuch\n", -1 },
		{ "texthash:/x", "error: texthash:/x map requires O_RDONLY access mode\n", -1 },
		{ "btree:/nowhere/x", "error: open database /nowhere/x.db: No such file or directory\n",
		    1000 },
	};

	(void)state;
	now_set(10000);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct storefile *file = new_file(cases[i].database);

		print_message("%s\n", cases[i].database);
		fixture_log[0] = 0;
		assert_null(storefile_open(file));
		assert_int_equal(storefile_wait_ms(file), cases[i].wait_ms);
		now_set(now_wall() + 1);
		assert_null(storefile_open(file));
		assert_string_equal(fixture_log, cases[i].line);
		storefile_free(file);
	}
	now_set(0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(name_tells_type_and_path),
		TEST(file_is_found_from_another_directory_and_from_a_jail),
		TEST(name_without_a_directory_is_relative),
		TEST(lock_of_another_process_is_waited_for),
		TEST(what_can_be_mended_is_tried_again_and_what_cannot_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
