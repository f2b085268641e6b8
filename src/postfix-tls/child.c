/* SPDX-License-Identifier: ISC */
#include "postfix-tls/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"

extern char **environ;

enum { READ_STEP = 4096, OUTPUT_LIMIT = 1 << 20 };

/* A memory file needs no writer while the child runs, as a pipe would. */
static int
input_fd(const char *input, struct err *err)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd >= 0 && fdio_write_all(fd, input, strlen(input), -1) == 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	err_errno(err, "prepare standard input");
	fdio_close(&fd);
	return -1;
}

/* True while there may be more. */
static bool
take(int fd, struct buf *to)
{
	char piece[READ_STEP];
	ssize_t n = read(fd, piece, sizeof piece);

	if (n < 0)
		return errno == EINTR;
	if (n > 0 && to && to->len < OUTPUT_LIMIT)
		buf_add(to, piece, (size_t)n);
	return n > 0;
}

static void
take_all(int out, int errors, struct buf *to_out, struct buf *to_errors)
{
	struct pollfd fds[] = { { .fd = out, .events = POLLIN }, { .fd = errors, .events = POLLIN } };
	struct buf *const to[] = { to_out, to_errors };

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		for (int i = 0; i < 2; i++)
			if (fds[i].fd >= 0 && fds[i].revents && !take(fds[i].fd, to[i]))
				fds[i].fd = -1;
	}
}

static int
wait_status(pid_t pid, struct err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno(err, "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
child_run(const char *const *argv, const char *input, struct buf *out, struct buf *errors, struct err *err)
{
	int out_pipe[2] = { -1, -1 };
	int err_pipe[2] = { -1, -1 };
	int in = -1;
	int result = -1;
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	in = input_fd(input ? input : "", err);
	if (in < 0)
		goto out;
	if (pipe2(out_pipe, O_CLOEXEC) < 0 || pipe2(err_pipe, O_CLOEXEC) < 0) {
		err_errno(err, "pipe");
		goto out;
	}
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out_pipe[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, err_pipe[1], STDERR_FILENO);
	errno = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(const void *)argv, environ);
	if (errno) {
		err_errno(err, "run %s", argv[0]);
		goto out;
	}
	fdio_close(&out_pipe[1]);
	fdio_close(&err_pipe[1]);
	take_all(out_pipe[0], err_pipe[0], out, errors);
	result = wait_status(pid, err);
out:
	posix_spawn_file_actions_destroy(&actions);
	for (int i = 0; i < 2; i++) {
		fdio_close(&out_pipe[i]);
		fdio_close(&err_pipe[i]);
	}
	fdio_close(&in);
	return result;
}
