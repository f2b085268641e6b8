/* SPDX-License-Identifier: ISC */
#include "mail/service_inherit.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "mail/service_status.h"
#include "util/fdio.h"
#include "util/log.h"

enum { FIRST_FD = 3 };

static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

int
service_inherit_count(void)
{
	int count = 0;

	if (!is_socket(SERVICE_STATUS_FD))
		return 0;
	while (is_socket(SERVICE_INHERIT_LISTEN_FD + count))
		count++;
	return count;
}

void
service_inherit_prepare(int count, int wanted)
{
	if (count == 0)
		log_fatal("descriptors %d and %d are not both sockets: this program is started by master, or "
			  "with -S",
		    SERVICE_STATUS_FD, SERVICE_INHERIT_LISTEN_FD);
	if (count < wanted)
		log_fatal("descriptor %d is not a socket, but -s %d promises one",
		    SERVICE_INHERIT_LISTEN_FD + count, wanted);
	for (int fd = FIRST_FD; fd < SERVICE_INHERIT_LISTEN_FD + wanted; fd++)
		if (fdio_set_cloexec(fd, true) < 0)
			errno = 0; /* 3 and 4 are a pipe that only others use */
	for (int i = 0; i < wanted; i++)
		if (fdio_set_nonblocking(SERVICE_INHERIT_LISTEN_FD + i, true) < 0)
			log_fatal("descriptor %d: %m", SERVICE_INHERIT_LISTEN_FD + i);
}

int
service_inherit_accept(int listen_fd, bool *said_full)
{
	int client = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (client >= 0)
		return client;
	switch (errno) {
	case EAGAIN:
		*said_full = false;
		return SERVICE_INHERIT_NONE;
	case EINTR:
	case ECONNABORTED:
	/* Linux passes on what happened to the connection before it was accepted, see accept(2). */
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
		return SERVICE_INHERIT_NONE;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		/* No error: those are counted, and the sessions that use up the descriptors shall go on. */
		if (!*said_full)
			log_warn("accept connection: %m");
		*said_full = true;
		return SERVICE_INHERIT_PAUSE;
	default:
		log_error("accept connection: %m");
		return SERVICE_INHERIT_PAUSE;
	}
}

void
service_inherit_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		errno = 0; /* then fewer clients fit in */
}
