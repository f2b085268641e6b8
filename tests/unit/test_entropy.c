/* SPDX-License-Identifier: ISC */
#include "tlsmgr_fixture.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <event2/event.h>

#include "cmocka_all.h"
#include "fake_timer.h"
#include "tlsmgr/entropy.h"

enum { AGAIN, LIMIT }; /* timers, in the order of their making */

static struct event_base *base;
static int successes, failures;

static int
setup(void **state)
{
	base = event_base_new();
	successes = failures = 0;
	return fixture_setup(state);
}

static int
teardown(void **state)
{
	event_base_free(base);
	return fixture_teardown(state);
}

static void
count(bool done, void *context)
{
	(void)context;
	done ? successes++ : failures++;
}

static struct entropy *
make(const char *prefix, const char *path, int bytes)
{
	char source[256];

	snprintf(source, sizeof source, "%s%s", prefix, path);
	return entropy_new(source, bytes);
}

static void
read_once(struct entropy *entropy)
{
	entropy_read(entropy, base, count, NULL);
}

/* What is ready, and what is to be done in a moment. */
static void
turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
	if (fake_timer(AGAIN)->running)
		fake_timer_fire(fake_timer(AGAIN));
}

static void
expect(int good, int bad)
{
	assert_int_equal(successes, good);
	assert_int_equal(failures, bad);
}

static void
expect_log(const char *format, const char *path)
{
	char wanted[1000];

	snprintf(wanted, sizeof wanted, format, path, path, path);
	assert_string_equal(fixture_log, wanted);
	fixture_log[0] = 0;
}

/* --- devices --- */

static void
device_is_read_again_and_again(void **state)
{
	struct entropy *entropy = entropy_new("dev:/dev/zero", 32);

	(void)state;
	read_once(entropy);
	read_once(entropy);
	expect(2, 0);
	assert_true(entropy_has_more(entropy));
	entropy_free(entropy);
	assert_string_equal(fixture_log, "");
}

static const struct {
	const char *path, *why;
} bad_devices[] = {
	{ "/dev/null", "Application error" },
	{ "/", "Is a directory" },
};

static void
outage_is_told_once(void **state)
{
	char wanted[200];

	(void)state;
	for (size_t i = 0; i < COUNT(bad_devices); i++) {
		struct entropy *entropy = make("dev:", bad_devices[i].path, 32);
		failures = 0;
		fixture_log[0] = 0;
		for (int n = 0; n < 3; n++)
			read_once(entropy);
		expect(0, 3);
		snprintf(wanted, sizeof wanted,
		    "cannot read from entropy device %s: %s -- exiting to reopen\n", bad_devices[i].path,
		    bad_devices[i].why);
		CASE_TEXT(fixture_log, wanted, bad_devices[i].path);
		entropy_free(entropy);
	}
}

static void
silent_device_is_given_up_after_its_time(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("fifo"));
	assert_int_equal(mkfifo(path, 0600), 0);
	int writer = open(path, O_RDWR);
	struct entropy *entropy = make("dev:", path, 32);
	read_once(entropy);
	turn();
	expect(0, 0);
	assert_int_equal(fake_timer(LIMIT)->delay_ms, 10000);
	fake_timer_fire(fake_timer(LIMIT));
	expect(0, 1);
	expect_log("cannot read from entropy device %s: Connection timed out -- exiting to reopen\n", path);

	/* The writer has found its bytes; three of them are as good as 32. */
	read_once(entropy);
	turn();
	assert_int_equal(write(writer, "abc", 3), 3);
	turn();
	expect(1, 1);
	assert_false(fake_timer(LIMIT)->running);
	expect_log("external entropy source dev:%s is available\n", path);
	close(writer);
	entropy_free(entropy);
}

static void
device_whose_name_is_gone_is_still_read(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("fifo"));
	assert_int_equal(mkfifo(path, 0600), 0);
	struct entropy *entropy = make("dev:", path, 32);
	read_once(entropy);
	expect(0, 1);
	expect_log("cannot read from entropy device %s: Application error -- exiting to reopen\n", path);
	int writer = open(path, O_WRONLY);
	assert_int_equal(write(writer, "abc", 3), 3);
	assert_int_equal(unlink(path), 0);
	read_once(entropy);
	expect(1, 1);
	expect_log("external entropy source dev:%s is available\n", path);
	close(writer);
	entropy_free(entropy);
}

