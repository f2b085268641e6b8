/* SPDX-License-Identifier: ISC */
#include "entropy_fixture.h"

#include <fcntl.h>

#include "tlsmgr/entropy.h"

/* --- devices --- */

static void
device_is_read_again_and_again(void **state)
{
	struct entropy *entropy = entropy_new("dev:/dev/zero", 32);

	(void)state;
	read_once(entropy);
	read_once(entropy);
	expect(2, 0);
	assert_true(entropy_has_more(entropy));
	entropy_free(entropy);
	assert_string_equal(fixture_log, "");
}

static const struct {
	const char *path, *why;
} bad_devices[] = {
	{ "/dev/null", "Application error" },
	{ "/", "Is a directory" },
};

static void
outage_is_told_once(void **state)
{
	char wanted[200];

	(void)state;
	for (size_t i = 0; i < COUNT(bad_devices); i++) {
		struct entropy *entropy = make("dev:", bad_devices[i].path, 32);
		failures = 0;
		fixture_log[0] = 0;
		for (int n = 0; n < 3; n++)
			read_once(entropy);
		expect(0, 3);
		snprintf(wanted, sizeof wanted,
		    "cannot read from entropy device %s: %s -- exiting to reopen\n", bad_devices[i].path,
		    bad_devices[i].why);
		CASE_TEXT(fixture_log, wanted, bad_devices[i].path);
		entropy_free(entropy);
	}
}

static void
silent_device_is_given_up_after_its_time(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("fifo"));
	assert_int_equal(mkfifo(path, 0600), 0);
	int writer = open(path, O_RDWR);
	struct entropy *entropy = make("dev:", path, 32);
	read_once(entropy);
	turn();
	expect(0, 0);
	assert_int_equal(fake_timer(LIMIT)->delay_ms, 10000);
	fake_timer_fire(fake_timer(LIMIT));
	expect(0, 1);
	expect_log("cannot read from entropy device %s: Connection timed out -- exiting to reopen\n", path);

	/* The writer has found its bytes; three of them are as good as 32. */
	read_once(entropy);
	turn();
	assert_int_equal(write(writer, "abc", 3), 3);
	turn();
	expect(1, 1);
	assert_false(fake_timer(LIMIT)->running);
	expect_log("external entropy source dev:%s is available\n", path);
	close(writer);
	entropy_free(entropy);
}

static void
device_whose_name_is_gone_is_still_read(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("fifo"));
	assert_int_equal(mkfifo(path, 0600), 0);
	struct entropy *entropy = make("dev:", path, 32);
	read_once(entropy);
	expect(0, 1);
	expect_log("cannot read from entropy device %s: Application error -- exiting to reopen\n", path);
	int writer = open(path, O_WRONLY);
	assert_int_equal(write(writer, "abc", 3), 3);
	assert_int_equal(unlink(path), 0);
	read_once(entropy);
	expect(1, 1);
	expect_log("external entropy source dev:%s is available\n", path);
	close(writer);
	entropy_free(entropy);
}

static void
device_that_comes_back_is_opened_anew(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("device"));
	assert_int_equal(symlink("/dev/null", path), 0);
	struct entropy *entropy = make("dev:", path, 32);
	read_once(entropy);
	assert_int_equal(unlink(path), 0);
	read_once(entropy);
	assert_int_equal(symlink("/dev/zero", path), 0);
	read_once(entropy);
	expect(1, 2);
	entropy_free(entropy);
}

/* --- files --- */

static void
write_file(const char *path, int len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	while (len-- > 0)
		fputc('f', file);
	fclose(file);
}

static void
file_is_read_once_whatever_its_size(void **state)
{
	static const struct {
		int size, bytes, turns;
	} cases[] = { { 3, 32, 1 }, { 100, 32, 0 }, { 8192, 8192, 0 }, { 20000, 20000, 2 },
		{ 20000, 1000000, 3 } };
	char path[128];

	(void)state;
	strcpy(path, fixture_path("file"));
	for (size_t i = 0; i < COUNT(cases); i++) {
		write_file(path, cases[i].size);
		struct entropy *entropy = make("", path, cases[i].bytes);
		successes = 0;
		read_once(entropy);
		for (int n = 0; n < cases[i].turns; n++) {
			assert_int_equal(successes, 0);
			turn();
		}
		assert_int_equal(successes, 1);
		assert_false(entropy_has_more(entropy));
		entropy_free(entropy);
	}
	assert_string_equal(fixture_log, "");
}

static void
unreadable_file_is_given_up(void **state)
{
	struct entropy *entropy = make("", fixture_dir, 32);

	(void)state;
	read_once(entropy);
	expect(0, 1);
	assert_false(entropy_has_more(entropy));
	expect_log("warning: cannot read from entropy file %s: Is a directory\n", fixture_dir);
	entropy_free(entropy);
}

static void
empty_file_is_given_up(void **state)
{
	struct entropy *entropy = entropy_new("/dev/null", 32);

	(void)state;
	read_once(entropy);
	expect(0, 1);
	assert_false(entropy_has_more(entropy));
	expect_log("warning: cannot read from entropy file %s: Application error\n", "/dev/null");
	entropy_free(entropy);
}

static void
missing_file_is_read_when_it_is_there(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("file"));
	struct entropy *entropy = make("", path, 32);
	read_once(entropy);
	read_once(entropy);
	expect(0, 2);
	expect_log("exiting to reopen external entropy source %s\n", path);
	write_file(path, 3);
	read_once(entropy);
	turn();
	expect(1, 2);
	expect_log("external entropy source %s is available\n", path);
	assert_false(entropy_has_more(entropy));
	entropy_free(entropy);
}

static void
silent_pipe_for_a_file_is_given_up(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("fifo"));
	assert_int_equal(mkfifo(path, 0600), 0);
	int writer = open(path, O_RDWR);
	struct entropy *entropy = make("", path, 32);
	read_once(entropy);
	turn();
	assert_int_equal(write(writer, "abc", 3), 3);
	turn();
	turn();
	expect(0, 0);
	fake_timer_fire(fake_timer(LIMIT));
	expect(0, 1);
	assert_false(entropy_has_more(entropy));
	expect_log("warning: cannot read from entropy file %s: Connection timed out\n", path);
	close(writer);
	entropy_free(entropy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(device_is_read_again_and_again),
		TEST(outage_is_told_once),
		TEST(silent_device_is_given_up_after_its_time),
		TEST(device_whose_name_is_gone_is_still_read),
		TEST(device_that_comes_back_is_opened_anew),
		TEST(file_is_read_once_whatever_its_size),
		TEST(unreadable_file_is_given_up),
		TEST(empty_file_is_given_up),
		TEST(missing_file_is_read_when_it_is_there),
		TEST(silent_pipe_for_a_file_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
