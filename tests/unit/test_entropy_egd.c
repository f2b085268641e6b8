/* SPDX-License-Identifier: ISC */
#include "entropy_fixture.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "tlsmgr/entropy.h"

static int
listen_at(const char *path, int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static void
expect_request(int peer, int wanted)
{
	unsigned char request[10];

	assert_int_equal(read(peer, request, sizeof request), 2);
	assert_int_equal(request[0], 1);
	assert_int_equal(request[1], wanted);
}

static void
say(int peer, const char *bytes, size_t len)
{
	assert_int_equal(write(peer, bytes, len), len);
	turn();
}

static const struct {
	const char *name;
	const char *bytes;
	size_t len;
	bool closes, is_late, good;
	const char *line; /* before the one about the lost connection; with the path */
} egd_moods[] = {
	{ "as asked", "\4abcd", 5, false, false, true, NULL },
	{ "fewer", "\2ab", 3, false, false, true, NULL },
	{ "more than asked for", "\6abcdef", 7, false, false, true, NULL },
	{ "none", "\0", 1, false, false, false, "EGD server %s reports zero bytes available\n" },
	{ "closed at once", "", 0, true, false, false,
	    "cannot read from EGD server %s: Application error\n" },
	{ "closed half-way", "\4ab", 3, true, false, false,
	    "cannot read 4 bytes from EGD server %s: Application error\n" },
	{ "silent", "", 0, false, true, false, "cannot read from EGD server %s: Connection timed out\n" },
	{ "stuck", "\4ab", 3, false, true, false,
	    "cannot read 4 bytes from EGD server %s: Connection timed out\n" },
};

static void
egd_server_in_its_moods(void **state)
{
	char path[128], wanted[600];

	(void)state;
	strcpy(path, fixture_path("egd"));
	for (size_t i = 0; i < COUNT(egd_moods); i++) {
		int server = listen_at(path, 5), peer;
		struct entropy *entropy = make("egd:", path, 4);

		fixture_log[0] = 0;
		successes = failures = 0;
		read_once(entropy);
		CASE_IS((peer = accept(server, NULL, NULL)) >= 0, egd_moods[i].name);
		expect_request(peer, 4);
		for (size_t n = 0; n < egd_moods[i].len; n++)
			say(peer, egd_moods[i].bytes + n, 1);
		if (egd_moods[i].closes) {
			close(peer);
			turn();
		}
		CASE_IS(successes + failures == !egd_moods[i].is_late, egd_moods[i].name);
		if (egd_moods[i].is_late)
			fake_timer_fire(fake_timer(LIMIT));
		CASE_IS(successes == egd_moods[i].good && failures == !egd_moods[i].good, egd_moods[i].name);
		wanted[0] = 0;
		if (egd_moods[i].line) {
			snprintf(wanted, sizeof wanted, egd_moods[i].line, path);
			snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted),
			    "lost connection to EGD server %s -- exiting to reconnect\n", path);
		}
		CASE_TEXT(fixture_log, wanted, egd_moods[i].name);

		/* The next time all is well, on a new connection if the old one is lost. */
		read_once(entropy);
		if (!egd_moods[i].good) {
			close(peer);
			peer = accept(server, NULL, NULL);
		}
		expect_request(peer, 4);
		say(peer, "\4abcd", 5);
		CASE_IS(successes == 1 + egd_moods[i].good, egd_moods[i].name);
		entropy_free(entropy);
		close(peer);
		close(server);
		unlink(path);
	}
}

static void
count_gives_new_time_for_the_bytes(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("egd"));
	int server = listen_at(path, 5);
	struct entropy *entropy = make("egd:", path, 1000);
	read_once(entropy);
	int peer = accept(server, NULL, NULL);
	expect_request(peer, 255);
	fake_timer(LIMIT)->delay_ms = 1;
	say(peer, "\377", 1);
	assert_int_equal(fake_timer(LIMIT)->delay_ms, 10000);
	fake_timer(LIMIT)->delay_ms = 1;
	say(peer, "a", 1);
	assert_int_equal(fake_timer(LIMIT)->delay_ms, 1);
	close(peer);
	close(server);
	entropy_free(entropy);
}

/* Bytes that nobody asked for, or a server that has been started anew: both are no outage. */
static void
stale_connection_is_replaced_without_a_word(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("egd"));
	for (int i = 0; i < 2; i++) {
		int server = listen_at(path, 5);
		struct entropy *entropy = make("egd:", path, 4);
		successes = 0;
		read_once(entropy);
		int old = accept(server, NULL, NULL);
		say(old, "\4abcdefgh", i == 0 ? 9 : 5);
		expect(1, 0);
		if (i == 1)
			close(old);
		read_once(entropy);
		int peer = accept(server, NULL, NULL);
		expect_request(peer, 4);
		say(peer, "\4abcd", 5);
		expect(2, 0);
		entropy_free(entropy);
		if (i == 0)
			close(old);
		close(peer);
		close(server);
		unlink(path);
	}
	assert_string_equal(fixture_log, "");
}

