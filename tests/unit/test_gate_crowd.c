/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mail/address_list.h"
#include "tlsgate/gate_crowd.h"
#include "util/err.h"
#include "util/now.h"

enum { START = 1000000020 /* a minute begins */, ADDRESSES = 10000 };

struct world {
	char directory[64];
	char path[96];
	struct gate_crowd_limits limits;
};

static int
set_up(void **state)
{
	static struct world world;

	world = (struct world){ .limits = { .unit_s = 60, .ipv4_bits = 32, .ipv6_bits = 64 } };
	snprintf(world.directory, sizeof world.directory, "/tmp/sealpost-unit.XXXXXX");
	assert_non_null(mkdtemp(world.directory));
	snprintf(world.path, sizeof world.path, "%s/crowd", world.directory);
	now_set(START);
	*state = &world;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *world = *state;

	now_set(0);
	(void)unlink(world->path);
	return rmdir(world->directory);
}

static struct gate_crowd *
crowd_of(struct world *world)
{
	struct err err;
	struct gate_crowd *crowd = gate_crowd_new(world->path, &world->limits, &err);

	assert_non_null(crowd);
	return crowd;
}

/* Another process that lets in `count` sessions of `peer`; it waits to be killed. */
static pid_t
start(struct world *world, int count, const char *peer)
{
	int ready[2];
	char done;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct err err;
		struct gate_crowd *crowd = gate_crowd_new(world->path, &world->limits, &err);

		for (int i = 0; crowd && i < count; i++)
			if (gate_crowd_enter(crowd, peer) != GATE_CROWD_ENTERED)
				_exit(1);
		if (!crowd || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &done, 1), 1);
	close(ready[0]);
	return pid;
}

static void
end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
sessions_of_all_processes_count(void **state)
{
	struct world *world = *state;

	world->limits.sessions = 4;
	pid_t one = start(world, 2, "[192.0.2.1]:7"), two = start(world, 1, "[192.0.2.1]:8");
	struct gate_crowd *crowd = crowd_of(world);

	assert_int_equal(gate_crowd_enter(crowd, "[192.0.2.1]:9"), GATE_CROWD_ENTERED);
	assert_int_equal(gate_crowd_enter(crowd, "[192.0.2.1]:10"), GATE_CROWD_FULL);
	assert_int_equal(gate_crowd_enter(crowd, "[192.0.2.2]:10"), GATE_CROWD_ENTERED);
	gate_crowd_leave(crowd, "[192.0.2.1]:9");
	assert_int_equal(gate_crowd_enter(crowd, "[192.0.2.1]:11"), GATE_CROWD_ENTERED);
	end(one);
	end(two);
	gate_crowd_free(crowd);
}

static void
sessions_of_a_process_that_was_killed_do_not(void **state)
{
	struct world *world = *state;

	world->limits.sessions = 2;
	pid_t other = start(world, 2, "[192.0.2.1]:7");
	struct gate_crowd *crowd = crowd_of(world);

	assert_int_equal(gate_crowd_enter(crowd, "[192.0.2.1]:8"), GATE_CROWD_FULL);
	end(other);
	assert_int_equal(gate_crowd_enter(crowd, "[192.0.2.1]:9"), GATE_CROWD_ENTERED);
	gate_crowd_free(crowd);

	/* This process, too: the next one takes its part. */
	other = start(world, 2, "[192.0.2.1]:7");
	end(other);
}

