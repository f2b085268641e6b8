/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log_capture.h"
#include "mail/service_pass.h"
#include "util/fdio.h"

/* What postscreen sends behind the descriptor. */
static const char attributes[] = "client_address\0"
				 "192.0.2.9\0client_port\0"
				 "4711\0";

struct world {
	struct event_base *base;
	int sender; /* the connection, as the client has it */
	int ours;   /* the client's own end of what is passed */
	int passed; /* the other end */
	int got;    /* what arrived; -1: nothing has */
};

static void
on_received(void *context, int fd)
{
	((struct world *)context)->got = fd;
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	int outer[2], inner[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, outer) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, inner) < 0)
		return -1;
	*w = (struct world){ event_base_new(), outer[0], inner[0], inner[1], -1 };
	fdio_set_nonblocking(outer[1], true);
	log_capture_start();
	service_pass_receive(w->base, outer[1], on_received, w);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	fdio_close(&w->sender);
	event_base_loop(w->base, EVLOOP_NONBLOCK);
	fdio_close(&w->got);
	fdio_close(&w->passed);
	fdio_close(&w->ours);
	event_base_free(w->base);
	free(w);
	return 0;
}

static void
turn(struct world *w)
{
	event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static void
pass(struct world *w)
{
	assert_int_equal(fdio_send_fd(w->sender, w->passed), 0);
	fdio_close(&w->passed);
}

static void
say(struct world *w, const char *bytes, size_t len)
{
	assert_int_equal(send(w->sender, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static bool
is_closed(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&pfd, 1, 0) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
}

/* Nothing was handed over, nothing is left open, and the log has this one line. */
static void
has_failed(struct world *w, const char *why)
{
	turn(w);
	assert_int_equal(w->got, -1);
	assert_int_equal(event_base_get_num_events(w->base, EVENT_BASE_COUNT_ADDED), 0);
	fdio_close(&w->passed);
	assert_true(is_closed(w->ours));
	assert_string_equal(log_capture.text, why);
}

static void
descriptor_is_handed_over_when_the_whole_list_has_come(void **state)
{
	struct world *w = *state;

	pass(w);
	turn(w);
	for (size_t i = 0; i < sizeof attributes; i++) {
		assert_int_equal(w->got, -1);
		say(w, attributes + i, 1);
		turn(w);
	}
	assert_true(w->got >= 0);
	assert_int_equal(fcntl(w->got, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fcntl(w->got, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_true(is_closed(w->sender));
	assert_int_equal(write(w->ours, "x", 1), 1);
	assert_int_equal(read(w->got, &(char){ 0 }, 1), 1);
	assert_int_equal(log_capture.lines, 0);
}

static void
list_may_come_in_one_breath_and_be_empty(void **state)
{
	struct world *w = *state;

	pass(w);
	say(w, "", 1);
	shutdown(w->sender, SHUT_WR);
	turn(w);
	turn(w);
	assert_true(w->got >= 0);
	assert_int_equal(log_capture.lines, 0);
}

static void
end_before_the_descriptor_is_a_failure(void **state)
{
	struct world *w = *state;

	shutdown(w->sender, SHUT_WR);
	has_failed(w, "warning: pass_accept_attr: cannot receive file descriptor: end of file\n");
}

static void
byte_without_a_descriptor_is_a_failure(void **state)
{
	struct world *w = *state;

	say(w, "W", 2);
	has_failed(w,
	    "warning: pass_accept_attr: cannot receive file descriptor: no descriptor came with the data\n");
}

static void
end_within_the_list_is_a_failure(void **state)
{
	struct world *w = *state;

	pass(w);
	say(w, attributes, sizeof attributes - 1);
	shutdown(w->sender, SHUT_WR);
	turn(w);
	turn(w);
	has_failed(w, "warning: pass_accept_attr: cannot receive connection attributes: end of file\n");
}

static void
endless_list_is_a_failure(void **state)
{
	struct world *w = *state;
	char block[4096];

	memset(block, 'x', sizeof block);
	pass(w);
	for (int i = 0; i < 100 && !log_capture.lines; i++) {
		if (send(w->sender, block, sizeof block, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		turn(w);
	}
	has_failed(
	    w, "warning: pass_accept_attr: cannot receive connection attributes: longer than 65536 bytes\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    descriptor_is_handed_over_when_the_whole_list_has_come, setup, teardown),
		cmocka_unit_test_setup_teardown(list_may_come_in_one_breath_and_be_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(end_before_the_descriptor_is_a_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(byte_without_a_descriptor_is_a_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(end_within_the_list_is_a_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(endless_list_is_a_failure, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
