/* SPDX-License-Identifier: ISC */
#include "mail/maillog_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/maincf.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"

enum { MODE_DEFAULT = 0600, MODE_MAX = 0777 };

int
maillog_file_mode(struct maincf *cf, mode_t *mode, struct err *err)
{
	struct buf text = BUF_INIT;
	unsigned long number = MODE_DEFAULT;
	int result = 0;
	char *end;

	if (maincf_lookup(cf, "maillog_file_permissions", &text, err) < 0)
		result = -1;
	else if (text.len > 0) {
		number = strtoul(buf_str(&text), &end, 8);
		if (*end || number == 0 || number > MODE_MAX)
			result = err_set(err, "bad maillog_file_permissions value: %s", buf_str(&text));
	}
	buf_release(&text);
	*mode = (mode_t)number;
	return result;
}

int
maillog_file_open(const char *path, mode_t mode, struct err *err)
{
	int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY;
	int fd;

	if (strcmp(path, "/dev/stdout") == 0)
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	else
		fd = open(path, flags);
	if (fd < 0 && errno == ENOENT) {
		fd = open(path, flags | O_CREAT | O_EXCL, mode);
		/* The umask took some of it away. */
		if (fd >= 0 && fchmod(fd, mode) < 0) {
			fdio_close(&fd);
			return err_errno(err, "fchmod %s", path);
		}
		/* Somebody else may have made it meanwhile. */
		if (fd < 0 && errno == EEXIST)
			fd = open(path, flags);
	}
	return fd < 0 ? err_errno(err, "open logfile '%s'", path) : fd;
}
