/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/mastercf.h"
#include "master/listener.h"
#include "master/master_settings.h"
#include "master/trigger.h"
#include "util/err.h"
#include "util/fdio.h"

enum { PATIENCE_MS = 20000 };

struct world {
	char dir[32];
	int old_directory;
	struct event_base *base;
	struct mastercf *mastercf;
	const struct mastercf_entry *entry;
	struct listener listener;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	strcpy(w->dir, "/tmp/test_trigger.XXXXXX");
	w->old_directory = open(".", O_PATH | O_CLOEXEC);
	w->base = event_base_new();
	*state = w;
	return mkdtemp(w->dir) && chdir(w->dir) == 0 && mkdir("private", 0700) == 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	listener_release(&w->listener);
	mastercf_free(w->mastercf);
	event_base_free(w->base);
	unlink("private/woken");
	rmdir("private");
	if (fchdir(w->old_directory) < 0)
		return -1;
	close(w->old_directory);
	rmdir(w->dir);
	free(w);
	return 0;
}

/* The service that `line` of master.cf describes listens. */
static void
listen_as(struct world *w, const char *line)
{
	const struct mastercf_options options = { .default_process_limit = 1, .disabled = "" };
	char interfaces[] = "127.0.0.1", protocols[] = "ipv4";
	const struct master_settings settings = { .owner_uid = geteuid(),
		.owner_gid = getegid(),
		.default_process_limit = 1,
		.inet_interfaces = interfaces,
		.inet_protocols = protocols };
	struct err err = { 0 };

	w->mastercf = mastercf_parse("master.cf", line, strlen(line), &options, &err);
	if (!w->mastercf)
		fail_msg("%s", err.text);
	w->entry = mastercf_entry(w->mastercf, 0);
	if (listener_open(&w->listener, w->entry, &settings, &err) < 0)
		fail_msg("%s", err.text);
}

/* Wakes the service; the connection as it sees it. */
static int
woken(struct world *w)
{
	struct pollfd listening = { .fd = w->listener.fds[0], .events = POLLIN };
	struct err err = { 0 };

	if (trigger_send(w->base, w->entry, &w->listener, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(poll(&listening, 1, PATIENCE_MS), 1);
	int fd = accept4(w->listener.fds[0], NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void
is_the_message(int fd)
{
	char got[8];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	assert_int_equal(read(fd, got, sizeof got), 2);
	assert_memory_equal(got, "W", 2);
	/* Nothing more, and no end: that is for the service to make. */
	assert_int_equal(poll(&pfd, 1, 0), 0);
}

/* The loop has nothing left to wait for once the service has closed. */
static void
ends_with(struct world *w, int fd)
{
	close(fd);
	event_base_loop(w->base, 0);
	assert_int_equal(event_base_get_num_events(w->base, EVENT_BASE_COUNT_ADDED), 0);
}

/* One that was free a moment ago. */
static int
free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void
services_that_take_connections_find_the_message_there(void **state)
{
	struct world *w = *state;
	char inet[64];
	const char *const lines[] = { "woken unix - - n 60 1 x\n", inet };

	snprintf(inet, sizeof inet, "127.0.0.1:%d inet n - n 60 1 x\n", free_port());
	for (size_t i = 0; i < COUNT(lines); i++) {
		print_message("# %s", lines[i]);
		listen_as(w, lines[i]);
		int fd = woken(w);
		is_the_message(fd);
		ends_with(w, fd);
		listener_release(&w->listener);
		mastercf_free(w->mastercf);
		w->mastercf = NULL;
	}
}

static void
pass_service_gets_a_pipe_with_the_message(void **state)
{
	struct world *w = *state;
	int received;

	listen_as(w, "woken pass - - n 60 1 x\n");
	int fd = woken(w);
	assert_int_equal(fdio_receive_fd(fd, &received), 1);
	is_the_message(received);
	struct pollfd more = { .fd = fd, .events = POLLIN };
	assert_int_equal(poll(&more, 1, 0), 0);
	ends_with(w, fd);
	assert_int_equal(read(received, &(char){ 0 }, 1), 0);
	close(received);
}

static void
datagram_service_cannot_be_woken(void **state)
{
	struct world *w = *state;
	struct err err = { 0 };

	listen_as(w, "woken unix-dgram - - n 60 1 x\n");
	assert_int_equal(trigger_send(w->base, w->entry, &w->listener, &err), -1);
	assert_string_equal(err.text, "Operation not supported");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    services_that_take_connections_find_the_message_there, setup, teardown),
		cmocka_unit_test_setup_teardown(pass_service_gets_a_pipe_with_the_message, setup, teardown),
		cmocka_unit_test_setup_teardown(datagram_service_cannot_be_woken, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
