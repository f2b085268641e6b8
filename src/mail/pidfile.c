/* SPDX-License-Identifier: ISC */
#include "mail/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/logical_line.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/file.h"
#include "util/text.h"

enum { COLUMNS = 32, CONTENT_LIMIT = 64, WRITE_TIMEOUT_S = 10 };

/* A regular file with one name, so that nobody leads us to write into something else. */
static int
open_safely(const char *path, int flags, struct err *err)
{
	struct stat st;
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd < 0)
		return err_errno(err, "open lock file %s", path);
	if (fstat(fd, &st) < 0)
		err_errno(err, "open lock file %s", path);
	else if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		err_set(err, "open lock file %s: not a regular file with a single link", path);
	else
		return fd;
	close(fd);
	return -1;
}

int
pidfile_lock(const char *path, struct err *err)
{
	int fd = open_safely(path, O_RDWR | O_CREAT, err);

	if (fd < 0)
		return -1;
	switch (file_lock(fd, false)) {
	case 1:
		return fd;
	case 0:
		errno = EAGAIN;
		break;
	default:
		break;
	}
	err_errno(err, "open lock file %s: unable to set exclusive lock", path);
	close(fd);
	return -1;
}

int
pidfile_write(int fd, pid_t pid, struct err *err)
{
	char text[CONTENT_LIMIT];
	int len = snprintf(text, sizeof text, "%*ld\n", COLUMNS, (long)pid);

	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    fdio_write_all(fd, text, (size_t)len, WRITE_TIMEOUT_S) < 0)
		return err_errno(err, "write lock file");
	return 0;
}

static pid_t
read_pid(int fd)
{
	char text[CONTENT_LIMIT];
	uint64_t number;
	ssize_t got = pread(fd, text, sizeof text - 1, 0);

	if (got <= 0)
		return 0;
	text[got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text_number(logical_line_trim(text), INT_MAX, &number) ? (pid_t)number : 0;
}

int
pidfile_holder(const char *path, pid_t *pid, struct err *err)
{
	int fd = open_safely(path, O_RDONLY, err);
	int locked;

	if (fd < 0)
		return err->code == ENOENT ? 0 : -1;
	locked = file_lock(fd, false);
	if (locked == 0 && pid)
		*pid = read_pid(fd);
	if (locked < 0)
		err_errno(err, "lock %s", path);
	close(fd);
	return locked < 0 ? -1 : !locked;
}
