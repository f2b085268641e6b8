/* SPDX-License-Identifier: ISC */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"

enum { READ_STEP = 8192 };

static int
read_whole(const char *path, int flags, size_t limit, struct buf *to, struct err *err)
{
	size_t start = to->len;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);

	if (fd < 0)
		return err_errno(err, "open %s", path);
	for (;;) {
		char *at = buf_reserve(to, READ_STEP);
		ssize_t n = read(fd, at, READ_STEP);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_errno(err, "read %s", path);
			break;
		}
		if (n == 0) {
			fdio_close(&fd);
			return 0;
		}
		to->len += (size_t)n;
		buf_terminate(to);
		if (to->len - start > limit) {
			err_set(err, "read %s: file is larger than %zu bytes", path, limit);
			break;
		}
	}
	/* It may have been part of a key; and who gets nothing need not free it. */
	if (start == 0)
		buf_release_secret(to);
	else
		buf_truncate(to, start);
	fdio_close(&fd);
	return -1;
}

int
file_read(const char *path, size_t limit, struct buf *to, struct err *err)
{
	return read_whole(path, 0, limit, to, err);
}

int
file_read_at_once(const char *path, size_t limit, struct buf *to, struct err *err)
{
	return read_whole(path, O_NONBLOCK, limit, to, err);
}

/* Content, then mode, then flush: whoever sees the file sees all of it. */
static int
fill(int fd, const char *path, const void *bytes, size_t len, mode_t mode, struct err *err)
{
	if (fdio_write_all(fd, bytes, len, -1) < 0)
		return err_errno(err, "write %s", path);
	if (fchmod(fd, mode) < 0)
		return err_errno(err, "chmod %s", path);
	if (fsync(fd) < 0)
		return err_errno(err, "flush %s", path);
	return 0;
}

void
file_flush_directory(const char *path)
{
	char *copy = alloc_string(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	free(copy);
	/* The new name is in place whatever happens here, and some file systems cannot flush a directory. */
	if (fd >= 0 && fsync(fd) < 0)
		errno = 0;
	fdio_close(&fd);
}

int
file_create(const char *path, const void *bytes, size_t len, mode_t mode, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return err_errno(err, "create %s", path);
	if (fill(fd, path, bytes, len, mode, err) < 0) {
		fdio_close(&fd);
		unlink(path);
		return -1;
	}
	fdio_close(&fd);
	file_flush_directory(path);
	return 0;
}

int
file_lock(int fd, bool wait)
{
	for (;;) {
		if (flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) == 0)
			return 1;
		if (errno == EWOULDBLOCK && !wait)
			return 0;
		if (errno != EINTR)
			return -1;
	}
}

void
file_unlock(int fd)
{
	flock(fd, LOCK_UN);
}
