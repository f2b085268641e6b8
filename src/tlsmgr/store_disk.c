/* SPDX-License-Identifier: ISC */
#include "tlsmgr/store_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tlsmgr/foreign.h"
#include "tlsmgr/store.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/file.h"
#include "util/log.h"
#include "util/siphash.h"
#include "util/text.h"

/*
 * Both libraries describe the file in the first few hundred bytes of the first page and leave the rest of
 * that page alone: Berkeley DB writes back what it read, LMDB never writes there.
 */
enum { MARK_AT = 1024, OWNER_LEN = 96 };

static const char magic[16] = "sealpost store";

/* Read only by the program that wrote it, on the machine that it ran on. */
struct mark {
	char magic[16];
	char owner[OWNER_LEN];
	uint64_t pages_len, tail_len; /* one behind the other, nothing else in the file */
	int64_t mtime_s, mtime_ns;    /* of the file; another program that wrote to it changed that */
	uint64_t tail_sum, sum;       /* the latter of all before it */
};

_Static_assert(MARK_AT + sizeof(struct mark) <= STORE_DISK_PAGE, "the mark lies in the first page");

/* Against accidents, so the key is no secret. */
static uint64_t
sum_of(const void *bytes, size_t len)
{
	static const unsigned char key[SIPHASH_KEY_LEN];

	return siphash(key, bytes, len);
}

static bool
read_mark(const struct store_disk *file, const struct stat *st, struct mark *mark)
{
	return pread(file->fd, mark, sizeof *mark, MARK_AT) == (ssize_t)sizeof *mark &&
	       memcmp(mark->magic, magic, sizeof magic) == 0 &&
	       mark->sum == sum_of(mark, offsetof(struct mark, sum)) &&
	       memchr(mark->owner, 0, sizeof mark->owner) != NULL && file->owner[0] &&
	       strcmp(mark->owner, file->owner) == 0 && mark->pages_len <= (uint64_t)st->st_size &&
	       mark->tail_len == (uint64_t)st->st_size - mark->pages_len &&
	       mark->tail_len <= mark->pages_len && mark->mtime_s == st->st_mtim.tv_sec &&
	       mark->mtime_ns == st->st_mtim.tv_nsec;
}

static bool
read_tail(struct store_disk *file, const struct mark *mark)
{
	char *to = buf_reserve(&file->tail, mark->tail_len);
	size_t got = 0;

	while (got < mark->tail_len) {
		ssize_t n = pread(file->fd, to + got, mark->tail_len - got, (off_t)(mark->pages_len + got));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	file->tail.len = got;
	buf_terminate(&file->tail);
	return sum_of(file->tail.bytes, file->tail.len) == mark->tail_sum;
}

/* From here on a process that dies leaves a file that will be emptied. */
static bool
take_mark_off(const struct store_disk *file, const struct mark *mark)
{
	static const struct mark none;

	return pwrite(file->fd, &none, sizeof none, MARK_AT) == (ssize_t)sizeof none &&
	       ftruncate(file->fd, (off_t)mark->pages_len) == 0;
}

static int
lock(struct store_disk *file, const struct store_config *config, struct stat *st, struct err *err)
{
	fdio_close(&file->fd);
	file->fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (file->fd < 0 || fstat(file->fd, st) < 0)
		return err_errno(err, "open database %s", file->shown);
	if (!S_ISREG(st->st_mode))
		return err_set(err, "open database %s: not a regular file", file->shown);

	int rc = file_lock(file->fd, false);
	if (rc == 0)
		errno = EAGAIN;
	if (rc <= 0)
		return err_errno(err, "%s:%s: unable to get exclusive lock", config->type, config->shown);
	/* What the last owner did before he let go. */
	if (fstat(file->fd, st) < 0)
		return err_errno(err, "open database %s", file->shown);
	return 0;
}

/*
 * ext4 takes a file that was truncated and then closed for one that is being replaced, and starts to write
 * all of it to the disk as it is closed. An early close has nothing to write.
 */
static void
forget_truncation(const struct store_disk *file)
{
	int fd = open(file->path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	fdio_close(&fd);
}

/* Nobody but the user of this process may have written it. A symbolic link is an administrator's and stays.
 */
static bool
is_own_name(const struct store_disk *file, const struct stat *st)
{
	struct stat named;

	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH)) &&
	       lstat(file->path, &named) == 0 && named.st_dev == st->st_dev && named.st_ino == st->st_ino;
}

