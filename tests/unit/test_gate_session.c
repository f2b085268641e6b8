/* SPDX-License-Identifier: ISC */
/* gate_session: whole sessions of tlsgate, from the greeting to the end. */
#include "gate_world.h"

#include "tlsgate/gate_session.h"

/* From here on bytes are relayed as they come. */
static void
begin_data(struct fixture *f, int backend)
{
	passes(f, f->client, backend, "DATA\r\n");
	passes(f, backend, f->client, "354 go\r\n");
}

static void
commands_and_replies_pass_one_at_a_time(void **state)
{
	struct fixture *f = *state;
	int backend = greeted(f);

	say(f->client, "EHLO c\r\nNOOP\nMAIL FROM:<a@b>\r\n");
	hears(f, backend, "EHLO c\r\n");
	say(backend, "250-back\r\n250-STARTTLS\r\n250 DSN\r\n");
	hears(f, f->client, "250-back\r\n250-DSN\r\n250 STARTTLS\r\n");
	hears(f, backend, "NOOP\r\n");
	passes(f, backend, f->client, "250 Ok\r\n");
	hears(f, backend, "MAIL FROM:<a@b>\r\n");
	passes(f, backend, f->client, "250 Ok\r\n");
	passes(f, f->client, backend, "QUIT\r\n");
	say(backend, "221 Bye\r\n");
	close(backend);
	hears(f, f->client, "221 Bye\r\n");
	hears_end(f, f->client);
}

static void
a_message_in_plaintext_passes_unchanged(void **state)
{
	struct fixture *f = *state;
	int backend = greeted(f);

	begin_data(f, backend);
	passes(f, f->client, backend, "STARTTLS\r\na\nb\rc\r\n.\r\nQUIT\r\n");
	say(backend, "250 Ok\r\n221 Bye\r\n");
	close(backend);
	hears(f, f->client, "250 Ok\r\n221 Bye\r\n");
	hears_end(f, f->client);
}

static void
a_chunk_is_not_read_as_commands(void **state)
{
	struct fixture *f = *state;
	int backend = greeted(f);

	passes(f, f->client, backend, "BDAT 10 LAST\r\nSTARTTLS\r\nNOOP\r\n");
	passes(f, backend, f->client, "250 Ok\r\n250 Ok\r\n");
	close(backend);
	hears_end(f, f->client);
}

static void
half_closing_clients_get_their_replies(void **state)
{
	struct fixture *f = *state;
	int backend = greeted(f);

	begin_data(f, backend);
	say(f->client, "x\r\n.\r\nQUIT\r\n");
	shutdown(f->client, SHUT_WR);
	hears(f, backend, "x\r\n.\r\nQUIT\r\n");
	hears_end(f, backend);
	passes(f, backend, f->client, "250 Ok\r\n221 Bye\r\n");
	close(backend);
	hears_end(f, f->client);
}

static void
bad_lines_never_reach_the_back_end(void **state)
{
	struct fixture *f = *state;
	int backend = greeted(f);
	char longline[3000];

	say(f->client, "NOOP\rSTARTTLS\r\n");
	hears(f, f->client, "500 5.5.2 Error: bad syntax\r\n");
	memset(longline, 'x', sizeof longline - 1);
	longline[sizeof longline - 1] = 0;
	say(f->client, longline);
	say(f->client, "\r\n");
	hears(f, f->client, "500 5.5.2 Error: line too long\r\n");
	say(f->client, "STARTTLS please\r\n");
	hears(f, f->client, "501 5.5.4 Syntax: STARTTLS\r\n");
	hears(f, backend, "");
	close(backend);
	hears(f, f->client, "421 4.3.0 gate.example Service currently unavailable\r\n");
	hears_end(f, f->client);
}

/* Nothing of it costs the back end anything, so only the gate can put an end to it. */
static void
a_client_that_only_makes_mistakes_is_sent_away(void **state)
{
	struct fixture *f = *state;
	int backend = greeted(f);
	struct buf wanted = BUF_INIT;

	for (int i = 0; i < 10; i++) {
		assert_int_equal(write(f->client, "\0\nSTARTTLS x\r\n", 14), 14);
		buf_add_str(&wanted, "500 5.5.2 Error: bad syntax\r\n501 5.5.4 Syntax: STARTTLS\r\n");
	}
	hear(f, f->client, wanted.bytes, wanted.len);
	say(f->client, "STARTTLS x\r\nNOOP\r\n");
	hears(f, f->client, "421 4.7.0 gate.example Error: too many errors\r\n");
	hears_end(f, f->client);
	hears(f, backend, "");
	hears_end(f, backend);
	close(backend);
	buf_release(&wanted);
}

