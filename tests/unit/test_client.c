/* SPDX-License-Identifier: ISC */
/* client: requests cut anywhere, requests in one piece, clients that wait for each other for nothing. */
#include "tlsmgr_fixture.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "mail/service.h"
#include "mail/tlsmgr_proto.h"
#include "tlsmgr/client.h"
#include "tlsmgr/location.h"
#include "tlsmgr/mgr_request.h"
#include "tlsmgr/scache.h"
#include "tlsmgr/statistics.h"
#include "tlsmgr/ticketkeys.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/fdio.h"

static struct event_base *base;
static int used, gone;

/* --- a service that only counts --- */

struct event_base *
service_base(struct service *service)
{
	(void)service;
	return base;
}

bool
service_is_stand_alone(const struct service *service)
{
	(void)service;
	return false;
}

void
service_used(struct service *service)
{
	(void)service;
	used++;
}

void
service_client_gone(struct service *service)
{
	(void)service;
	gone++;
}

/* --- the world --- */

static struct statistics statistics;
static struct mgr_request_env env = { .stream = "tlsmgr socket", .statistics = &statistics };
static struct client_set *set;

static int
set_up(void **state)
{
	static const char *const labels[] = { "smtpd", "smtp", "lmtp" };
	static struct location location = { fixture_dir, "postfix" };

	if (fixture_setup(state) != 0)
		return -1;
	base = event_base_new();
	used = gone = 0;
	statistics_init(&statistics);
	for (int i = 0; i < MGR_REQUEST_CACHES; i++) {
		struct scache_config config = { .label = labels[i],
			.database = i == 0 ? "internal:x" : "",
			.default_type = "hash",
			.timeout_s = 3600,
			.location = &location };

		env.caches[i] = scache_new(&config);
		if (scache_is_enabled(env.caches[i]))
			scache_tend(env.caches[i]);
	}
	env.keys = ticketkeys_new(3600);
	set = client_set_new(NULL, &env, 10000);
	return 0;
}

static int
tear_down(void **state)
{
	client_set_free(set);
	for (int i = 0; i < MGR_REQUEST_CACHES; i++)
		scache_free(env.caches[i]);
	ticketkeys_free(env.keys);
	event_base_free(base);
	return fixture_teardown(state);
}