/* The name goes at once: whatever happens, no second file is left behind. */
static bool
set_aside(struct store_disk *file, const struct stat *st)
{
	int fd = is_own_name(file, st) ? fcntl(file->fd, F_DUPFD_CLOEXEC, 0) : -1;

	if (fd < 0)
		return false;
	file->foreign = foreign_new(fd);
	if (file->foreign && unlink(file->path) == 0)
		return true;
	if (!file->foreign)
		fdio_close(&fd);
	foreign_free(file->foreign);
	file->foreign = NULL;
	return false;
}

int
store_disk_open(
    struct store_disk *file, const struct store_config *config, const char *suffix, struct err *err)
{
	struct mark mark;
	struct stat st;

	*file = (struct store_disk){
		.path = alloc_printf("%s%s", config->path, suffix),
		.shown = alloc_printf("%s%s", config->shown, suffix),
		.owner =
		    config->boot[0] ? alloc_printf("%s %s", config->type, config->boot) : alloc_string(""),
		.fd = -1,
	};
	if (lock(file, config, &st, err) < 0) {
		/* Nobody else's file is touched. */
		fdio_close(&file->fd);
		return -1;
	}
	file->kept = read_mark(file, &st, &mark) && read_tail(file, &mark) && take_mark_off(file, &mark);
	if (file->kept || st.st_size == 0)
		return 0;
	if (set_aside(file, &st)) {
		if (lock(file, config, &st, err) < 0) {
			fdio_close(&file->fd);
			return -1;
		}
		if (st.st_size == 0)
			return 0;
	}
	if (store_disk_empty(file, err) < 0)
		return -1;
	forget_truncation(file);
	return 0;
}

int
store_disk_empty(struct store_disk *file, struct err *err)
{
	file->kept = false;
	buf_clear(&file->tail);
	return ftruncate(file->fd, 0) == 0 ? 0 : err_errno(err, "open database %s", file->shown);
}

bool
store_disk_is(const struct store_disk *file, int fd)
{
	struct stat locked, opened;

	return fstat(file->fd, &locked) == 0 && fstat(fd, &opened) == 0 && locked.st_dev == opened.st_dev &&
	       locked.st_ino == opened.st_ino;
}

struct foreign *
store_disk_take_foreign(struct store_disk *file)
{
	struct foreign *foreign = file->foreign;

	file->foreign = NULL;
	return foreign;
}

uint64_t
store_disk_bytes(const struct store_disk *file)
{
	struct stat st;

	return fstat(file->fd, &st) < 0 ? 0 : (uint64_t)st.st_blocks * 512;
}

static bool
write_at(int fd, const char *bytes, size_t len, off_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, bytes, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
		at += n;
	}
	return true;
}

static bool
put_mark_on(const struct store_disk *file, const struct buf *tail)
{
	struct mark mark;
	struct stat st;

	if (!file->owner[0] || strlen(file->owner) >= OWNER_LEN || fstat(file->fd, &st) < 0 ||
	    st.st_size < STORE_DISK_PAGE)
		return false;
	/* The sum covers padding, too. */
	memset(&mark, 0, sizeof mark);
	memcpy(mark.magic, magic, sizeof magic);
	strcpy(mark.owner, file->owner);
	mark.pages_len = (uint64_t)st.st_size;
	mark.tail_len = tail->len;
	mark.tail_sum = sum_of(buf_str(tail), tail->len);
	if (!write_at(file->fd, buf_str(tail), tail->len, st.st_size) || fstat(file->fd, &st) < 0)
		return false;
	mark.mtime_s = st.st_mtim.tv_sec;
	mark.mtime_ns = st.st_mtim.tv_nsec;
	mark.sum = sum_of(&mark, offsetof(struct mark, sum));

	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, st.st_mtim };
	return write_at(file->fd, (const char *)&mark, sizeof mark, MARK_AT) &&
	       futimens(file->fd, times) == 0;
}

void
store_disk_keep(struct store_disk *file, const struct buf *tail)
{
	if (!put_mark_on(file, tail))
		store_disk_drop(file);
}

void
store_disk_drop(struct store_disk *file)
{
	struct err err;

	if (file->fd >= 0 && store_disk_empty(file, &err) < 0)
		log_debug("%s", err.text);
}

void
store_disk_release(struct store_disk *file)
{
	fdio_close(&file->fd);
	foreign_free(file->foreign);
	buf_release(&file->tail);
	free(file->owner);
	free(file->shown);
	free(file->path);
	*file = (struct store_disk){ .fd = -1 };
}
