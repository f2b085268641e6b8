/* SPDX-License-Identifier: ISC */
/* session_plaintext: sessions of tlsproxy whose caller gives a descriptor for the plaintext. */
#include "session_world.h"

#include "tlsproxy/session.h"

enum { HOST_ROOM = 64 };

static void
offer(struct world *w, int flags)
{
	struct buf list = BUF_INIT;

	tlsproxy_proto_put_request(&list, &(struct tlsproxy_request){ .remote_endpoint = "[192.0.2.1]:25",
					      .flags = flags,
					      .handshake_timeout_s = 30,
					      .session_timeout_s = 300,
					      .serverid = "smtpd",
					      .offers_plaintext = 1 });
	assert_int_equal(write(w->caller, list.bytes, list.len), list.len);
	buf_release(&list);
}

/* The session has the client's socket and waits for the other; the handshake is to come. */
static void
begin_offering(struct world *w, int flags)
{
	static const char taken[] = "status\0001\0plaintext_descriptor\0001\0";

	begin(w);
	offer(w, flags);
	expect_from_caller_side(w, taken, sizeof taken);
	hand_over(w);
}

static void
give(struct world *w, int fd)
{
	assert_int_equal(fdio_send_fd(w->caller, fd), 0);
	close(fd);
}

/* The far end of what is given. */
static int
give_pair(struct world *w)
{
	int fds[2];

	pair(fds);
	give(w, fds[1]);
	return fds[0];
}

static void
expect_at(int fd, const char *text)
{
	char got[HOST_ROOM] = "";
	ssize_t n = -1;

	for (int i = 0; i < TURNS && n < 0; i++) {
		turn();
		n = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
	}
	assert_int_equal(n, strlen(text));
	assert_string_equal(got, text);
}

static bool
is_silent(int fd)
{
	char byte;

	for (int i = 0; i < 50; i++)
		turn();
	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void
expect_gone(void)
{
	for (int i = 0; i < TURNS && gone == 0; i++)
		turn();
	assert_int_equal(gone, 1);
}

static void
plaintext_passes_there_and_nowhere_else(void **state)
{
	struct world w;

	(void)state;
	begin_offering(&w, TLSPROXY_SERVER);
	handshake(&w);
	int far = give_pair(&w);
	say_from_remote(&w, "EHLO client\r\n");
	expect_at(far, "EHLO client\r\n");
	assert_int_equal(write(far, "250 hello\r\n", 11), 11);
	expect_at_remote(&w, "250 hello\r\n", 11);
	assert_true(is_silent(w.caller));

	/* The end there is the session's, and the caller's connection tells it. */
	close(far);
	expect_caller_eof(&w);
	finish(&w);
	assert_int_equal(fixture_log_count("DISCONNECT [192.0.2.1]:25"), 1);
}

static void
what_is_given_early_waits_for_the_handshake(void **state)
{
	struct world w;

	(void)state;
	begin_offering(&w, TLSPROXY_SERVER);
	int far = give_pair(&w);
	assert_int_equal(write(far, "220 hello\r\n", 11), 11);
	assert_true(is_silent(w.remote));
	handshake(&w);
	expect_at_remote(&w, "220 hello\r\n", 11);
	say_from_remote(&w, "QUIT\r\n");
	expect_at(far, "QUIT\r\n");
	close(far);
	finish(&w);
}

static void
what_the_client_says_waits_for_the_descriptor(void **state)
{
	struct world w;

	(void)state;
	begin_offering(&w, TLSPROXY_SERVER);
	handshake(&w);
	say_from_remote(&w, "EHLO client\r\n");
	assert_true(is_silent(w.caller));
	int far = give_pair(&w);
	expect_at(far, "EHLO client\r\n");
	close(far);
	finish(&w);
}

static void
the_result_goes_to_the_caller(void **state)
{
	struct world w;
	struct buf got = BUF_INIT;
	struct attr_frame frame;
	size_t len = 0;

	(void)state;
	begin_offering(&w, TLSPROXY_SERVER | TLSPROXY_SEND_CONTEXT);
	int far = give_pair(&w);
	handshake(&w);
	say_from_remote(&w, "EHLO client\r\n");
	attr_frame_init(&frame, 10000);
	for (int i = 0; i < TURNS && attr_frame_feed(&frame, buf_str(&got), got.len, &len) == ATTR_MORE;
	     i++) {
		turn();
		caller_read(&w, &got);
		attr_frame_init(&frame, 10000);
	}
	assert_in_range(got.len, 1, 10000);
	assert_int_equal(len, got.len);
	expect_at(far, "EHLO client\r\n");
	buf_release(&got);
	close(far);
	finish(&w);
}

static void
the_callers_end_is_the_sessions(void **state)
{
	struct world w;
	char byte;

	(void)state;
	for (int given = 0; given < 2; given++) {
		begin_offering(&w, TLSPROXY_SERVER);
		int far = given ? give_pair(&w) : -1;
		handshake(&w);
		close(w.caller);
		w.caller = -1;
		expect_gone();
		assert_true(far < 0 || recv(far, &byte, 1, MSG_DONTWAIT) == 0);
		fdio_close(&far);
		finish(&w);
	}
}

/* --- what cannot be used --- */

static void
send_file(struct world *w)
{
	give(w, open("/dev/null", O_RDWR));
}

static void
send_datagram_socket(struct world *w)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	give(w, fds[1]);
	close(fds[0]);
}

static void
send_unconnected_socket(struct world *w)
{
	give(w, socket(AF_INET, SOCK_STREAM, 0));
}

static void
send_byte(struct world *w)
{
	assert_int_equal(write(w->caller, "x", 1), 1);
}

static void
send_two(struct world *w)
{
	close(give_pair(w));
	close(give_pair(w));
}

static void
anything_else_ends_the_session(void **state)
{
	static const struct {
		const char *name;
		void (*send)(struct world *w);
	} cases[] = {
		{ "a file", send_file },
		{ "a datagram socket", send_datagram_socket },
		{ "a socket without a peer", send_unconnected_socket },
		{ "a byte", send_byte },
		{ "two descriptors", send_two },
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (int late = 0; late < 2; late++) {
			print_message("%s, %s the handshake\n", cases[i].name, late ? "after" : "before");
			begin_offering(&w, TLSPROXY_SERVER);
			if (late)
				handshake(&w);
			cases[i].send(&w);
			expect_gone();
			finish(&w);
		}
	}
}

static void
an_offer_to_another_role_is_not_taken(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	offer(&w, TLSPROXY_SERVER | TLSPROXY_PROBE);
	expect_from_caller_side(&w, "status\0001\0", 10);
	finish(&w);
	begin(&w);
	offer(&w, TLSPROXY_CLIENT);
	expect_from_caller_side(&w, "status\0000\0", 10);
	finish(&w);
}

#define SESSION_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(plaintext_passes_there_and_nowhere_else),
		SESSION_TEST(what_is_given_early_waits_for_the_handshake),
		SESSION_TEST(what_the_client_says_waits_for_the_descriptor),
		SESSION_TEST(the_result_goes_to_the_caller),
		SESSION_TEST(the_callers_end_is_the_sessions),
		SESSION_TEST(anything_else_ends_the_session),
		SESSION_TEST(an_offer_to_another_role_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
