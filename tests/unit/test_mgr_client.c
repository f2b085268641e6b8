/* SPDX-License-Identifier: ISC */
/* mgr_client: a tlsmgr that answers, closes, says something else, or says nothing. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "log_capture.h"

#include <event2/event.h>

#include "mail/tlsmgr_proto.h"
#include "tls/mgr_client.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/fdio.h"
#include "util/now.h"

static char dir[64];
static char *path;
static struct event_base *base;
static int listener = -1;

static struct {
	int calls;
	int none;
	int status;
	int timeout_s;
} answers;

static int
set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	strcpy(dir, "/tmp/test-mgr.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	path = alloc_printf("%s/tlsmgr", dir);
	base = event_base_new();
	log_capture_start();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	event_base_free(base);
	fdio_close(&listener);
	unlink(path);
	free(path);
	return rmdir(dir);
}

static void
listen_anew(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	fdio_close(&listener);
	unlink(path);
	strcpy(address.sun_path, path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 5), 0);
}

static struct mgr_client *
client_with_patience(int reply_ms)
{
	memset(&answers, 0, sizeof answers);
	log_capture_start();
	return mgr_client_new(base, &(struct mgr_client_settings){
					.path = path, .idle_s = 100, .ttl_s = 1000, .reply_ms = reply_ms });
}

static struct mgr_client *
client_new(void)
{
	return client_with_patience(300);
}

static void
on_reply(const void *list, size_t len, void *context)
{
	int cachable;

	(void)context;
	answers.calls++;
	if (!list)
		answers.none++;
	else
		assert_int_equal(tlsmgr_proto_get_policy(
				     list, len, "test", &answers.status, &cachable, &answers.timeout_s),
		    0);
}

static struct mgr_request *
ask(struct mgr_client *client)
{
	struct buf request = BUF_INIT;

	tlsmgr_proto_put_policy(&request, "smtpd");
	return mgr_client_ask(client, &request, on_reply, NULL);
}

static int
accept_client(void)
{
	int fd = -1;

	for (int i = 0; i < 100 && fd < 0; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
		if (fd < 0)
			event_base_loop(base, EVLOOP_ONCE);
	}
	assert_true(fd >= 0);
	return fd;
}

static void
send_buf(int fd, struct buf *list)
{
	assert_int_equal(write(fd, list->bytes, list->len), list->len);
	buf_clear(list);
}

static void
announce(int fd)
{
	struct buf list = BUF_INIT;

	tlsmgr_proto_put_announcement(&list);
	send_buf(fd, &list);
	buf_release(&list);
}

/* Takes the one request that is there. */
static void
expect_request(int fd)
{
	static const char expected[] = "request\0policy\0cache_type\0smtpd\0";
	char got[200];
	ssize_t len = -1;

	for (int i = 0; i < 1000 && len < 0; i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		len = read(fd, got, sizeof got);
	}
	assert_int_equal(len, sizeof expected);
	assert_memory_equal(got, expected, sizeof expected);
}

static void
reply(int fd, int timeout_s)
{
	struct buf list = BUF_INIT;

	tlsmgr_proto_reply_policy(&list, TLSMGR_PROTO_OK, 1, timeout_s);
	send_buf(fd, &list);
	buf_release(&list);
}

static void
serve(int fd, int timeout_s)
{
	expect_request(fd);
	reply(fd, timeout_s);
}

static void
wait_for_calls(int calls)
{
	for (int i = 0; i < 1000 && answers.calls < calls; i++)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(answers.calls, calls);
}

static void
requests_go_one_at_a_time(void **state)
{
	struct mgr_client *client;

	(void)state;
	listen_anew();
	client = client_new();
	ask(client);
	ask(client);

	int fd = accept_client();
	announce(fd);
	serve(fd, 100);
	wait_for_calls(1);
	assert_int_equal(answers.timeout_s, 100);
	serve(fd, 200);
	wait_for_calls(2);
	assert_int_equal(answers.timeout_s, 200);
	assert_true(mgr_client_is_up(client));
	assert_string_equal(log_capture.text, "");
	mgr_client_free(client);
	close(fd);
}

