/* SPDX-License-Identifier: ISC */
/* What tlsgate does in wrapper mode, where TLS begins with the first byte, with SMTP inside and with
 * anything. */
#include "gate_world.h"

#include "tlsgate/gate_session.h"

static int
setup_smtp(void **state)
{
	if (setup(state) < 0)
		return -1;
	((struct fixture *)*state)->gate.wrappermode = true;
	return 0;
}

static int
setup_anything(void **state)
{
	if (setup_smtp(state) < 0)
		return -1;
	((struct fixture *)*state)->gate.protocol = NULL;
	return 0;
}

/* The client's socket has gone to tlsproxy with what the client has said unread in it; tlsproxy's plaintext
 * side. */
static int
wrapped(struct fixture *f)
{
	char got[8] = "";

	start(f);
	say(f->client, "hello");
	int proxy = proxy_asked(f);
	say_status(proxy, 1);
	int fd = descriptor_from(f, proxy);
	assert_int_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), 5);
	assert_string_equal(got, "hello");
	close(fd);
	return proxy;
}

static void
the_client_hears_nothing_in_plaintext(void **state)
{
	struct fixture *f = *state;
	int proxy = wrapped(f);

	/* End of file at once: the gate has no copy of the socket any more. */
	hears_end(f, f->client);
	close(proxy);
}

