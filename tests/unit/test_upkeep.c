/* SPDX-License-Identifier: ISC */
#include "tlsmgr_fixture.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>

#include "cmocka_all.h"
#include "fake_timer.h"
#include "tls/random.h"
#include "tlsmgr/upkeep.h"
#include "util/now.h"

enum { RESEED, UPDATE }; /* timers, in the order of their making */

static unsigned char chance;

static int
chosen(unsigned char *bytes, int len)
{
	memset(bytes, chance, (size_t)len);
	return 1;
}

static int
broken(unsigned char *bytes, int len)
{
	(void)bytes;
	(void)len;
	return 0;
}

static int
teardown(void **state)
{
	random_set_generator(NULL);
	now_set(0);
	return fixture_teardown(state);
}

static const struct {
	int period_s, chance, delay_s;
} delays[] = {
	{ 3600, 0, 0 },
	{ 3600, 1, 14 },
	{ 3600, 128, 1807 },
	{ 3600, 255, 3600 },
	{ 1, 254, 0 },
	{ 1, 255, 1 },
	{ 8421504, 255, 8421504 },
	{ 8421505, 255, 8421504 },
	{ INT_MAX, 255, 8421504 },
	{ INT_MAX, 1, 33025 },
	{ INT_MAX, 0, 0 },
};

static void
delay_is_a_share_of_the_period(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(delays); i++)
		assert_int_equal(
		    upkeep_delay_s(delays[i].period_s, (unsigned char)delays[i].chance), delays[i].delay_s);
}

static struct upkeep *
start(const char *source, const char *exchange, int reseed_s, int update_s)
{
	struct upkeep_config config = {
		.source = source, .bytes = 32, .reseed_period_s = reseed_s, .update_period_s = update_s
	};
	struct upkeep *upkeep = upkeep_new(&config);

	if (exchange)
		upkeep_use_exchange(upkeep, exchange);
	upkeep_start(upkeep, NULL);
	return upkeep;
}

static void
each_turn_draws_its_delay_anew(void **state)
{
	struct upkeep *upkeep;

	(void)state;
	random_set_generator(chosen);
	chance = 255;
	upkeep = start("dev:/dev/zero", fixture_path("exch"), 1000, INT_MAX);
	assert_int_equal(fake_timer(RESEED)->delay_ms, 1000000);
	assert_int_equal(fake_timer(UPDATE)->delay_ms, INT64_C(8421504000));
	chance = 0;
	fake_timer_fire(fake_timer(RESEED));
	fake_timer_fire(fake_timer(UPDATE));
	assert_true(fake_timer(RESEED)->running && fake_timer(UPDATE)->running);
	assert_int_equal(fake_timer(RESEED)->delay_ms, 0);
	assert_int_equal(fake_timer(UPDATE)->delay_ms, 0);
	chance = 51;
	fake_timer_fire(fake_timer(RESEED));
	fake_timer_fire(fake_timer(UPDATE));
	assert_int_equal(fake_timer(RESEED)->delay_ms, 200000);
	assert_int_equal(fake_timer(UPDATE)->delay_ms, INT64_C(1684300000));
	upkeep_free(upkeep);
	assert_string_equal(fixture_log, "");
	assert_null(fake_timers);
}

static void
without_generator_the_process_id_decides(void **state)
{
	struct upkeep *upkeep;

	(void)state;
	random_set_generator(broken);
	upkeep = start("dev:/dev/zero", NULL, 255, 255);
	assert_int_equal(fake_timer(RESEED)->delay_ms, (getpid() & 255) * 1000);
	assert_false(fake_timer(UPDATE)->running);
	upkeep_free(upkeep);
}

static void
no_source_and_a_file_are_not_read_again(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct upkeep *upkeep = start(i ? "/proc/self/stat" : "", NULL, 10, 10);
		assert_false(fake_timer(RESEED)->running);
		upkeep_free(upkeep);
	}
}

static void
times_of_success_are_noted(void **state)
{
	int64_t reseeded_ms = 0, updated_ms = 0;
	struct upkeep_config config = { .source = "dev:/dev/zero",
		.bytes = 32,
		.reseed_period_s = 10,
		.update_period_s = 10,
		.reseeded_ms = &reseeded_ms,
		.updated_ms = &updated_ms };
	struct upkeep *upkeep = upkeep_new(&config);

	(void)state;
	upkeep_use_exchange(upkeep, fixture_path("exch"));
	now_set(1000);
	upkeep_start(upkeep, NULL);
	assert_int_equal(reseeded_ms, 1000000);
	assert_int_equal(updated_ms, 1000000);
	now_set(2000);
	fake_timer_fire(fake_timer(RESEED));
	assert_int_equal(reseeded_ms, 2000000);
	fake_timer_fire(fake_timer(UPDATE));
	assert_int_equal(updated_ms, 2000000);
	upkeep_free(upkeep);
}

/* Lets a turn fail again and again: first after a second, then after twice as long up to a minute. */
static void
expect_retries(int index)
{
	static const int after_s[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };

	for (size_t i = 0; i < COUNT(after_s); i++) {
		assert_true(fake_timer(index)->running);
		assert_int_equal(fake_timer(index)->delay_ms, after_s[i] * 1000);
		fake_timer_fire(fake_timer(index));
	}
}

