/* SPDX-License-Identifier: ISC */
#include "mail/opener_process.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/reader_rights.h"
#include "util/alloc.h"
#include "util/fdio.h"

enum { SOCKET = READER_RIGHTS_SOCKET };

/* As one, so that who waits for it is not woken for each half. */
struct message {
	struct opener_reply reply;
	char bytes[OPENER_FILE_LIMIT];
};

_Static_assert(offsetof(struct message, bytes) == sizeof(struct opener_reply), "without a gap");

static _Noreturn void
end(int status)
{
	_exit(status);
}

static struct opener_identity
identity_of(const struct stat *st)
{
	return (struct opener_identity){
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_s = st->st_mtim.tv_sec,
		.mtime_ns = st->st_mtim.tv_nsec,
		.ctime_s = st->st_ctim.tv_sec,
		.ctime_ns = st->st_ctim.tv_nsec,
	};
}

/* Opening comes first: only that asks the server of a network file system how the file is now. */
static int
open_regular(const char *name, struct stat *st, int *error)
{
	int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	*error = 0;
	if (fd < 0 || fstat(fd, st) < 0)
		*error = errno;
	else if (S_ISDIR(st->st_mode))
		*error = EISDIR;
	else if (!S_ISREG(st->st_mode))
		*error = EINVAL;
	else if (st->st_size > OPENER_FILE_LIMIT)
		*error = EFBIG;
	if (*error)
		fdio_close(&fd);
	return fd;
}

/* What is there now, up to `room` bytes; whoever writes meanwhile is noticed by the next look. */
static size_t
fill(int fd, char *bytes, size_t room, int *error)
{
	size_t len = 0;

	while (len < room) {
		ssize_t got = pread(fd, bytes + len, room - len, (off_t)len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			*error = errno;
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	return len;
}

static void
answer(const char *name, const struct opener_identity *known, struct message *message)
{
	struct opener_reply *reply = &message->reply;
	struct stat st;
	int error, fd = open_regular(name, &st, &error);

	*reply = (struct opener_reply){ 0 };
	if (error == 0 || error == EISDIR) {
		reply->identity = identity_of(&st);
		reply->same = memcmp(&reply->identity, known, sizeof *known) == 0;
	}
	if (fd >= 0 && !reply->same)
		reply->len = fill(fd, message->bytes, (size_t)st.st_size, &error);
	fdio_close(&fd);
	reply->error = error;
	if (error)
		reply->len = 0;
	if (fdio_write_all(SOCKET, message, sizeof *reply + reply->len, -1) < 0)
		end(0);
	alloc_wipe(message->bytes, reply->len);
}

static void
take_request(struct opener_request *request)
{
	size_t len = 0;

	while (len < sizeof *request) {
		ssize_t got = read(SOCKET, (char *)request + len, sizeof *request - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			end(0);
		len += (size_t)got;
	}
}

_Noreturn void
opener_process_run(int socket, pid_t parent, const char *const *names, size_t count)
{
	static struct message message;
	struct opener_request request;

	reader_rights_enter("opener", socket, parent);
	for (;;) {
		take_request(&request);
		if (request.file >= count)
			end(1);
		answer(names[request.file], &request.known, &message);
	}
}
