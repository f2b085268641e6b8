/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/err.h"
#include "util/fdio.h"

static void
a_passed_descriptor_arrives_close_on_exec(void **state)
{
	int pair[2], pipe_fds[2], got;
	struct stat sent, received;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(fdio_send_fd(pair[0], pipe_fds[1]), 0);
	assert_int_equal(fdio_receive_fd(pair[1], &got), 1);
	fstat(pipe_fds[1], &sent);
	fstat(got, &received);
	assert_true(sent.st_ino == received.st_ino);
	assert_int_equal(fcntl(got, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(got);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close(pair[0]);
	assert_int_equal(fdio_receive_fd(pair[1], &got), 0);
	assert_int_equal(got, -1);
	close(pair[1]);
}

/* Sends one byte with `count` descriptors, each a copy of stderr. */
static void
send_copies(int socket, size_t count)
{
	char marker = 'Z';
	struct iovec iov = { &marker, 1 };
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(3 * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		for (size_t i = 0; i < count; i++)
			memcpy(CMSG_DATA(header) + i * sizeof(int), &(int){ STDERR_FILENO }, sizeof(int));
	}
	assert_int_equal(sendmsg(socket, &message, 0), 1);
}

static void
anything_but_one_descriptor_is_refused_and_closed(void **state)
{
	static const struct {
		const char *name;
		size_t count;
		int result;
	} cases[] = { { "none", 0, -2 }, { "one, other marker", 1, 1 }, { "two", 2, -2 },
		{ "three", 3, -2 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int pair[2], got;
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		int before = dup(STDERR_FILENO);
		close(before);
		send_copies(pair[0], cases[i].count);
		CASE_IS(fdio_receive_fd(pair[1], &got) == cases[i].result, cases[i].name);
		CASE_IS((got >= 0) == (cases[i].result == 1), cases[i].name);
		fdio_close(&got);
		int after = dup(STDERR_FILENO);
		close(after);
		CASE_IS(before == after, cases[i].name); /* nothing has stayed open */
		close(pair[0]);
		close(pair[1]);
	}
}

static void
bytes_behind_the_marker_are_left_alone(void **state)
{
	int pair[2], got;
	char rest[8];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(fdio_set_nonblocking(pair[1], true), 0);
	assert_int_equal(fdio_receive_fd(pair[1], &got), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fdio_send_fd(pair[0], STDERR_FILENO), 0);
	assert_int_equal(fdio_write_all(pair[0], "rest", 4, 1), 0);
	assert_int_equal(fdio_receive_fd(pair[1], &got), 1);
	fdio_close(&got);
	assert_int_equal(read(pair[1], rest, sizeof rest), 4);
	close(pair[0]);
	close(pair[1]);
}

static void
write_gives_up_when_nobody_reads(void **state)
{
	static char much[1 << 20];
	int pair[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(fdio_set_nonblocking(pair[0], true), 0);
	assert_int_equal(fdio_write_all(pair[0], much, sizeof much, 0), -1);
	assert_int_equal(errno, ETIMEDOUT);
	close(pair[1]);
	assert_int_equal(fdio_write_all(pair[0], "x", 1, 0), -1);
	assert_int_equal(errno, EPIPE);
	close(pair[0]);
}

static void
connect_says_why_it_failed(void **state)
{
	char dir[] = "/tmp/test_fdio.XXXXXX", path[64], long_path[200];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/socket", dir);
	assert_int_equal(fdio_connect_unix(path, true, &err), -1);
	assert_int_equal(err.code, ENOENT);
	memset(long_path, 'x', sizeof long_path - 1);
	long_path[sizeof long_path - 1] = 0;
	assert_int_equal(fdio_connect_unix(long_path, true, &err), -1);
	assert_non_null(strstr(err.text, "unix-domain name too long: xxx"));

	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 0), 0);
	int first = fdio_connect_unix(path, false, &err);
	assert_true(first >= 0);
	assert_int_equal(fcntl(first, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fdio_connect_unix(path, false, &err), -1); /* the backlog is full: no waiting */
	assert_int_equal(err.code, EAGAIN);
	fdio_close(&first);
	assert_int_equal(first, -1);
	fdio_close(&first);
	close(listener);
	unlink(path);
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_passed_descriptor_arrives_close_on_exec),
		cmocka_unit_test(anything_but_one_descriptor_is_refused_and_closed),
		cmocka_unit_test(bytes_behind_the_marker_are_left_alone),
		cmocka_unit_test(write_gives_up_when_nobody_reads),
		cmocka_unit_test(connect_says_why_it_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