/* As at a reload: the child goes on with the sessions. */
static void
sessions_of_a_process_that_went_on_as_its_child_count(void **state)
{
	struct world *world = *state;
	int ready[2];
	char done;

	world->limits.sessions = 1;
	assert_int_equal(pipe(ready), 0);
	pid_t parent = fork();
	if (parent == 0) {
		struct gate_crowd *crowd = crowd_of(world);

		if (gate_crowd_enter(crowd, "[192.0.2.1]:7") != GATE_CROWD_ENTERED || fork() != 0)
			_exit(0);
		if (read(ready[0], &done, 1) != 1)
			_exit(1);
		gate_crowd_leave(crowd, "[192.0.2.1]:7");
		close(ready[0]);
		_exit(0);
	}
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	struct gate_crowd *crowd = crowd_of(world);

	assert_int_equal(gate_crowd_enter(crowd, "[192.0.2.1]:8"), GATE_CROWD_FULL);
	close(ready[0]);
	assert_int_equal(write(ready[1], "x", 1), 1);
	enum gate_crowd_verdict verdict;
	for (int i = 0; i < 5000 && (verdict = gate_crowd_enter(crowd, "[192.0.2.1]:9")) == GATE_CROWD_FULL;
	     i++)
		poll(NULL, 0, 1);
	assert_int_equal(verdict, GATE_CROWD_ENTERED);
	close(ready[1]);
	gate_crowd_free(crowd);
}

static void
new_sessions_of_a_unit_of_time_count_whoever_ended(void **state)
{
	struct world *world = *state;

	world->limits.rate = 3;
	end(start(world, 2, "[2001:db8::1]:7"));
	struct gate_crowd *crowd = crowd_of(world);

	assert_int_equal(gate_crowd_enter(crowd, "[2001:db8::1]:8"), GATE_CROWD_ENTERED);
	gate_crowd_leave(crowd, "[2001:db8::1]:8");
	assert_int_equal(gate_crowd_enter(crowd, "[2001:db8::1]:9"), GATE_CROWD_FAST);
	assert_int_equal(gate_crowd_enter(crowd, "[2001:db8:0:1::1]:9"), GATE_CROWD_ENTERED);
	now_set(START + 59);
	assert_int_equal(gate_crowd_enter(crowd, "[2001:db8::1]:10"), GATE_CROWD_FAST);
	now_set(START + 60);
	assert_int_equal(gate_crowd_enter(crowd, "[2001:db8::1]:11"), GATE_CROWD_ENTERED);
	gate_crowd_free(crowd);
}

/* The second one with the first in its network, and in no larger one. */
static void
addresses_of_a_network_count_together(void **state)
{
	static const struct {
		int ipv4_bits, ipv6_bits;
		const char *first, *same, *other;
	} cases[] = {
		{ 32, 64, "[192.0.2.1]:1", "[192.0.2.1]:2", "[192.0.2.0]:1" },
		{ 24, 64, "[192.0.2.1]:1", "[192.0.2.255]:1", "[192.0.3.1]:1" },
		{ 25, 64, "[192.0.2.1]:1", "[192.0.2.127]:1", "[192.0.2.128]:1" },
		{ 1, 64, "[0.0.0.0]:1", "[127.255.255.255]:1", "[128.0.0.0]:1" },
		{ 32, 64, "[2001:db8::1]:1", "[2001:db8::ffff:ffff:ffff:ffff]:1", "[2001:db8:0:1::1]:1" },
		{ 32, 84, "[2001:db8::1]:1", "[2001:db8::fff:ffff:ffff]:1", "[2001:db8::1000:0:1]:1" },
		{ 32, 128, "[2001:db8::1]:1", "[2001:db8::1]:2", "[2001:db8::]:1" },
		{ 32, 64, "[fe80::1%lo]:1", "[fe80::2%lo]:1", "[fe80:0:0:1::1%lo]:1" },
		/* As many bits, but not of the same kind. */
		{ 1, 1, "[::]:1", "[::1]:1", "[0.0.0.0]:1" },
		{ 1, 1, "[unknown]:0", "[unknown]:0", "[0.0.0.0]:1" },
	};
	struct world *world = *state;

	world->limits.sessions = 1;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		print_message("%s, %s\n", cases[i].same, cases[i].other);
		world->limits.ipv4_bits = cases[i].ipv4_bits;
		world->limits.ipv6_bits = cases[i].ipv6_bits;
		struct gate_crowd *crowd = crowd_of(world);
		assert_int_equal(gate_crowd_enter(crowd, cases[i].first), GATE_CROWD_ENTERED);
		assert_int_equal(gate_crowd_enter(crowd, cases[i].same), GATE_CROWD_FULL);
		assert_int_equal(gate_crowd_enter(crowd, cases[i].other), GATE_CROWD_ENTERED);
		gate_crowd_leave(crowd, cases[i].same);
		assert_int_equal(gate_crowd_enter(crowd, cases[i].first), GATE_CROWD_ENTERED);
		gate_crowd_free(crowd);
	}
}

