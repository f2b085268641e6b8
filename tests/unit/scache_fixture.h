/* SPDX-License-Identifier: ISC */
/*
 * scache_fixture: a session cache over a database that does what the test wants, at a time that it sets.
 */
#ifndef TESTS_SCACHE_FIXTURE_H
#define TESTS_SCACHE_FIXTURE_H

#include "cmocka_all.h"

#include "captured_log.h"
#include "fake_store.h"
#include "tlsmgr/scache.h"
#include "util/now.h"

/* "internal" has no directory that could be looked at. */
static struct scache_config config;
static struct buf session;

static inline int
setup(void **state)
{
	(void)state;
	config = (struct scache_config){ .label = "smtpd",
		.database = "internal:x",
		.default_type = "hash",
		.timeout_s = 120,
		.check_utf8 = true };
	captured_log_start();
	now_set(10000);
	return fake_reset();
}

static inline int
teardown(void **state)
{
	(void)state;
	now_set(0);
	buf_release(&session);
	buf_release(&captured_log);
	return fake_reset();
}

/* Until there is nothing more to do now; returns how many steps that took. */
static inline int
tend(struct scache *cache)
{
	int steps = 0;

	while (scache_tend(cache) == 0)
		steps++;
	return steps;
}

static inline struct scache_stats
stats_of(const struct scache *cache)
{
	struct scache_stats stats;

	scache_stats(cache, &stats);
	return stats;
}

static inline void
log_is(const char *lines)
{
	assert_string_equal(buf_str(&captured_log), lines);
	buf_clear(&captured_log);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