static void
device_that_comes_back_is_opened_anew(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("device"));
	assert_int_equal(symlink("/dev/null", path), 0);
	struct entropy *entropy = make("dev:", path, 32);
	read_once(entropy);
	assert_int_equal(unlink(path), 0);
	read_once(entropy);
	assert_int_equal(symlink("/dev/zero", path), 0);
	read_once(entropy);
	expect(1, 2);
	entropy_free(entropy);
}

/* --- files --- */

static void
write_file(const char *path, int len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	while (len-- > 0)
		fputc('f', file);
	fclose(file);
}

static void
file_is_read_once_whatever_its_size(void **state)
{
	static const struct {
		int size, bytes, turns;
	} cases[] = { { 3, 32, 1 }, { 100, 32, 0 }, { 8192, 8192, 0 }, { 20000, 20000, 2 },
		{ 20000, 1000000, 3 } };
	char path[128];

	(void)state;
	strcpy(path, fixture_path("file"));
	for (size_t i = 0; i < COUNT(cases); i++) {
		write_file(path, cases[i].size);
		struct entropy *entropy = make("", path, cases[i].bytes);
		successes = 0;
		read_once(entropy);
		for (int n = 0; n < cases[i].turns; n++) {
			assert_int_equal(successes, 0);
			turn();
		}
		assert_int_equal(successes, 1);
		assert_false(entropy_has_more(entropy));
		entropy_free(entropy);
	}
	assert_string_equal(fixture_log, "");
}

static void
unreadable_file_is_given_up(void **state)
{
	struct entropy *entropy = make("", fixture_dir, 32);

	(void)state;
	read_once(entropy);
	expect(0, 1);
	assert_false(entropy_has_more(entropy));
	expect_log("warning: cannot read from entropy file %s: Is a directory\n", fixture_dir);
	entropy_free(entropy);
}

static void
empty_file_is_given_up(void **state)
{
	struct entropy *entropy = entropy_new("/dev/null", 32);

	(void)state;
	read_once(entropy);
	expect(0, 1);
	assert_false(entropy_has_more(entropy));
	expect_log("warning: cannot read from entropy file %s: Application error\n", "/dev/null");
	entropy_free(entropy);
}

static void
missing_file_is_read_when_it_is_there(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("file"));
	struct entropy *entropy = make("", path, 32);
	read_once(entropy);
	read_once(entropy);
	expect(0, 2);
	expect_log("exiting to reopen external entropy source %s\n", path);
	write_file(path, 3);
	read_once(entropy);
	turn();
	expect(1, 2);
	expect_log("external entropy source %s is available\n", path);
	assert_false(entropy_has_more(entropy));
	entropy_free(entropy);
}

static void
silent_pipe_for_a_file_is_given_up(void **state)
{
	char path[128];

	(void)state;
	strcpy(path, fixture_path("fifo"));
	assert_int_equal(mkfifo(path, 0600), 0);
	int writer = open(path, O_RDWR);
	struct entropy *entropy = make("", path, 32);
	read_once(entropy);
	turn();
	assert_int_equal(write(writer, "abc", 3), 3);
	turn();
	turn();
	expect(0, 0);
	fake_timer_fire(fake_timer(LIMIT));
	expect(0, 1);
	assert_false(entropy_has_more(entropy));
	expect_log("warning: cannot read from entropy file %s: Connection timed out\n", path);
	close(writer);
	entropy_free(entropy);
}

/* --- EGD servers --- */

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
		TEST(device_is_read_again_and_again),
		TEST(outage_is_told_once),
		TEST(silent_device_is_given_up_after_its_time),
		TEST(device_whose_name_is_gone_is_still_read),
		TEST(device_that_comes_back_is_opened_anew),
		TEST(file_is_read_once_whatever_its_size),
		TEST(unreadable_file_is_given_up),
		TEST(empty_file_is_given_up),
		TEST(missing_file_is_read_when_it_is_there),
		TEST(silent_pipe_for_a_file_is_given_up),
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
