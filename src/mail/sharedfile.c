/* SPDX-License-Identifier: ISC */
#include "mail/sharedfile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/err.h"
#include "util/fdio.h"

int
sharedfile_open(const char *path, size_t size, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
	struct stat st;
	int code = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		err_errno(err, "open %s", path);
	else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		err_set(err, "%s: not a file of this user", path);
	else if (st.st_size != (off_t)size && (code = posix_fallocate(fd, 0, (off_t)size)) != 0)
		err_set(err, "%s: %s", path, strerror(code));
	else
		return fd;
	fdio_close(&fd);
	return -1;
}

static struct flock
part(short type, size_t at, size_t len)
{
	return (struct flock){
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)at,
		.l_len = (off_t)len,
	};
}

bool
sharedfile_share(int fd, size_t at, size_t len)
{
	struct flock lock = part(F_WRLCK, at, len);

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

void
sharedfile_give(int fd, size_t at, size_t len)
{
	struct flock lock = part(F_UNLCK, at, len);

	/* What is not given up now is so at the end of the process. */
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
		return;
}

bool
sharedfile_is_owned(int fd, size_t at, size_t len)
{
	/* For reading: whoever only reads the file may ask, too. */
	struct flock lock = part(F_RDLCK, at, len);

	return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
