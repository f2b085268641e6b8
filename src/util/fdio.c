/* SPDX-License-Identifier: ISC */
#include "util/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/err.h"

int
fdio_set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return wanted == flags ? 0 : fcntl(fd, F_SETFL, wanted);
}

int
fdio_set_cloexec(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0)
		return -1;
	return fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC);
}

void
fdio_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

/* 0: writable (or in error, which write() will report). -1 with errno. */
static int
wait_writable(int fd, int timeout_s)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	for (;;) {
		int n = poll(&pfd, 1, timeout_s < 0 ? -1 : timeout_s * 1000);
		if (n > 0)
			return 0;
		if (n == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (errno != EINTR)
			return -1;
	}
}

int
fdio_write_all(int fd, const void *bytes, size_t len, int timeout_s)
{
	const char *at = bytes;

	while (len > 0) {
		if (wait_writable(fd, timeout_s) < 0)
			return -1;
		ssize_t n = write(fd, at, len);
		if (n < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			return -1;
		}
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

union one_descriptor {
	struct cmsghdr header; /* for its alignment */
	char bytes[CMSG_SPACE(sizeof(int))];
};

int
fdio_send_fd(int socket, int fd)
{
	char zero = 0;
	struct iovec iov = { .iov_base = &zero, .iov_len = 1 };
	union one_descriptor control = { .bytes = { 0 } };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes,
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(header), &fd, sizeof fd);

	ssize_t n;
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : -1;
}

/* Takes the descriptors out of a message: the first one stays open in *first (-1: none), the others are
 * closed. Returns how many there were. */
static size_t
take_descriptors(struct msghdr *message, int *first)
{
	size_t count = 0;

	*first = -1;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h; h = CMSG_NXTHDR(message, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS || h->cmsg_len < CMSG_LEN(0))
			continue;
		size_t here = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < here; i++, count++) {
			int fd;
			memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
			if (count == 0)
				*first = fd;
			else
				close(fd);
		}
	}
	return count;
}

int
fdio_receive_fd(int socket, int *fd)
{
	char marker;
	struct iovec iov = { .iov_base = &marker, .iov_len = 1 };
	union one_descriptor control = { .bytes = { 0 } };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes,
	};

	*fd = -1;
	ssize_t n;
	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;

	int first;
	size_t count = take_descriptors(&message, &first);
	if (n == 1 && count == 1 && !(message.msg_flags & MSG_CTRUNC)) {
		*fd = first;
		return 1;
	}
	fdio_close(&first);
	return n == 0 ? 0 : -2;
}

int
fdio_connect_unix(const char *path, bool nonblocking, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if (len >= sizeof address.sun_path)
		return err_set(err, "unix-domain name too long: %s", path);
	memcpy(address.sun_path, path, len + 1);

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), 0);
	if (fd < 0)
		return err_errno(err, "socket");

	/* A blocking connect would wait for room in the backlog; Postfix's clients never do. */
	if (!nonblocking && fdio_set_nonblocking(fd, true) < 0) {
		err_errno(err, "fcntl");
		fdio_close(&fd);
		return -1;
	}
	int rc;
	do
		rc = connect(fd, (struct sockaddr *)&address, sizeof address);
	while (rc < 0 && errno == EINTR);
	if (rc < 0 || (!nonblocking && fdio_set_nonblocking(fd, false) < 0)) {
		err_errno(err, "connect to %s", path);
		fdio_close(&fd);
		return -1;
	}
	return fd;
}

bool
fdio_has_no_peer(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;

	return getpeername(fd, (struct sockaddr *)&peer, &len) < 0 && errno == ENOTCONN;
}
