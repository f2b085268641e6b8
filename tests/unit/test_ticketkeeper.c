/* SPDX-License-Identifier: ISC */
/* ticketkeeper: when keys are written and removed, and what is said when that fails. */
#include <event2/event.h>

#include "cmocka_all.h"
#include "tlsmgr_fixture.h"

#include "mail/tlsmgr_proto.h"
#include "tlsmgr/ticketkeeper.h"
#include "tlsmgr/ticketkeys.h"
#include "util/buf.h"
#include "util/now.h"

enum { NOW = 1700000000, HALF_S = 1800, TURNS = 100, TURN_MS = 100 };

static struct event_base *base;

static int
set_up(void **state)
{
	now_set(NOW);
	base = event_base_new();
	return fixture_setup(state);
}

static int
tear_down(void **state)
{
	event_base_free(base);
	now_set(0);
	return fixture_teardown(state);
}

/* A process. */
struct run {
	struct ticketkeys *keys;
	struct ticketkeeper *keeper;
};

static struct run
run_start(bool persist, const char *secret_text)
{
	struct run run = { .keys = ticketkeys_new(2 * HALF_S) };
	struct buf secret = BUF_INIT;

	if (secret_text) {
		buf_add_str(&secret, secret_text);
		ticketkeys_set_secret(run.keys, &secret);
	}
	run.keeper = ticketkeeper_new(run.keys, fixture_dir, persist);
	ticketkeeper_start(run.keeper, base);
	return run;
}

static void
run_end(struct run *run)
{
	ticketkeeper_free(run->keeper);
	ticketkeys_free(run->keys);
}

static off_t
file_size(void)
{
	struct stat st;

	return stat(fixture_path("tlsmgr_ticket_keys"), &st) == 0 ? st.st_size : -1;
}

static struct timespec
file_time(void)
{
	struct stat st;

	assert_int_equal(stat(fixture_path("tlsmgr_ticket_keys"), &st), 0);
	return st.st_mtim;
}

/* The clock of events runs even though the time is set. */
static void
turn(void)
{
	struct timeval pause = { .tv_usec = TURN_MS * 1000 };

	event_base_loopexit(base, &pause);
	event_base_dispatch(base);
}

static int
lines(const char *words)
{
	int count = 0;

	for (const char *at = fixture_log; (at = strstr(at, words)); at++)
		count++;
	return count;
}

static void
key_is_on_disk_when_it_is_handed_out(void **state)
{
	struct run run = run_start(true, NULL);

	(void)state;
	assert_int_equal(file_size(), 0);
	struct tlsmgr_ticket_key key = *ticketkeys_current(run.keys);
	assert_int_equal(file_size(), 4096);
	run_end(&run);
	run = run_start(true, NULL);
	assert_memory_equal(ticketkeys_current(run.keys), &key, sizeof key);
	run_end(&run);
	assert_int_equal(lines("warning"), 0);
}

static void
timer_removes_the_last_key(void **state)
{
	struct run run = run_start(true, NULL);
	struct ticketkeys_stats stats;

	(void)state;
	ticketkeys_current(run.keys);
	run_end(&run);
	now_set(NOW + 2 * HALF_S - 2);
	run = run_start(true, NULL);
	assert_int_equal(file_size(), 4096);
	now_set(NOW + 2 * HALF_S - 1);
	for (int i = 0; i < TURNS && file_size() != 0; i++)
		turn();
	assert_int_equal(file_size(), 0);
	ticketkeys_stats(run.keys, &stats);
	assert_int_equal(stats.count, 0);
	assert_string_equal(stats.seal, "none");
	run_end(&run);
}

static void
timer_writes_the_keys_of_a_new_period(void **state)
{
	const time_t start = 944444L * HALF_S;

	(void)state;
	now_set(start - 1);
	struct run run = run_start(true, "a secret");
	struct timespec first = file_time(), last = first;
	assert_int_equal(file_size(), 4096);
	now_set(start);
	for (int i = 0; i < TURNS && memcmp(&first, &last, sizeof first) == 0; i++) {
		turn();
		last = file_time();
	}
	assert_memory_not_equal(&first, &last, sizeof first);
	run_end(&run);

	/* What another host issues with this secret at the end of the next period is known to a process with
	 * another secret. */
	struct ticketkeys *other_host = ticketkeys_new(2 * HALF_S);
	struct buf secret = BUF_INIT;
	buf_add_str(&secret, "a secret");
	ticketkeys_set_secret(other_host, &secret);
	run = run_start(true, "a new secret");
	now_set(start + 2 * HALF_S - 1);
	struct tlsmgr_ticket_key key = *ticketkeys_current(other_host);
	assert_non_null(ticketkeys_find(run.keys, key.name));
	run_end(&run);
	ticketkeys_free(other_host);
}

static void
without_keeping_nothing_is_written(void **state)
{
	struct run run = run_start(false, NULL);

	(void)state;
	ticketkeys_current(run.keys);
	assert_int_equal(file_size(), -1);
	assert_null(ticketkeys_find(run.keys, "0123456789abcdef"));
	run_end(&run);

	run = run_start(true, NULL);
	ticketkeys_current(run.keys);
	run_end(&run);
	assert_int_equal(file_size(), 4096);
	run = run_start(false, NULL);
	assert_int_equal(file_size(), 0);
	run_end(&run);
	assert_int_equal(lines("warning"), 0);
}

static void
processes_at_the_same_time_find_each_others_keys(void **state)
{
	struct run old = run_start(true, NULL), next = run_start(true, NULL);

	(void)state;
	struct tlsmgr_ticket_key first = *ticketkeys_current(old.keys);
	assert_non_null(ticketkeys_find(next.keys, first.name));
	now_set(NOW + HALF_S - 1);
	struct tlsmgr_ticket_key second = *ticketkeys_current(next.keys),
				 third = *ticketkeys_current(old.keys);
	/* Whose turn it was saw that there is a key already. */
	assert_non_null(ticketkeys_find(next.keys, third.name));
	assert_non_null(ticketkeys_find(old.keys, second.name));
	run_end(&old);
	run_end(&next);
	assert_int_equal(lines("warning"), 0);
}

static void
failure_is_said_once_and_keys_work(void **state)
{
	struct run run = run_start(true, NULL);

	(void)state;
	assert_int_equal(unlink(fixture_path("tlsmgr_ticket_keys")), 0);
	for (int i = 0; i < 4; i++) {
		now_set(NOW + i * (HALF_S - 1));
		struct tlsmgr_ticket_key key = *ticketkeys_current(run.keys);
		assert_non_null(ticketkeys_find(run.keys, key.name));
	}
	assert_int_equal(lines("warning: ticket key file"), 1);
	run_end(&run);

	fixture_log[0] = 0;
	assert_int_equal(mkdir(fixture_path("tlsmgr_ticket_keys"), 0700), 0);
	run = run_start(true, NULL);
	assert_non_null(ticketkeys_current(run.keys));
	assert_int_equal(lines("warning: "), 1);
	run_end(&run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(key_is_on_disk_when_it_is_handed_out),
		TEST(timer_removes_the_last_key),
		TEST(timer_writes_the_keys_of_a_new_period),
		TEST(without_keeping_nothing_is_written),
		TEST(processes_at_the_same_time_find_each_others_keys),
		TEST(failure_is_said_once_and_keys_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
