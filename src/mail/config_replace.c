/* SPDX-License-Identifier: ISC */
#include "mail/config_replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/config_read.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/file.h"
#include "util/log.h"

enum { BIGGEST_FILE = 256 << 20, WRITE_TIMEOUT_S = 60 };

/* True when the descriptor is still what the name stands for, and nobody but us can have prepared it. */
static bool
is_ours(int fd, const char *path, bool *is_odd)
{
	struct stat open_one, named;

	*is_odd = false;
	if (fstat(fd, &open_one) < 0 || lstat(path, &named) < 0 || open_one.st_dev != named.st_dev ||
	    open_one.st_ino != named.st_ino)
		return false;
	*is_odd = !S_ISREG(open_one.st_mode) || open_one.st_nlink != 1 || (open_one.st_mode & 07777) != 0600;
	return !*is_odd;
}

/* The temporary file, locked, empty and ours. Postfix's own editor does the same with the same name. */
static int
open_temporary(const char *path, struct err *err)
{
	for (;;) {
		bool is_odd;
		int fd =
		    open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);

		if (fd < 0)
			return err_errno(err, "open %s", path);
		if (file_lock(fd, true) < 0) {
			err_errno(err, "lock %s", path);
			fdio_close(&fd);
			return -1;
		}
		if (is_ours(fd, path, &is_odd) && ftruncate(fd, 0) == 0)
			return fd;
		if (is_odd && unlink(path) < 0 && errno != ENOENT) {
			err_errno(err, "remove %s", path);
			fdio_close(&fd);
			return -1;
		}
		fdio_close(&fd);
	}
}

/* As the old file is, or as Postfix would have it. */
static int
set_attributes(int fd, const struct stat *old)
{
	if (!old)
		return fchmod(fd, 0644);
	if ((old->st_uid != geteuid() || old->st_gid != getegid()) &&
	    fchown(fd, old->st_uid, old->st_gid) < 0)
		return -1;
	return fchmod(fd, old->st_mode & 0777);
}

static int
write_and_rename(int fd, const char *temporary, const char *path, const struct stat *old,
    const struct buf *text, struct err *err)
{
	if (fdio_write_all(fd, buf_str(text), text->len, WRITE_TIMEOUT_S) < 0 ||
	    set_attributes(fd, old) < 0 || fsync(fd) < 0 || rename(temporary, path) < 0)
		return err_errno(err, "close %s", temporary);
	file_flush_directory(path);
	return 0;
}

/* What one replacement is about. */
struct replacement {
	const struct config_replace_expected *expected; /* borrowed; may be NULL */
	config_replace_fn change;
	void *context;
};

/* With `temporary` locked. */
static int
replace_locked(const struct replacement *it, int fd, const char *temporary, const char *path, struct err *err)
{
	const struct config_replace_expected *expected = it->expected;
	struct buf old = BUF_INIT, new = BUF_INIT;
	struct stat st;
	int result = -1;

	if (access(path, R_OK) < 0 || stat(path, &st) < 0)
		err_errno(err, "open %s for reading", path);
	else if (config_read(path, BIGGEST_FILE, &old, err) < 0)
		;
	else if (expected != NULL &&
		 (old.len != expected->len || memcmp(buf_str(&old), expected->bytes, old.len) != 0))
		err_set(err, "%s was changed by somebody else meanwhile; try again", path);
	else if (it->change(&old, &new, it->context, err) == 0)
		result = write_and_rename(fd, temporary, path, expected != NULL ? &st : NULL, &new, err);
	buf_release(&old);
	buf_release(&new);
	return result;
}

/* Replaces `path` under the lock of its own temporary file. */
static int
replace_file(const struct replacement *it, const char *path, struct err *err)
{
	char *temporary = alloc_printf("%s.tmp", path);
	int fd = open_temporary(temporary, err);
	int result = -1;

	if (fd >= 0) {
		result = replace_locked(it, fd, temporary, path, err);
		/* Under the lock, so that it is not somebody else's by now. */
		if (result < 0 && unlink(temporary) < 0)
			log_warn("remove %s: %s", temporary, strerror(errno));
		fdio_close(&fd);
	}
	free(temporary);
	return result;
}

/* Other editors know the link only: they are kept out by its lock. */
static int
replace_target(const struct replacement *it, const char *link, const char *target, struct err *err)
{
	char *temporary = alloc_printf("%s.tmp", link);
	int fd = open_temporary(temporary, err);
	int result = -1;

	if (fd >= 0) {
		result = replace_file(it, target, err);
		if (unlink(temporary) < 0)
			log_warn("remove %s: %s", temporary, strerror(errno));
		fdio_close(&fd);
	}
	free(temporary);
	return result;
}

int
config_replace(const char *path, const struct config_replace_expected *expected, config_replace_fn change,
    void *context, struct err *err)
{
	const struct replacement it = { expected, change, context };
	char *target = NULL;
	struct stat st;
	int result;

	if (expected != NULL && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		target = realpath(path, NULL);
	if (target != NULL)
		result = replace_target(&it, path, target, err);
	else
		result = replace_file(&it, path, err);
	free(target);
	return result;
}
