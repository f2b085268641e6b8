/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_side.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/fdio.h"
#include "util/log.h"

/* One for all sessions: most of the time little or nothing of what they read has to be kept. */
static char piece[GATE_SIDE_PIECE];

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

/* What read() returned; true: bytes came. */
static bool
bytes_came(struct gate_side *side, ssize_t n)
{
	if (n > 0)
		return true;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0)
		side->error = errno;
	side->eof = true;
	return false;
}

bool
gate_side_read(struct gate_side *side)
{
	if (side->eof || side->in.len >= GATE_SIDE_ROOM)
		return false;

	ssize_t n = read(side->fd, piece, GATE_SIDE_ROOM - side->in.len);
	if (!bytes_came(side, n))
		return false;
	buf_add(&side->in, piece, (size_t)n);
	alloc_wipe(piece, (size_t)n);
	return true;
}

/* How many bytes the other end has taken. */
static size_t
send_some(struct gate_side *side, const char *bytes, size_t len)
{
	if (side->connecting || !gate_side_is_open(side))
		return 0;

	ssize_t n = send(side->fd, bytes, len, MSG_NOSIGNAL);
	if (n >= 0)
		return (size_t)n;
	if (errno != EAGAIN && errno != EINTR) {
		side->error = errno;
		side->broken = true;
	}
	return 0;
}

bool
gate_side_pass(struct gate_side *side, struct gate_side *to)
{
	if (side->eof || to->out.len > 0)
		return false;

	ssize_t n = read(side->fd, piece, sizeof piece);
	if (!bytes_came(side, n))
		return false;
	size_t sent = send_some(to, piece, (size_t)n);
	if (!to->broken && sent < (size_t)n)
		buf_add(&to->out, piece + sent, (size_t)n - sent);
	alloc_wipe(piece, (size_t)n);
	return true;
}

bool
gate_side_flush(struct gate_side *side)
{
	if (side->out.len == 0)
		return false;

	size_t sent = send_some(side, side->out.bytes, side->out.len);
	buf_consume(&side->out, sent);
	if (side->broken)
		buf_clear(&side->out);
	if (side->out.len == 0 && side->out.room > GATE_SIDE_ROOM / 4)
		buf_release_secret(&side->out);
	return sent > 0;
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