static void
lost_source_is_tried_again_and_told_twice(void **state)
{
	char source[160], wanted[600];

	(void)state;
	snprintf(source, sizeof source, "dev:%s", fixture_path("random"));
	random_set_generator(chosen);
	chance = 255;
	struct upkeep *upkeep = start(source, NULL, 3600, 3600);
	expect_retries(RESEED);
	snprintf(wanted, sizeof wanted,
	    "warning: cannot open entropy device %s: No such file or directory\n"
	    "exiting to reopen external entropy source %s\n",
	    source + 4, source);
	assert_string_equal(fixture_log, wanted);

	assert_int_equal(symlink("/dev/zero", source + 4), 0);
	fixture_log[0] = 0;
	fake_timer_fire(fake_timer(RESEED));
	snprintf(wanted, sizeof wanted, "external entropy source %s is available\n", source);
	assert_string_equal(fixture_log, wanted);
	assert_int_equal(fake_timer(RESEED)->delay_ms, 3600000);

	/* The next outage is another one. What is open stays so: its name alone is gone. */
	assert_int_equal(unlink(source + 4), 0);
	fake_timer_fire(fake_timer(RESEED));
	assert_string_equal(fixture_log, wanted);
	upkeep_free(upkeep);
}

static void
lost_file_is_tried_again_and_told_twice(void **state)
{
	char path[160], wanted[600];

	(void)state;
	random_set_generator(chosen);
	chance = 255;
	snprintf(path, sizeof path, "%s/exch", fixture_path("data"));
	struct upkeep *upkeep = start("dev:/dev/zero", path, 3600, 3600);
	expect_retries(UPDATE);
	snprintf(wanted, sizeof wanted,
	    "warning: tls_prng_exch_open: cannot open PRNG exchange file %s: No such file or directory\n",
	    path);
	assert_string_equal(fixture_log, wanted);
	assert_int_equal(mkdir(fixture_path("data"), 0700), 0);
	fixture_log[0] = 0;
	fake_timer_fire(fake_timer(UPDATE));
	snprintf(wanted, sizeof wanted, "PRNG exchange file %s is updated again\n", path);
	assert_string_equal(fixture_log, wanted);
	assert_int_equal(fake_timer(UPDATE)->delay_ms, 3600000);
	upkeep_free(upkeep);
}

static void
removed_file_is_told_and_made_anew(void **state)
{
	char path[160], wanted[600];

	(void)state;
	snprintf(path, sizeof path, "%s", fixture_path("exch"));
	struct upkeep *upkeep = start("dev:/dev/zero", path, 3600, 3600);
	assert_int_equal(unlink(path), 0);
	fake_timer_fire(fake_timer(UPDATE));
	snprintf(wanted, sizeof wanted,
	    "warning: PRNG exchange file was removed -- exiting to reopen\ncreated PRNG exchange file %s\n",
	    path);
	assert_string_equal(fixture_log, wanted);
	assert_int_equal(access(path, F_OK), 0);

	/* What cannot be made anew is told once. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	fixture_log[0] = 0;
	fake_timer_fire(fake_timer(UPDATE));
	fake_timer_fire(fake_timer(UPDATE));
	snprintf(wanted, sizeof wanted,
	    "warning: PRNG exchange file was removed -- exiting to reopen\n"
	    "warning: cannot open PRNG exchange file %s: Is a directory\n",
	    path);
	assert_string_equal(fixture_log, wanted);
	upkeep_free(upkeep);
	assert_string_equal(fixture_log, wanted);
}

static void
lock_of_another_is_told_after_a_while(void **state)
{
	char path[160];

	(void)state;
	snprintf(path, sizeof path, "%s", fixture_path("exch"));
	int other = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(flock(other, LOCK_EX), 0);
	struct upkeep *upkeep = start("dev:/dev/zero", path, 3600, 3600);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(fake_timer(UPDATE)->delay_ms, 1000);
		fake_timer_fire(fake_timer(UPDATE));
	}
	assert_string_equal(fixture_log, "");
	for (int i = 0; i < 20; i++)
		fake_timer_fire(fake_timer(UPDATE));
	assert_non_null(strstr(fixture_log, "warning: cannot lock PRNG exchange file"));
	assert_ptr_equal(strchr(fixture_log, '\n'), strrchr(fixture_log, '\n'));
	close(other);
	fake_timer_fire(fake_timer(UPDATE));
	assert_non_null(strstr(fixture_log, "is updated again\n"));
	upkeep_free(upkeep);
}

static void
file_is_written_at_the_end(void **state)
{
	struct stat st;

	(void)state;
	struct upkeep *upkeep = start("dev:/dev/zero", fixture_path("exch"), 3600, 3600);
	assert_int_equal(truncate(fixture_path("exch"), 0), 0);
	upkeep_free(upkeep);
	assert_int_equal(stat(fixture_path("exch"), &st), 0);
	assert_int_equal(st.st_size, 1024);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)
		TEST(delay_is_a_share_of_the_period),
		TEST(each_turn_draws_its_delay_anew),
		TEST(without_generator_the_process_id_decides),
		TEST(no_source_and_a_file_are_not_read_again),
		TEST(times_of_success_are_noted),
		TEST(lost_source_is_tried_again_and_told_twice),
		TEST(lost_file_is_tried_again_and_told_twice),
		TEST(removed_file_is_told_and_made_anew),
		TEST(lock_of_another_is_told_after_a_while),
		TEST(file_is_written_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
