/* SPDX-License-Identifier: ISC */
/*
 * What tlsgate does when somebody is silent for too long, or there are too many clients. Limits are a second
 * here.
 */
#include "gate_world.h"

#include "tlsgate/gate_crowd.h"
#include "tlsgate/gate_session.h"
#include "util/err.h"

static int
setup_short(void **state)
{
	if (setup(state) < 0)
		return -1;
	struct fixture *f = *state;
	f->gate.timeout_s = f->gate.connect_timeout_s = 1;
	return 0;
}

/* "421 4.3.0", the back end's fault. */
static void
hears_unavailable(struct fixture *f)
{
	hears(f, f->client, "421 4.3.0 gate.example Service currently unavailable\r\n");
	hears_end(f, f->client);
}

static void
silent_client_is_told_and_let_go(void **state)
{
	struct fixture *f = *state;
	int backend = greeted(f);

	say(f->client, "NOO");
	hears(f, f->client, "421 4.4.2 gate.example Error: timeout exceeded\r\n");
	hears_end(f, f->client);
	hears_end(f, backend);
	close(backend);
}

static void
back_end_that_does_not_greet_is_a_421(void **state)
{
	struct fixture *f = *state;

	start(f);
	int backend = accept_from(f, f->backend_listen);
	say(backend, "220-almost\r\n");
	hears_unavailable(f);
	close(backend);
}

static void
back_end_that_does_not_reply_is_a_421(void **state)
{
	struct fixture *f = *state;
	int backend = greeted(f);

	passes(f, f->client, backend, "NOOP\r\n");
	hears_unavailable(f);
	hears_end(f, backend);
	close(backend);
}

static void
silent_relay_ends_without_words(void **state)
{
	struct fixture *f = *state;
	int backend = greeted(f);

	passes(f, f->client, backend, "BDAT 10\r\n12345");
	hears_end(f, f->client);
	hears_end(f, backend);
	close(backend);
}

static void
back_end_that_does_not_greet_again_leaves_plaintext(void **state)
{
	struct fixture *f = *state;

	/* Only the wait for the new back end is short: the session must still be there afterwards. */
	f->gate.timeout_s = 100;
	int backend = greeted(f);
	say(f->client, "STARTTLS\r\n");
	int proxy = proxy_asked(f);
	say_status(proxy, 1);
	int next = accept_from(f, f->backend_listen);
	hears(f, f->client, "454 4.7.0 TLS not available due to local problem\r\n");
	hears_end(f, proxy);
	hears_end(f, next);
	passes(f, f->client, backend, "NOOP\r\n");
	close(proxy);
	close(next);
	close(backend);
	hears_unavailable(f);
}

static void
client_too_many_is_refused_and_never_a_session(void **state)
{
	struct fixture *f = *state;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	f->client = fds[0];
	gate_session_refuse(&f->gate, fds[1], GATE_WORD_BUSY);
	hears(f, f->client, "421 4.3.2 gate.example All server ports are busy\r\n");
	hears_end(f, f->client);
	assert_int_equal(f->gone, 0);
	f->gone = 1; /* what the fixture expects of a test that had a session */
}

static void
an_address_has_so_many_sessions_and_no_more(void **state)
{
	struct fixture *f = *state;
	const struct gate_crowd_limits limits = { .sessions = 2, .unit_s = 60, .ipv4_bits = 32 };
	struct gate_crowd *crowd = gate_crowd_new(NULL, &limits, NULL);

	assert_int_equal(gate_crowd_enter(crowd, "[192.0.2.1]:1"), GATE_CROWD_ENTERED);
	assert_int_equal(gate_crowd_enter(crowd, "[192.0.2.1]:2"), GATE_CROWD_ENTERED);
	assert_int_equal(gate_crowd_enter(crowd, "[192.0.2.1]:3"), GATE_CROWD_FULL);
	assert_int_equal(gate_crowd_enter(crowd, "[192.0.2.11]:3"), GATE_CROWD_ENTERED);
	gate_crowd_leave(crowd, "[192.0.2.1]:2");
	assert_int_equal(gate_crowd_enter(crowd, "[192.0.2.1]:3"), GATE_CROWD_ENTERED);
	gate_crowd_free(crowd);
	f->gone = 1;
}

static void
a_session_too_many_from_one_address_is_told(void **state)
{
	struct fixture *f = *state;
	const struct gate_crowd_limits limits = { .sessions = 1, .unit_s = 60, .ipv4_bits = 32 };
	struct gate_crowd *crowd = gate_crowd_new(NULL, &limits, NULL);

	f->gate.crowd = crowd;
	int backend = greeted(f);
	int first = f->client;
	start(f);
	hears(f, f->client, "421 4.7.0 gate.example Error: too many connections\r\n");
	hears_end(f, f->client);
	assert_int_equal(f->gone, 1);
	close(f->client);
	f->client = first;
	close(backend);
	hears_unavailable(f);
	for (int i = 0; i < TURNS && f->gone < 2; i++)
		turn(f);
	assert_int_equal(f->gone, 2);

	/* It has left: there is room again. */
	close(first);
	f->gone = 0;
	close(greeted(f));
	hears_unavailable(f);
	for (int i = 0; i < TURNS && !f->gone; i++)
		turn(f);
	gate_crowd_free(crowd);
}

enum { CROWD = 20 };

/* Fills the queue of the back end's socket; returns how many are in it. */
static int
fill_queue(struct fixture *f, int *fds)
{
	struct err err;
	int n = 0;

	while (n < CROWD && (fds[n] = fdio_connect_unix(f->backend_path, true, &err)) >= 0)
		n++;
	assert_int_equal(err.code, EAGAIN);
	return n;
}

static void
full_queue_of_a_local_back_end_is_waited_for(void **state)
{
	struct fixture *f = *state;
	int fds[CROWD], n = fill_queue(f, fds);

	start(f);
	for (int i = 0; i < 10; i++)
		turn(f);
	assert_int_equal(f->gone, 0);
	for (int i = 0; i < n; i++) {
		close(accept_from(f, f->backend_listen));
		close(fds[i]);
	}
	int backend = accept_from(f, f->backend_listen);
	passes(f, backend, f->client, "220 back.example\r\n");
	close(backend);
	hears_unavailable(f);
}

static void
queue_that_stays_full_is_waited_for_so_long(void **state)
{
	struct fixture *f = *state;
	int fds[CROWD], n = fill_queue(f, fds);

	start(f);
	hears_unavailable(f);
	while (n-- > 0)
		close(fds[n]);
}

#define LIMIT_TEST(name) cmocka_unit_test_setup_teardown(name, setup_short, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LIMIT_TEST(silent_client_is_told_and_let_go),
		LIMIT_TEST(back_end_that_does_not_greet_is_a_421),
		LIMIT_TEST(back_end_that_does_not_reply_is_a_421),
		LIMIT_TEST(silent_relay_ends_without_words),
		LIMIT_TEST(back_end_that_does_not_greet_again_leaves_plaintext),
		LIMIT_TEST(full_queue_of_a_local_back_end_is_waited_for),
		LIMIT_TEST(queue_that_stays_full_is_waited_for_so_long),
		LIMIT_TEST(client_too_many_is_refused_and_never_a_session),
		LIMIT_TEST(an_address_has_so_many_sessions_and_no_more),
		LIMIT_TEST(a_session_too_many_from_one_address_is_told),
	};

	log_set_sink(no_log, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
