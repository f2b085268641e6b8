/* SPDX-License-Identifier: ISC */
#include "mail/config_read.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"

enum {
	READ_STEP = 65536,
	TIMES_TRIED = 250,
	PAUSE_NS = 20000000,
	/* The clock of files moves in steps, some milliseconds wide; and who writes may be kept waiting. */
	SETTLED_MS = 1000,
};

static int
read_all(int fd, size_t limit, struct buf *to)
{
	size_t start = to->len;
	ssize_t got;

	do {
		got = read(fd, buf_reserve(to, READ_STEP), READ_STEP);
		if (got > 0) {
			to->len += (size_t)got;
			buf_terminate(to);
		}
		if (to->len - start > limit) {
			errno = EFBIG;
			return -1;
		}
	} while (got > 0 || (got < 0 && errno == EINTR));
	return got < 0 ? -1 : 0;
}

/* A lease to read, which the kernel grants when nobody has the file open for writing. Who wants to write then
 * waits until it is given back, and we would be told by a signal, which is to be one that does nothing. */
static bool
is_leased(int fd)
{
	return fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
}

static bool
is_settled(const struct stat *st)
{
	struct timespec now;
	int64_t age_ms;

	clock_gettime(CLOCK_REALTIME, &now);
	age_ms =
	    ((int64_t)now.tv_sec - st->st_mtim.tv_sec) * 1000 + (now.tv_nsec - st->st_mtim.tv_nsec) / 1000000;
	/* A file of the future has another clock. */
	return age_ms < 0 || age_ms >= SETTLED_MS;
}

static bool
is_same(const struct stat *before, const struct stat *after)
{
	return before->st_size == after->st_size && before->st_mtim.tv_sec == after->st_mtim.tv_sec &&
	       before->st_mtim.tv_nsec == after->st_mtim.tv_nsec;
}

/* 1: read whole. 0: somebody is writing it. -1: errno. */
static int
read_stable(int fd, size_t limit, struct buf *to)
{
	struct stat before, after;
	bool leased;

	if (fstat(fd, &before) < 0)
		return -1;
	leased = S_ISREG(before.st_mode) && is_leased(fd);
	if (S_ISREG(before.st_mode) && !leased && !is_settled(&before))
		return 0;
	if (read_all(fd, limit, to) < 0 || fstat(fd, &after) < 0)
		return -1;
	return leased || !S_ISREG(before.st_mode) || is_same(&before, &after);
}

static int
read_once(const char *path, size_t limit, struct buf *to, struct err *err)
{
	/* Not to wait for the writer of a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int result;

	if (fd < 0)
		return err_errno(err, "open %s", path);
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) {
		fdio_close(&fd);
		return err_set(err, "open %s: this is a FIFO, not a file", path);
	}
	result = read_stable(fd, limit, to);
	if (result < 0)
		err_errno(err, "read %s", path);
	fdio_close(&fd);
	return result;
}

int
config_read(const char *path, size_t limit, struct buf *to, struct err *err)
{
	size_t start = to->len;
	int result = 0;

	for (int i = 0; result == 0 && i < TIMES_TRIED; i++) {
		if (i > 0)
			nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
		result = read_once(path, limit, to, err);
		if (result != 1)
			buf_truncate(to, start);
	}
	if (result == 0)
		return err_set(err, "file %s keeps changing", path);
	return result < 0 ? -1 : 0;
}