/* Who stores more than the server takes does not hold up who asks for longer than that. */
static void
what_nobody_waits_for_is_dropped_when_much_waits(void **state)
{
	enum { MANY = 100, EACH = 128 * 1024 };
	struct mgr_client *client;
	char *session = alloc_zero(EACH);
	int kept = 0;

	(void)state;
	listen_anew();
	client = client_new();
	for (int i = 0; i < MANY; i++) {
		struct buf request = BUF_INIT;

		tlsmgr_proto_put_update(&request, "smtp", "id", session, EACH);
		kept += mgr_client_ask(client, &request, NULL, NULL) != NULL;
		assert_int_equal(request.len, 0);
	}
	/* 4 MiB of them, in base64. */
	assert_in_range(kept, 20, 30);
	assert_non_null(ask(client));
	mgr_client_free(client);
	free(session);
}

static void
restart_between_requests_goes_unnoticed(void **state)
{
	struct mgr_client *client;

	(void)state;
	listen_anew();
	client = client_new();
	ask(client);
	int fd = accept_client();
	announce(fd);
	serve(fd, 100);
	wait_for_calls(1);
	close(fd);
	event_base_loop(base, EVLOOP_ONCE);
	ask(client);
	fd = accept_client();
	announce(fd);
	serve(fd, 300);
	wait_for_calls(2);
	assert_int_equal(answers.timeout_s, 300);
	assert_int_equal(answers.none, 0);
	assert_string_equal(log_capture.text, "");
	mgr_client_free(client);
	close(fd);
}

static void
request_survives_one_lost_connection(void **state)
{
	struct mgr_client *client;

	(void)state;
	listen_anew();
	client = client_with_patience(5000);
	ask(client);
	close(accept_client());
	int fd = accept_client();
	announce(fd);
	serve(fd, 100);
	wait_for_calls(1);
	assert_int_equal(answers.none, 0);
	mgr_client_free(client);
	close(fd);
}

static void
silent_server_is_given_up(void **state)
{
	struct mgr_client *client;

	(void)state;
	listen_anew();
	client = client_new();
	ask(client);
	ask(client);
	wait_for_calls(2);
	assert_int_equal(answers.none, 2);
	assert_false(mgr_client_is_up(client));
	assert_non_null(strstr(log_capture.text, "problem talking to server"));

	/* While it is down a request fails without being tried. */
	ask(client);
	assert_int_equal(answers.calls, 2);
	wait_for_calls(3);
	assert_int_equal(answers.none, 3);
	mgr_client_free(client);
}

static void
absent_server_is_given_up_after_two_attempts(void **state)
{
	struct mgr_client *client;

	(void)state;
	fdio_close(&listener);
	unlink(path);
	client = client_new();
	ask(client);
	assert_int_equal(answers.calls, 0);
	wait_for_calls(1);
	assert_int_equal(answers.none, 1);
	assert_false(mgr_client_is_up(client));

	int connects = 0;
	for (const char *at = log_capture.text; (at = strstr(at, "connect to ")) != NULL; at++)
		connects++;
	assert_int_equal(connects, 2);
	mgr_client_free(client);
}

/* Both attempts at a request fail when the server begins with these words. */
static void
fail_by_first_words(struct buf *words, const char *logged)
{
	struct mgr_client *client;

	listen_anew();
	client = client_with_patience(5000);
	ask(client);
	for (int i = 0; i < 2; i++) {
		int fd = accept_client();
		assert_int_equal(write(fd, words->bytes, words->len), words->len);
		for (int j = 0; j < 10; j++)
			event_base_loop(base, EVLOOP_NONBLOCK);
		close(fd);
	}
	wait_for_calls(1);
	assert_int_equal(answers.none, 1);
	assert_non_null(strstr(log_capture.text, logged));
	buf_release(words);
	mgr_client_free(client);
}

static void
wrong_announcement_is_no_tlsmgr(void **state)
{
	struct buf wrong = BUF_INIT;

	(void)state;
	buf_add(&wrong, "protocol\0other_protocol\0", 25);
	fail_by_first_words(&wrong, "unexpected protocol other_protocol from");
}

static void
cancelled_request_is_not_answered(void **state)
{
	struct mgr_client *client;

	(void)state;
	listen_anew();
	client = client_new();
	mgr_client_cancel(ask(client));
	ask(client);
	int fd = accept_client();
	announce(fd);
	serve(fd, 100);
	serve(fd, 200);
	wait_for_calls(1);
	assert_int_equal(answers.timeout_s, 200);
	mgr_client_free(client);
	close(fd);
}

