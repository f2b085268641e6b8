/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <event2/event.h>

#include "captured_log.h"
#include "fake_store.h"
#include "tlsmgr/scache.h"
#include "tlsmgr/sweep.h"
#include "util/now.h"

static struct event_base *base;

static struct scache *
cache_with_entries(int count, bool log)
{
	struct scache_config config = {
		.label = "smtpd",
		.database = "internal:x",
		.default_type = "hash",
		.timeout_s = 3600,
		.log = log,
	};
	struct scache *cache = scache_new(&config);
	char id[16];

	for (int i = 0; i < count; i++) {
		snprintf(id, sizeof id, "id%d", i);
		scache_update(cache, id, "x", 1);
	}
	return cache;
}

static uint64_t
entries(const struct scache *cache)
{
	struct scache_stats stats;

	scache_stats(cache, &stats);
	return stats.entries;
}

static int
setup(void **state)
{
	(void)state;
	captured_log_start();
	base = event_base_new();
	now_set(10000);
	return fake_reset();
}

static int
teardown(void **state)
{
	(void)state;
	now_set(0);
	event_base_free(base);
	buf_release(&captured_log);
	return fake_reset();
}

/* The clock stands still: so the time that counts is real. */
static void
expiry_takes_turns_with_the_event_loop(void **state)
{
	struct scache *cache = cache_with_entries(200, false);
	struct sweep *sweep = sweep_new(base, cache);
	int turns = 0;

	(void)state;
	now_set(20000);
	fake.remove_us = 300;
	for (; entries(cache) > 0; turns++)
		event_base_loop(base, EVLOOP_ONCE);
	/* Two or three at a time, the last of which may have found the process asleep. */
	assert_in_range(turns, 40, 202);
	sweep_free(sweep);
	scache_free(cache);
}

static void
start_of_a_cleanup_is_logged_if_the_cache_logs(void **state)
{
	static const char line[] = "tlsmgr_cache_run_event: start TLS smtpd session cache cleanup\n";

	(void)state;
	for (int log = 0; log < 2; log++) {
		struct scache *cache = cache_with_entries(0, log);
		struct sweep *sweep = sweep_new(base, cache);

		buf_clear(&captured_log);
		event_base_loop(base, EVLOOP_ONCE);
		assert_string_equal(buf_str(&captured_log), log ? line : "");
		sweep_free(sweep);
		scache_free(cache);
	}
}

static void
cache_that_never_works_is_left_alone(void **state)
{
	(void)state;
	fake.open_error = EINVAL;
	struct scache *cache = cache_with_entries(0, false);
	struct sweep *sweep = sweep_new(base, cache);

	event_base_loop(base, EVLOOP_NONBLOCK);
	/* What is left is the period. */
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
	assert_int_equal(fake.opens, 1);
	sweep_free(sweep);
	scache_free(cache);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(expiry_takes_turns_with_the_event_loop),
		TEST(start_of_a_cleanup_is_logged_if_the_cache_logs),
		TEST(cache_that_never_works_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
