/* SPDX-License-Identifier: ISC */
#include "mail/service_pass.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/attr.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/fdio.h"
#include "util/log.h"

enum { STEP_S = 100, LIST_LIMIT = 65536, READ_STEP = 4096 };

struct pass {
	int from;     /* owned; the connection that was accepted */
	int received; /* owned until handed over; -1: not yet here */
	struct event *event;
	struct buf list;
	struct attr_frame frame;
	service_pass_fn fn;
	void *context;
};

enum outcome { WAIT, DONE, FAILED };

static void
pass_free(struct pass *pass)
{
	event_free(pass->event);
	fdio_close(&pass->received);
	fdio_close(&pass->from);
	buf_release(&pass->list);
	free(pass);
}

static enum outcome
receive_descriptor(struct pass *pass)
{
	int rc = fdio_receive_fd(pass->from, &pass->received);

	if (rc == 1)
		return WAIT;
	if (rc == -1 && errno == EAGAIN)
		return WAIT;
	log_warn("pass_accept_attr: cannot receive file descriptor: %s",
	    rc == -1  ? strerror(errno)
	    : rc == 0 ? "end of file"
		      : "no descriptor came with the data");
	return FAILED;
}

static enum outcome
receive_list(struct pass *pass)
{
	char *to = buf_reserve(&pass->list, READ_STEP);
	ssize_t n = read(pass->from, to, READ_STEP);
	size_t len;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return WAIT;
	if (n <= 0) {
		log_warn("pass_accept_attr: cannot receive connection attributes: %s",
		    n < 0 ? strerror(errno) : "end of file");
		return FAILED;
	}
	pass->list.len += (size_t)n;
	buf_terminate(&pass->list);
	switch (attr_frame_feed(&pass->frame, pass->list.bytes, pass->list.len, &len)) {
	case ATTR_COMPLETE:
		return DONE;
	case ATTR_MORE:
		return WAIT;
	default:
		log_warn("pass_accept_attr: cannot receive connection attributes: longer than %d bytes",
		    LIST_LIMIT);
		return FAILED;
	}
}

static enum outcome
step(struct pass *pass, short what)
{
	bool has_descriptor = pass->received >= 0;

	if (what & EV_TIMEOUT) {
		log_warn("pass_accept_attr: timeout receiving %s",
		    has_descriptor ? "connection attributes" : "file descriptor");
		return FAILED;
	}
	return has_descriptor ? receive_list(pass) : receive_descriptor(pass);
}

static void
on_event(evutil_socket_t fd, short what, void *context)
{
	struct timeval limit = { STEP_S, 0 };
	struct pass *pass = context;

	(void)fd;
	enum outcome outcome = step(pass, what);
	if (outcome == WAIT && event_add(pass->event, &limit) == 0)
		return;
	if (outcome == DONE && fdio_set_nonblocking(pass->received, true) == 0) {
		int received = pass->received;
		service_pass_fn fn = pass->fn;
		void *fn_context = pass->context;
		pass->received = -1;
		pass_free(pass);
		fn(fn_context, received);
		return;
	}
	pass_free(pass);
}

void
service_pass_receive(struct event_base *base, int fd, service_pass_fn received, void *context)
{
	struct timeval limit = { STEP_S, 0 };
	struct pass *pass = alloc_zero(sizeof *pass);

	pass->from = fd;
	pass->received = -1;
	pass->fn = received;
	pass->context = context;
	attr_frame_init(&pass->frame, LIST_LIMIT);
	pass->event = event_new(base, fd, EV_READ, on_event, pass);
	if (!pass->event || event_add(pass->event, &limit) < 0)
		log_fatal("cannot watch descriptor %d", fd);
}
