/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_side.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/fdio.h"
#include "util/log.h"

void
gate_side_init(struct gate_side *side)
{
	*side = (struct gate_side){ .fd = -1 };
}

void
gate_side_open(
    struct gate_side *side, struct event_base *base, int fd, event_callback_fn callback, void *context)
{
	if (gate_side_is_open(side))
		log_panic("gate_side_open: side is open");
	gate_side_init(side);
	side->fd = fd;
	side->event = event_new(base, fd, 0, callback, context);
	if (!side->event)
		log_fatal("memory is out: event");
}

void
gate_side_close(struct gate_side *side)
{
	if (side->event)
		event_free(side->event);
	fdio_close(&side->fd);
	buf_release_secret(&side->in);
	buf_release_secret(&side->out);
	gate_side_init(side);
}

void
gate_side_move(struct gate_side *to, struct gate_side *from)
{
	gate_side_close(to);
	*to = *from;
	gate_side_init(from);
}

bool
gate_side_connected(struct gate_side *side)
{
	int error = 0;
	socklen_t len = sizeof error;

	side->connecting = false;
	if (getsockopt(side->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	side->error = error;
	return error == 0;
}

bool
gate_side_read(struct gate_side *side, struct buf *to)
{
	if (side->eof || to->len >= GATE_SIDE_ROOM)
		return false;

	size_t room = GATE_SIDE_ROOM - to->len;
	ssize_t n = read(side->fd, buf_reserve(to, room), room);
	if (n > 0) {
		to->len += (size_t)n;
		buf_terminate(to);
		return true;
	}
	buf_terminate(to);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0)
		side->error = errno;
	side->eof = true;
	return false;
}

bool
gate_side_flush(struct gate_side *side)
{
	if (side->out.len == 0 || side->connecting || !gate_side_is_open(side))
		return false;

	ssize_t n = send(side->fd, side->out.bytes, side->out.len, MSG_NOSIGNAL);
	if (n > 0) {
		buf_consume(&side->out, (size_t)n);
		return true;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		side->error = errno;
		side->broken = true;
		buf_clear(&side->out);
	}
	return false;
}

void
gate_side_shut(struct gate_side *side)
{
	/* A failure means the other end is gone, and reading from it will tell. */
	shutdown(side->fd, SHUT_WR);
	side->shut = true;
}

void
gate_side_arm(struct gate_side *side, short want)
{
	if (!gate_side_is_open(side))
		return;
	if (side->out.len > 0 || side->connecting)
		want |= EV_WRITE;
	if (want == side->armed)
		return;

	event_callback_fn callback = event_get_callback(side->event);
	struct event_base *base = event_get_base(side->event);
	void *context = event_get_callback_arg(side->event);
	if (side->armed)
		event_del(side->event);
	side->armed = want;
	if (want &&
	    (event_assign(side->event, base, side->fd, (short)(want | EV_PERSIST), callback, context) < 0 ||
		event_add(side->event, NULL) < 0))
		log_fatal("event for descriptor %d cannot be added", side->fd);
}
