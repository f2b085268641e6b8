/* SPDX-License-Identifier: ISC */
#include "master/trigger.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mail/mastercf.h"
#include "master/listener.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"

enum { REPLY_LIMIT_S = 101 };

static const char message[2] = { 'W', '\0' };

struct trigger {
	struct event *event; /* owned */
	int fd;              /* owned */
	int held;            /* owned; of a pass service the writing end of the pipe it got, else -1 */
	char *service;       /* owned; for the log */
	const char *function;
};

static void
trigger_free(struct trigger *trigger)
{
	event_free(trigger->event);
	close(trigger->fd);
	fdio_close(&trigger->held);
	free(trigger->service);
	free(trigger);
}

static void
on_reply(evutil_socket_t fd, short what, void *context)
{
	struct trigger *trigger = context;
	char scratch[64];

	if (what & EV_TIMEOUT)
		log_warn("%s: read timeout for service %s", trigger->function, trigger->service);
	else if (read((int)fd, scratch, sizeof scratch) < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	trigger_free(trigger);
}

/* A stream socket to where the listener listens; a wildcard address is reached by loopback. */
static int
connect_inet(const struct listener *listener, struct err *err)
{
	struct sockaddr_storage storage;
	struct sockaddr_in *in4 = (void *)&storage;
	struct sockaddr_in6 *in6 = (void *)&storage;
	socklen_t len = sizeof storage;
	int fd;

	if (getsockname(listener->fds[0], (struct sockaddr *)&storage, &len) < 0)
		return err_errno(err, "getsockname");
	if (storage.ss_family == AF_INET && in4->sin_addr.s_addr == htonl(INADDR_ANY))
		in4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (storage.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
		in6->sin6_addr = in6addr_loopback;
	fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(err, "socket");
	/* Our own listener on this host: the kernel completes or refuses at once. */
	if (fdio_set_nonblocking(fd, true) < 0 ||
	    (connect(fd, (struct sockaddr *)&storage, len) < 0 && errno != EINPROGRESS)) {
		err_errno(err, "connect");
		close(fd);
		return -1;
	}
	return fd;
}

/* A pass service takes a connection out of a connection, and finds the message there. */
static int
connect_pass(const struct mastercf_entry *entry, int *held, struct err *err)
{
	int ends[2];
	int fd = fdio_connect_unix(entry->endpoint, true, err);

	if (fd < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		err_errno(err, "pipe");
		close(fd);
		return -1;
	}
	if (write(ends[1], message, sizeof message) != (ssize_t)sizeof message ||
	    fdio_send_fd(fd, ends[0]) < 0) {
		err_errno(err, "send file descriptor");
		close(ends[0]);
		close(ends[1]);
		close(fd);
		return -1;
	}
	close(ends[0]);
	*held = ends[1];
	return fd;
}

/* A fifo has no connection to wait on. */
static int
write_fifo(const struct mastercf_entry *entry, struct err *err)
{
	int fd = open(entry->endpoint, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, "open %s", entry->endpoint);
	if (write(fd, message, sizeof message) != (ssize_t)sizeof message) {
		err_errno(err, "write %s", entry->endpoint);
		close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

int
trigger_send(struct event_base *base, const struct mastercf_entry *entry, const struct listener *listener,
    struct err *err)
{
	const struct timeval limit = { .tv_sec = REPLY_LIMIT_S };
	struct trigger *trigger;
	int fd, held = -1;

	switch (entry->type) {
	case MASTERCF_INET:
		fd = connect_inet(listener, err);
		break;
	case MASTERCF_UNIX:
		fd = fdio_connect_unix(entry->endpoint, true, err);
		break;
	case MASTERCF_PASS:
		fd = connect_pass(entry, &held, err);
		break;
	case MASTERCF_FIFO:
		return write_fifo(entry, err);
	default:
		errno = EOPNOTSUPP;
		return err_set(err, "%s", strerror(errno));
	}
	if (fd < 0)
		return -1;
	if (entry->type != MASTERCF_PASS && write(fd, message, sizeof message) != (ssize_t)sizeof message) {
		err_errno(err, "write");
		close(fd);
		return -1;
	}
	trigger = alloc_zero(sizeof *trigger);
	trigger->fd = fd;
	trigger->held = held;
	trigger->function = entry->type == MASTERCF_INET ? "inet_trigger_event" : "unix_trigger_event";
	trigger->service = alloc_string(entry->endpoint);
	trigger->event = event_new(base, fd, EV_READ | EV_PERSIST, on_reply, trigger);
	if (!trigger->event || event_add(trigger->event, &limit) < 0)
		log_panic("cannot watch a trigger");
	return 0;
}
