/* SPDX-License-Identifier: ISC */
#include "mail/service_stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/fdio.h"
#include "util/log.h"

/* One piece. False at the end: nothing more to read, or nobody to take it. */
static bool
carry(int from, int to)
{
	char bytes[4096];
	ssize_t n = read(from, bytes, sizeof bytes);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	return n > 0 && fdio_write_all(to, bytes, (size_t)n, -1) == 0;
}

static void
carry_all(int socket)
{
	struct pollfd pfds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = socket, .events = POLLIN } };

	for (;;) {
		if (poll(pfds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (pfds[1].revents && !carry(socket, STDOUT_FILENO))
			return;
		if (pfds[0].revents && !carry(STDIN_FILENO, socket)) {
			shutdown(socket, SHUT_WR);
			pfds[0].fd = -1;
		}
	}
}

int
service_stdio_client(void)
{
	struct stat st;
	int pair[2];

	if (fstat(STDIN_FILENO, &st) == 0 && S_ISSOCK(st.st_mode)) {
		int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		if (fd < 0 || fdio_set_nonblocking(fd, true) < 0)
			log_fatal("stdin: %m");
		return fd;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		log_fatal("socketpair: %m");

	pid_t child = fork();
	if (child < 0)
		log_fatal("fork: %m");
	if (child == 0) {
		close(pair[0]);
		if (fdio_set_nonblocking(pair[1], true) < 0)
			log_fatal("socketpair: %m");
		return pair[1];
	}
	close(pair[1]);
	carry_all(pair[0]);
	close(pair[0]);

	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			_exit(1);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