static void
exceptions_are_not_counted(void **state)
{
	struct world *world = *state;
	struct address_list *exceptions =
	    address_list_new("exceptions", "192.0.2.0/24, [2001:db8::]/32, [fe80::]/64");

	world->limits.sessions = world->limits.rate = 1;
	world->limits.exceptions = exceptions;
	struct gate_crowd *crowd = crowd_of(world);

	for (int i = 0; i < 3; i++) {
		assert_int_equal(gate_crowd_enter(crowd, "[192.0.2.1]:1"), GATE_CROWD_UNCOUNTED);
		assert_int_equal(gate_crowd_enter(crowd, "[2001:db8::1]:1"), GATE_CROWD_UNCOUNTED);
		assert_int_equal(gate_crowd_enter(crowd, "[fe80::1%lo]:1"), GATE_CROWD_UNCOUNTED);
	}
	static const char *const strangers[] = { "[192.0.3.1]:1", "[2001:db9::1]:1", "[unknown]:0" };
	for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
		assert_int_equal(gate_crowd_enter(crowd, strangers[i]), GATE_CROWD_ENTERED);
		assert_int_equal(gate_crowd_enter(crowd, strangers[i]), GATE_CROWD_FULL);
	}
	gate_crowd_free(crowd);
	address_list_free(exceptions);
}

static void
more_addresses_than_places_are_let_in(void **state)
{
	struct world *world = *state;
	char peer[32];
	int counted = 0;

	world->limits.sessions = 1;
	struct gate_crowd *crowd = crowd_of(world);

	for (int i = 0; i < ADDRESSES; i++) {
		snprintf(peer, sizeof peer, "[10.0.%d.%d]:1", i / 250, i % 250);
		enum gate_crowd_verdict verdict = gate_crowd_enter(crowd, peer);
		assert_true(verdict == GATE_CROWD_ENTERED || verdict == GATE_CROWD_UNCOUNTED);
		counted += verdict == GATE_CROWD_ENTERED;
	}
	assert_true(counted > 1000);
	assert_true(counted < ADDRESSES);
	gate_crowd_free(crowd);
}

static void
places_of_who_has_left_are_used_again(void **state)
{
	struct world *world = *state;
	char peer[32];

	world->limits.rate = 1;
	struct gate_crowd *crowd = crowd_of(world);

	for (int i = 0; i < ADDRESSES; i++) {
		snprintf(peer, sizeof peer, "[10.0.%d.%d]:1", i / 250, i % 250);
		assert_int_equal(gate_crowd_enter(crowd, peer), GATE_CROWD_ENTERED);
		gate_crowd_leave(crowd, peer);
	}
	gate_crowd_free(crowd);
}

static void
a_file_that_is_none_is_told(void **state)
{
	struct world *world = *state;
	struct err err;

	assert_null(gate_crowd_new("/nowhere/at/all", &world->limits, &err));
	assert_string_equal(err.text, "open /nowhere/at/all: No such file or directory");
	assert_null(gate_crowd_new("/dev/null", &world->limits, &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sessions_of_all_processes_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    sessions_of_a_process_that_was_killed_do_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    sessions_of_a_process_that_went_on_as_its_child_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    new_sessions_of_a_unit_of_time_count_whoever_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(addresses_of_a_network_count_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(exceptions_are_not_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(more_addresses_than_places_are_let_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(places_of_who_has_left_are_used_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_that_is_none_is_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