/* A server that takes its time with each must not make the last of many wait for the sum. */
static void
time_spent_in_the_queue_counts(void **state)
{
	struct mgr_client *client;

	(void)state;
	listen_anew();
	now_set(1000000);
	client = client_with_patience(60 * 1000);
	ask(client);
	ask(client);
	int fd = accept_client();
	announce(fd);
	expect_request(fd);
	now_set(1000061);
	reply(fd, 100);
	for (int i = 0; i < 100 && answers.calls < 2; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(answers.calls, 2);
	assert_int_equal(answers.none, 1);
	assert_false(mgr_client_is_up(client));
	now_set(0);
	mgr_client_free(client);
	close(fd);
}

/* The second reply must not be taken for that to the next request. */
static void
words_out_of_turn_end_the_connection(void **state)
{
	struct mgr_client *client;
	struct buf twice = BUF_INIT;

	(void)state;
	listen_anew();
	client = client_new();
	ask(client);
	ask(client);
	int fd = accept_client();
	announce(fd);
	expect_request(fd);
	tlsmgr_proto_reply_policy(&twice, TLSMGR_PROTO_OK, 1, 100);
	tlsmgr_proto_reply_policy(&twice, TLSMGR_PROTO_OK, 1, 666);
	send_buf(fd, &twice);
	wait_for_calls(1);
	assert_int_equal(answers.timeout_s, 100);
	int next = accept_client();
	announce(next);
	serve(next, 200);
	wait_for_calls(2);
	assert_int_equal(answers.timeout_s, 200);
	assert_int_equal(answers.none, 0);
	buf_release(&twice);
	mgr_client_free(client);
	close(fd);
	close(next);
}

static void
server_that_talks_on_is_tried_twice(void **state)
{
	struct buf more = BUF_INIT;

	(void)state;
	tlsmgr_proto_put_announcement(&more);
	buf_add_str(&more, "and");
	fail_by_first_words(&more, "problem talking to server");
}

static void
reply_without_end_is_given_up(void **state)
{
	static char endless[65536];
	struct mgr_client *client;

	(void)state;
	memset(endless, 'x', sizeof endless);
	listen_anew();
	client = client_with_patience(60000); /* the size decides, not the time */
	ask(client);
	for (int i = 0; i < 2; i++) {
		size_t sent = 0;
		int fd = accept_client();
		announce(fd);
		expect_request(fd);
		for (;;) {
			ssize_t put = write(fd, endless, sizeof endless);

			if (put < 0 && errno != EAGAIN)
				break;
			sent += put > 0 ? (size_t)put : 0;
			event_base_loop(base, EVLOOP_NONBLOCK);
		}
		assert_in_range(sent, 4 << 20, 5 << 20);
		close(fd);
	}
	wait_for_calls(1);
	assert_int_equal(answers.none, 1);
	mgr_client_free(client);
}

static void
old_connection_is_replaced(void **state)
{
	struct mgr_client *client;

	(void)state;
	listen_anew();
	client = client_new();
	now_set(1000);
	ask(client);
	int fd = accept_client();
	announce(fd);
	serve(fd, 100);
	wait_for_calls(1);
	now_set(1000 + 1001);
	ask(client);
	int next = accept_client();
	announce(next);
	serve(next, 200);
	wait_for_calls(2);
	now_set(0);
	assert_int_equal(read(fd, &(char){ 0 }, 1), 0);
	mgr_client_free(client);
	close(fd);
	close(next);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_go_one_at_a_time),
		cmocka_unit_test(what_nobody_waits_for_is_dropped_when_much_waits),
		cmocka_unit_test(restart_between_requests_goes_unnoticed),
		cmocka_unit_test(request_survives_one_lost_connection),
		cmocka_unit_test(silent_server_is_given_up),
		cmocka_unit_test(absent_server_is_given_up_after_two_attempts),
		cmocka_unit_test(wrong_announcement_is_no_tlsmgr),
		cmocka_unit_test(cancelled_request_is_not_answered),
		cmocka_unit_test(time_spent_in_the_queue_counts),
		cmocka_unit_test(words_out_of_turn_end_the_connection),
		cmocka_unit_test(server_that_talks_on_is_tried_twice),
		cmocka_unit_test(reply_without_end_is_given_up),
		cmocka_unit_test(old_connection_is_replaced),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
