/* SPDX-License-Identifier: ISC */
/*
 * entropy_fixture: readings from sources of randomness, with an event loop that turns when the test says so.
 */
#ifndef TESTS_ENTROPY_FIXTURE_H
#define TESTS_ENTROPY_FIXTURE_H

#include "tlsmgr_fixture.h"

#include <event2/event.h>

#include "cmocka_all.h"
#include "fake_timer.h"
#include "tlsmgr/entropy.h"

enum { AGAIN, LIMIT }; /* timers, in the order of their making */

static struct event_base *base;
static int successes, failures;

static inline int
setup(void **state)
{
	base = event_base_new();
	successes = failures = 0;
	return fixture_setup(state);
}

static inline int
teardown(void **state)
{
	event_base_free(base);
	return fixture_teardown(state);
}

static inline void
count(bool done, void *context)
{
	(void)context;
	done ? successes++ : failures++;
}

static inline struct entropy *
make(const char *prefix, const char *path, int bytes)
{
	char source[256];

	snprintf(source, sizeof source, "%s%s", prefix, path);
	return entropy_new(source, bytes);
}

static inline void
read_once(struct entropy *entropy)
{
	entropy_read(entropy, base, count, NULL);
}

/* What is ready, and what is to be done in a moment. */
static inline void
turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
	if (fake_timer(AGAIN)->running)
		fake_timer_fire(fake_timer(AGAIN));
}

static inline void
expect(int good, int bad)
{
	assert_int_equal(successes, good);
	assert_int_equal(failures, bad);
}

static inline void
expect_log(const char *format, const char *path)
{
	char wanted[1000];

	snprintf(wanted, sizeof wanted, format, path, path, path);
	assert_string_equal(fixture_log, wanted);
	fixture_log[0] = 0;
}

#endif