static void
smtp_is_spoken_inside(void **state)
{
	struct fixture *f = *state;
	int proxy = wrapped(f);
	int backend = accept_from(f, f->backend_listen);

	passes(f, backend, proxy, "220 back.example ESMTP\r\n");
	passes(f, proxy, backend, "EHLO c\r\n");
	say(backend, "250-back\r\n250-STARTTLS\r\n250 DSN\r\n");
	hears(f, proxy, "250-back\r\n250 DSN\r\n");
	say(proxy, "STARTTLS\r\n");
	hears(f, proxy, "554 5.5.1 Error: TLS already active\r\n");
	passes(f, proxy, backend, "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	passes(f, backend, proxy, "250 Ok\r\n250 Ok\r\n354 go\r\n");
	close(backend);
	hears_end(f, proxy);
	close(proxy);
}

static void
no_back_end_is_a_421_inside(void **state)
{
	struct fixture *f = *state;

	fdio_close(&f->backend_listen);
	int proxy = wrapped(f);
	hears(f, proxy, "421 4.3.0 gate.example Service currently unavailable\r\n");
	hears_end(f, proxy);
	close(proxy);
}

static void
anything_passes_whoever_begins(void **state)
{
	struct fixture *f = *state;
	int proxy = wrapped(f);
	int backend = accept_from(f, f->backend_listen);

	hears(f, proxy, "");
	passes(f, proxy, backend, "STARTTLS\r\nEHLO\rMAIL");
	passes(f, backend, proxy, "421\n\xff\r\n");
	passes(f, proxy, backend, "\n");
	shutdown(proxy, SHUT_WR);
	hears_end(f, backend);
	passes(f, backend, proxy, "last words");
	close(backend);
	hears_end(f, proxy);
	close(proxy);
}

static void
without_a_protocol_nothing_is_said_for_a_back_end_that_is_not_there(void **state)
{
	struct fixture *f = *state;

	fdio_close(&f->backend_listen);
	int proxy = wrapped(f);
	hears_end(f, proxy);
	close(proxy);
}

static void
without_tlsproxy_the_client_is_let_go(void **state)
{
	struct fixture *f = *state;

	fdio_close(&f->proxy_listen);
	start(f);
	hears_end(f, f->client);
}

static void
a_tlsproxy_that_does_not_serve_gets_no_descriptor(void **state)
{
	struct fixture *f = *state;

	start(f);
	int proxy = proxy_asked(f);
	say_status(proxy, 0);
	hears_end(f, f->client);
	hears_end(f, proxy);
	close(proxy);
}

/* --- a tlsproxy that takes the back end's socket --- */

static bool relays;

static int
setup_giving(void **state)
{
	if (setup_anything(state) < 0)
		return -1;
	relays = false;
	((struct fixture *)*state)->gate.relays = &relays;
	return 0;
}

/* What came in place of the client's socket is dropped. */
static int
asked_and_offered(struct fixture *f)
{
	start(f);
	int proxy = proxy_asked(f);
	struct buf taken = BUF_INIT;

	assert_int_equal(f->offered, 1);
	tlsproxy_proto_put_status_taken(&taken);
	assert_int_equal(write(proxy, taken.bytes, taken.len), (ssize_t)taken.len);
	buf_release(&taken);
	close(descriptor_from(f, proxy));
	return proxy;
}

static void
the_back_end_itself_goes_to_tlsproxy(void **state)
{
	struct fixture *f = *state;
	int proxy = asked_and_offered(f);
	int given = descriptor_from(f, proxy);
	int backend = accept_from(f, f->backend_listen);

	passes(f, given, backend, "hello");
	passes(f, backend, given, "hello, too");
	hears(f, proxy, "");
	assert_false(relays);

	/* Nobody's words are lost because tlsproxy leaves something unread. */
	say(backend, "too late");
	say(given, "bye");
	close(given);
	close(proxy);
	hears(f, backend, "bye");
	hears_end(f, backend);
	close(backend);
}

static void
a_back_end_that_goes_on_after_the_end_is_waited_for(void **state)
{
	struct fixture *f = *state;
	int proxy = asked_and_offered(f);
	int given = descriptor_from(f, proxy);
	int backend = accept_from(f, f->backend_listen);

	close(given);
	close(proxy);
	hears_end(f, backend);
	assert_int_equal(f->gone, 0);
	close(backend);
}

static void
a_tlsproxy_that_takes_none_is_not_offered_another(void **state)
{
	struct fixture *f = *state;
	int proxy = wrapped(f);
	int backend = accept_from(f, f->backend_listen);

	assert_int_equal(f->offered, 1);
	assert_true(relays);
	passes(f, proxy, backend, "hello");
	close(proxy);
	hears_end(f, backend);
	close(backend);
	close(f->client);
	for (int i = 0; i < TURNS && !f->gone; i++)
		turn(f);
	f->gone = 0;
	close(wrapped(f));
	assert_int_equal(f->offered, 0);
	close(accept_from(f, f->backend_listen));
}

enum { CALLERS_MAX = 100 };

static void
room_in_the_queue_of_tlsproxy_is_waited_for(void **state)
{
	struct fixture *f = *state;
	int callers[CALLERS_MAX], count = 0;

	while (count < CALLERS_MAX && (callers[count] = fdio_connect_unix(f->proxy_path, true, NULL)) >= 0)
		count++;
	assert_in_range(count, 1, CALLERS_MAX - 1);
	start(f);
	hears(f, f->client, "");
	for (int i = 0; i < count; i++) {
		close(accept_from(f, f->proxy_listen));
		close(callers[i]);
	}
	int proxy = proxy_asked(f);
	close(proxy);
	hears_end(f, f->client);
}

static void
a_client_too_many_hears_no_plaintext(void **state)
{
	struct fixture *f = *state;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	f->client = fds[0];
	gate_session_refuse(&f->gate, fds[1], GATE_WORD_BUSY);
	hears_end(f, f->client);
	f->gone = 1; /* what the fixture expects of a test that had a session */
}

#define SMTP_TEST(name)     cmocka_unit_test_setup_teardown(name, setup_smtp, teardown)
#define GIVING_TEST(name)   cmocka_unit_test_setup_teardown(name, setup_giving, teardown)
#define ANYTHING_TEST(name) cmocka_unit_test_setup_teardown(name, setup_anything, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SMTP_TEST(the_client_hears_nothing_in_plaintext),
		SMTP_TEST(smtp_is_spoken_inside),
		SMTP_TEST(no_back_end_is_a_421_inside),
		ANYTHING_TEST(anything_passes_whoever_begins),
		ANYTHING_TEST(without_a_protocol_nothing_is_said_for_a_back_end_that_is_not_there),
		ANYTHING_TEST(without_tlsproxy_the_client_is_let_go),
		ANYTHING_TEST(a_tlsproxy_that_does_not_serve_gets_no_descriptor),
		ANYTHING_TEST(room_in_the_queue_of_tlsproxy_is_waited_for),
		ANYTHING_TEST(a_client_too_many_hears_no_plaintext),
		GIVING_TEST(the_back_end_itself_goes_to_tlsproxy),
		GIVING_TEST(a_back_end_that_goes_on_after_the_end_is_waited_for),
		GIVING_TEST(a_tlsproxy_that_takes_none_is_not_offered_another),
	};

	log_set_sink(no_log, NULL);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