static void
turn(void)
{
	event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* What has come for a client; false at its end of file. */
static bool
collect(int fd, struct buf *to)
{
	ssize_t got;

	while ((got = read(fd, buf_reserve(to, 65536), 65536)) > 0) {
		to->len += (size_t)got;
		buf_terminate(to);
	}
	return got < 0;
}

/* A connection whose announcement has been read. */
static int
connect_client(void)
{
	static const char announcement[] = "protocol\0tlsmgr_protocol\0";
	struct buf got = BUF_INIT;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	client_start(set, pair[1]);
	assert_true(collect(pair[0], &got));
	assert_int_equal(got.len, sizeof announcement);
	assert_memory_equal(got.bytes, announcement, sizeof announcement);
	buf_release(&got);
	return pair[0];
}

static void
disconnect(int fd)
{
	int before = gone;

	close(fd);
	turn();
	assert_int_equal(gone, before + 1);
}

static void
send_all(int fd, const void *bytes, size_t len)
{
	assert_int_equal(write(fd, bytes, len), len);
}

static void
put_policies(struct buf *to, int count)
{
	for (int i = 0; i < count; i++)
		tlsmgr_proto_put_policy(to, "smtpd");
}

/* --- tests --- */

static void
pieces_of_any_size_give_the_same_replies(void **state)
{
	static const char bad[] = "request\0delete\0cache_type\0smtpd\0", unknown[] = "request\0new\0a\0b\0";
	struct buf requests = BUF_INIT, wanted = BUF_INIT;

	(void)state;
	tlsmgr_proto_put_update(&requests, "smtpd", "id", "session", 7);
	buf_add(&requests, bad, sizeof bad);
	tlsmgr_proto_put_lookup(&requests, "smtpd", "id");
	buf_add(&requests, unknown, sizeof unknown);
	tlsmgr_proto_put_delete(&requests, "smtp", "id");
	put_policies(&requests, 1);
	tlsmgr_proto_reply_status(&wanted, TLSMGR_PROTO_OK);
	tlsmgr_proto_reply_status(&wanted, TLSMGR_PROTO_FAIL);
	tlsmgr_proto_reply_data(&wanted, TLSMGR_PROTO_OK, TLSMGR_PROTO_SESSION, "session", 7);
	tlsmgr_proto_reply_status(&wanted, TLSMGR_PROTO_FAIL);
	tlsmgr_proto_reply_status(&wanted, TLSMGR_PROTO_FAIL);
	tlsmgr_proto_reply_policy(&wanted, TLSMGR_PROTO_OK, 1, 3600);
	for (size_t size = 1; size <= requests.len; size++) {
		struct buf got = BUF_INIT;
		int fd = connect_client();

		for (size_t at = 0; at < requests.len; at += size) {
			size_t left = requests.len - at;

			send_all(fd, requests.bytes + at, left < size ? left : size);
			turn();
		}
		assert_true(collect(fd, &got));
		assert_int_equal(got.len, wanted.len);
		assert_memory_equal(got.bytes, wanted.bytes, wanted.len);
		disconnect(fd);
		buf_release(&got);
	}
	buf_release(&requests);
	buf_release(&wanted);
}

static void
one_that_sends_much_waits_for_others(void **state)
{
	struct buf many = BUF_INIT, one = BUF_INIT, got_many = BUF_INIT, got_one = BUF_INIT;

	(void)state;
	put_policies(&many, 400);
	put_policies(&one, 1);
	int flood = connect_client(), other = connect_client();
	send_all(flood, many.bytes, many.len);
	turn();
	send_all(other, one.bytes, one.len);
	turn();
	collect(flood, &got_many);
	collect(other, &got_one);
	size_t reply = got_one.len;
	assert_true(reply > 0);
	assert_in_range(got_many.len, 2 * reply, 100 * reply);
	for (int i = 0; i < 100; i++)
		turn();
	collect(flood, &got_many);
	assert_int_equal(got_many.len, 400 * reply);
	disconnect(flood);
	disconnect(other);
	buf_release(&many);
	buf_release(&one);
	buf_release(&got_many);
	buf_release(&got_one);
}

static void
reply_that_is_not_read_stops_its_client_only(void **state)
{
	static const char session[1000000];
	struct buf request = BUF_INIT, one = BUF_INIT, got = BUF_INIT, got_one = BUF_INIT;

	(void)state;
	scache_update(env.caches[0], "long", session, sizeof session);
	for (int i = 0; i < 3; i++)
		tlsmgr_proto_put_lookup(&request, "smtpd", "long");
	put_policies(&one, 1);
	int slow = connect_client(), other = connect_client();
	send_all(slow, request.bytes, request.len);
	send_all(other, one.bytes, one.len);
	turn();
	collect(other, &got_one);
	assert_true(got_one.len > 0);
	assert_int_equal(statistics.requests[STATISTICS_LOOKUP][0], 1);
	for (int i = 0; i < 1000 && statistics.requests[STATISTICS_LOOKUP][0] < 3; i++) {
		collect(slow, &got);
		turn();
	}
	for (int i = 0; i < 100; i++) {
		collect(slow, &got);
		turn();
	}
	assert_in_range(got.len, 4000000, 4000100);
	disconnect(slow);
	disconnect(other);
	buf_release(&request);
	buf_release(&one);
	buf_release(&got);
	buf_release(&got_one);
}

static void
wakeup_behind_requests_ends_behind_their_replies(void **state)
{
	struct buf requests = BUF_INIT, got = BUF_INIT;

	(void)state;
	put_policies(&requests, 3);
	buf_add(&requests, "W", 2);
	int fd = connect_client();
	send_all(fd, requests.bytes, requests.len);
	turn();
	assert_false(collect(fd, &got));
	assert_int_equal(got.len, 3 * sizeof "status\0000\0cachable\0001\0timeout\0003600\0");
	assert_int_equal(gone, 1);
	close(fd);
	buf_release(&requests);
	buf_release(&got);
}

static void
idle_client_has_no_timer(void **state)
{
	struct buf requests = BUF_INIT, got = BUF_INIT;

	(void)state;
	put_policies(&requests, 1);
	int fd = connect_client();
	int events = event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED);
	send_all(fd, requests.bytes, 10);
	turn();
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), events + 1);
	send_all(fd, requests.bytes + 10, requests.len - 10);
	turn();
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), events);
	assert_int_equal(used, 1);
	disconnect(fd);
	buf_release(&requests);
	buf_release(&got);
}

/* Each holds what one client may; together that would be more than what all may. */
static void
unfinished_requests_of_many_are_bounded(void **state)
{
	enum { CLIENTS = 26, PART = 3 * 1024 * 1024 };
	static char part[PART];
	static int fds[CLIENTS];
	struct buf one = BUF_INIT, got = BUF_INIT;
	int alive = 0;

	(void)state;
	signal(SIGPIPE, SIG_IGN); /* like a service */
	memset(part, 'A', sizeof part);
	tlsmgr_proto_put_update(&one, "smtpd", "id", "x", 1);
	memcpy(part, one.bytes, one.len - 6);
	int small = connect_client();
	send_all(small, one.bytes, 20);
	turn();
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = connect_client();
		for (size_t at = 0; at < sizeof part;) {
			ssize_t put = write(fds[i], part + at, sizeof part - at);

			if (put < 0 && errno == EPIPE)
				break;
			at += put > 0 ? (size_t)put : 0;
			turn();
		}
	}
	for (int i = 0; i < CLIENTS; i++)
		alive += collect(fds[i], &got);
	assert_in_range(alive, 4, 64 * 1024 * 1024 / PART);
	/* The latest is among them, and nobody who holds little has to go. */
	assert_true(collect(fds[CLIENTS - 1], &got));
	send_all(small, one.bytes + 20, one.len - 20);
	turn();
	assert_true(collect(small, &got));
	assert_true(got.len > 0);
	disconnect(small);
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	for (int i = 0; i < CLIENTS && statistics.clients > 0; i++)
		turn();
	assert_int_equal(statistics.clients, 0);
	buf_release(&one);
	buf_release(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pieces_of_any_size_give_the_same_replies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_sends_much_waits_for_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    reply_that_is_not_read_stops_its_client_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    wakeup_behind_requests_ends_behind_their_replies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unfinished_requests_of_many_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(idle_client_has_no_timer, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