static void
starttls_moves_to_a_fresh_back_end(void **state)
{
	struct fixture *f = *state;
	int old = greeted(f), proxy;

	passes(f, f->client, old, "AUTH PLAIN evil\r\n");
	passes(f, old, f->client, "235 Ok\r\n");
	say(f->client, "STARTTLS\r\n");
	int backend = finish_starttls(f, old, &proxy);

	/* Its own copy of the client's socket is closed: only tlsproxy can write there. */
	hears_end(f, f->client);
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
what_is_sent_with_starttls_is_discarded(void **state)
{
	struct fixture *f = *state;
	int old = greeted(f), proxy;

	say(f->client, "STARTTLS\r\nMAIL FROM:<evil@example>\r\nRCP");
	proxy = proxy_asked(f);
	say(f->client, "T TO:<victim@example>\r\n");
	say_status(proxy, 1);
	int backend = accept_from(f, f->backend_listen);
	say(backend, "220 back.example ESMTP\r\n");
	int fd = descriptor_from(f, proxy);
	hears(f, f->client, "220 2.0.0 Ready to start TLS\r\n");

	char c;
	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
	hears(f, old, "QUIT\r\n");
	hears(f, backend, "");
	passes(f, proxy, backend, "NOOP\r\n");
	passes(f, backend, proxy, "250 Ok\r\n");
	close(proxy);
	hears_end(f, backend);
	close(backend);
	close(old);
	close(fd);
}

enum trouble {
	NO_SOCKET,
	WRONG_ANNOUNCEMENT,
	CLOSED_EARLY,
	EXTRA_BYTES,
	STATUS_0,
	CLOSED_AFTER_STATUS,
	BACKEND_REFUSES,
	TROUBLES
};

/* Plays one failure of STARTTLS. */
static void
play(struct fixture *f, enum trouble trouble)
{
	int proxy = -1, backend = -1;

	if (trouble == NO_SOCKET)
		return;
	if (trouble == WRONG_ANNOUNCEMENT || trouble == CLOSED_EARLY) {
		proxy = accept_from(f, f->proxy_listen);
		if (trouble == WRONG_ANNOUNCEMENT)
			assert_int_equal(write(proxy, "protocol\0other\0\0", 16), 16);
		else
			close(proxy);
		return;
	}
	proxy = proxy_asked(f);
	if (trouble == EXTRA_BYTES) {
		assert_int_equal(write(proxy, "status\0001\0\0x", 11), 11);
		return;
	}
	say_status(proxy, trouble != STATUS_0);
	if (trouble == STATUS_0)
		return;
	backend = accept_from(f, f->backend_listen);
	if (trouble == CLOSED_AFTER_STATUS)
		close(proxy);
	say(backend, trouble == BACKEND_REFUSES ? "554 go away\r\n" : "220 hi\r\n");
}

static void
starttls_that_fails_leaves_the_session_as_it_was(void **state)
{
	struct fixture *f = *state;
	int backend = greeted(f);

	for (enum trouble trouble = NO_SOCKET; trouble < TROUBLES; trouble++) {
		print_message("trouble %d\n", (int)trouble);
		f->gate.tlsproxy = trouble == NO_SOCKET ? "/nonexistent/tlsproxy" : f->proxy_path;
		say(f->client, "STARTTLS\r\n");
		play(f, trouble);
		hears(f, f->client, "454 4.7.0 TLS not available due to local problem\r\n");
		say(f->client, "NOOP\r\n");
		hears(f, backend, "NOOP\r\n");
		say(backend, "250 Ok\r\n");
		hears(f, f->client, "250 Ok\r\n");
	}
	close(backend);
	hears(f, f->client, "421 4.3.0 gate.example Service currently unavailable\r\n");
}

static void
replies_without_a_command_end_the_session(void **state)
{
	struct fixture *f = *state;
	int backend = greeted(f);

	passes(f, f->client, backend, "NOOP\r\n");
	say(backend, "250 Ok\r\n250 Ok\r\n");
	hears(f, f->client, "250 Ok\r\n421 4.3.0 gate.example Service currently unavailable\r\n");
	hears_end(f, f->client);
	close(backend);
}

static void
a_back_end_may_say_farewell_unasked(void **state)
{
	struct fixture *f = *state;
	int backend = greeted(f);

	say(backend, "421 4.4.2 timeout\r\n");
	close(backend);
	hears(f, f->client, "421 4.4.2 timeout\r\n");
	hears_end(f, f->client);
}

static void
no_back_end_is_a_421(void **state)
{
	struct fixture *f = *state;

	fdio_close(&f->backend_listen);
	start(f);
	hears(f, f->client, "421 4.3.0 gate.example Service currently unavailable\r\n");
	hears_end(f, f->client);
}

static void
a_side_that_does_not_read_stops_the_other(void **state)
{
	struct fixture *f = *state;
	int backend = greeted(f), small = 1;
	char block[4096];
	size_t sent = 0, received = 0;

	begin_data(f, backend);
	memset(block, 'x', sizeof block);
	assert_int_equal(setsockopt(f->client, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	for (int full = 0; full < 50;) {
		ssize_t n = write(f->client, block, sizeof block);
		if (n > 0)
			sent += (size_t)n;
		full = n > 0 ? 0 : full + 1;
		turn(f);
		assert_true(sent < 64 << 20);
	}
	for (int idle = 0; received < sent && idle < TURNS;) {
		turn(f);
		ssize_t n = recv(backend, block, sizeof block, MSG_DONTWAIT);
		if (n > 0)
			received += (size_t)n;
		idle = n > 0 ? 0 : idle + 1;
	}
	assert_int_equal(received, sent);
	close(backend);
}

#define SESSION_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(commands_and_replies_pass_one_at_a_time),
		SESSION_TEST(a_message_in_plaintext_passes_unchanged),
		SESSION_TEST(a_chunk_is_not_read_as_commands),
		SESSION_TEST(half_closing_clients_get_their_replies),
		SESSION_TEST(bad_lines_never_reach_the_back_end),
		SESSION_TEST(a_client_that_only_makes_mistakes_is_sent_away),
		SESSION_TEST(starttls_moves_to_a_fresh_back_end),
		SESSION_TEST(what_is_sent_with_starttls_is_discarded),
		SESSION_TEST(starttls_that_fails_leaves_the_session_as_it_was),
		SESSION_TEST(replies_without_a_command_end_the_session),
		SESSION_TEST(a_back_end_may_say_farewell_unasked),
		SESSION_TEST(no_back_end_is_a_421),
		SESSION_TEST(a_side_that_does_not_read_stops_the_other),
	};

	log_set_sink(no_log, NULL);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