/* The server closes after each answer, and the next request is under way by then. */
static void
connection_closed_too_late_to_be_seen_is_replaced(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("egd"));
	int server = listen_at(path, 5);
	struct entropy *entropy = make("egd:", path, 4);
	read_once(entropy);
	int old = accept(server, NULL, NULL);
	say(old, "\4abcd", 5);
	expect(1, 0);
	read_once(entropy);
	turn();
	close(old);
	turn();
	turn();
	int peer = accept(server, NULL, NULL);
	expect_request(peer, 4);
	say(peer, "\4abcd", 5);
	turn();
	expect(2, 0);
	assert_string_equal(fixture_log, "");

	/* And the same with a server that is gone. */
	read_once(entropy);
	close(server);
	unlink(path);
	close(peer);
	turn();
	turn();
	expect(2, 1);
	expect_log("warning: cannot connect to EGD server %s: No such file or directory\n"
		   "exiting to reopen external entropy source egd:%s\n",
	    path);
	entropy_free(entropy);
}

static void
server_that_reads_nothing_is_lost(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("egd"));
	int server = listen_at(path, 5);
	struct entropy *entropy = make("egd:", path, 4);
	int peer = accept(server, NULL, NULL);
	assert_int_equal(shutdown(peer, SHUT_RD), 0);
	read_once(entropy);
	expect(0, 1);
	expect_log("cannot write to EGD server %s: Broken pipe\n"
		   "lost connection to EGD server %s -- exiting to reconnect\n",
	    path);
	close(peer);
	close(server);
	entropy_free(entropy);
}

static void
absent_server_is_told_once_and_found_later(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("egd"));
	struct entropy *entropy = make("egd:", path, 4);
	read_once(entropy);
	read_once(entropy);
	expect(0, 2);
	expect_log("warning: cannot connect to EGD server %s: No such file or directory\n"
		   "exiting to reopen external entropy source egd:%s\n",
	    path);
	int server = listen_at(path, 5);
	read_once(entropy);
	int peer = accept(server, NULL, NULL);
	say(peer, "\4abcd", 5);
	expect(1, 2);
	expect_log("external entropy source egd:%s is available\n", path);

	/* What vanishes for good after that is another outage. */
	close(peer);
	close(server);
	unlink(path);
	read_once(entropy);
	read_once(entropy);
	expect_log("warning: cannot connect to EGD server %s: No such file or directory\n"
		   "exiting to reopen external entropy source egd:%s\n",
	    path);
	entropy_free(entropy);
}

static void
busy_server_is_waited_for_without_waiting(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("egd"));
	int server = listen_at(path, 0);
	struct entropy *first = make("egd:", path, 4), *entropy = make("egd:", path, 4);
	assert_string_equal(fixture_log, "");
	read_once(entropy);
	turn();
	turn();
	expect(0, 0);
	int other = accept(server, NULL, NULL);
	turn();
	int peer = accept(server, NULL, NULL);
	expect_request(peer, 4);
	say(peer, "\4abcd", 5);
	expect(1, 0);
	entropy_free(entropy);

	/* Busy all the time. */
	int third = accept(server, NULL, NULL);
	assert_int_equal(third, -1);
	struct entropy *queued = make("egd:", path, 4);
	entropy = make("egd:", path, 4);
	read_once(entropy);
	turn();
	fake_timer_fire(fake_timer(LIMIT));
	expect(1, 1);
	expect_log("warning: cannot connect to EGD server %s: Connection timed out\n"
		   "exiting to reopen external entropy source egd:%s\n",
	    path);
	entropy_free(entropy);
	entropy_free(queued);
	entropy_free(first);
	close(peer);
	close(other);
	close(server);
}

static void
too_long_a_path_is_told(void **state)
{
	char path[200];

	(void)state;
	memset(path, 'p', sizeof path - 1);
	path[sizeof path - 1] = 0;
	struct entropy *entropy = make("egd:", path, 4);
	read_once(entropy);
	expect(0, 1);
	assert_non_null(strstr(fixture_log, "warning: cannot connect to EGD server ppp"));
	assert_non_null(strstr(fixture_log, "ppp: File name too long\n"));
	entropy_free(entropy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(egd_server_in_its_moods),
		TEST(count_gives_new_time_for_the_bytes),
		TEST(stale_connection_is_replaced_without_a_word),
		TEST(connection_closed_too_late_to_be_seen_is_replaced),
		TEST(server_that_reads_nothing_is_lost),
		TEST(absent_server_is_told_once_and_found_later),
		TEST(busy_server_is_waited_for_without_waiting),
		TEST(too_long_a_path_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
