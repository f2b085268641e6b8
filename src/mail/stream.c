/* SPDX-License-Identifier: ISC */
#include "mail/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "mail/attr.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/fdio.h"

enum { READ_SIZE = 4096 };

struct stream {
	int fd; /* owned */
	const struct stream_handler *handler;
	void *context;
	struct event *readable; /* owned */
	struct event *writable; /* owned; pending while `out` holds bytes */
	struct buf in;
	size_t handed; /* bytes of `in` that the handler is looking at */
	struct buf out;
	struct attr_frame frame;
	size_t list_limit;
	bool *freed; /* set by stream_free() while a handler runs */
	int failed;  /* errno of a write that failed; reported from the event loop */
};

/* False: the handler freed the stream. */
static bool
end(struct stream *stream, enum stream_end why)
{
	event_del(stream->readable);
	event_del(stream->writable);
	stream->handler->end(stream, why, stream->context);
	return false;
}

/* False: the stream is gone. */
static bool
hand_over_lists(struct stream *stream)
{
	size_t len;
	bool freed = false;

	while (stream->in.len > 0) {
		switch (attr_frame_feed(&stream->frame, stream->in.bytes, stream->in.len, &len)) {
		case ATTR_MORE:
			return true;
		case ATTR_TOO_LONG:
			return end(stream, STREAM_LIMIT);
		case ATTR_COMPLETE:
			break;
		}
		attr_frame_init(&stream->frame, stream->list_limit);
		stream->freed = &freed;
		stream->handed = len;
		stream->handler->list(stream, stream->in.bytes, len, stream->context);
		if (freed)
			return false;
		stream->freed = NULL;
		stream->handed = 0;
		buf_consume(&stream->in, len);
	}
	return true;
}

static void
on_readable(evutil_socket_t fd, short what, void *context)
{
	struct stream *stream = context;

	(void)what;
	if (stream->failed) {
		errno = stream->failed;
		end(stream, STREAM_ERROR);
		return;
	}

	char *to = buf_reserve(&stream->in, READ_SIZE);
	ssize_t got = read(fd, to, READ_SIZE);
	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR)
			end(stream, STREAM_ERROR);
		return;
	}
	if (got == 0) {
		end(stream, STREAM_EOF);
		return;
	}
	stream->in.len += (size_t)got;
	buf_terminate(&stream->in);
	hand_over_lists(stream);
}

/* A failure is left to the event loop, so that no caller of stream_send() loses its stream under its hands.
 */
static void
flush(struct stream *stream)
{
	while (stream->out.len > 0) {
		ssize_t put = write(stream->fd, stream->out.bytes, stream->out.len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && errno == EAGAIN) {
			event_add(stream->writable, NULL);
			return;
		}
		if (put < 0) {
			stream->failed = errno;
			event_active(stream->readable, EV_READ, 0);
			return;
		}
		buf_consume(&stream->out, (size_t)put);
	}
	event_del(stream->writable);
	buf_release_secret(&stream->out);
}

static void
on_writable(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	flush(context);
}

struct stream *
stream_new(
    struct event_base *base, int fd, size_t list_limit, const struct stream_handler *handler, void *context)
{
	struct stream *stream = alloc_zero(sizeof *stream);

	stream->fd = fd;
	stream->list_limit = list_limit;
	stream->handler = handler;
	stream->context = context;
	attr_frame_init(&stream->frame, list_limit);
	stream->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, stream);
	stream->writable = event_new(base, fd, EV_WRITE, on_writable, stream);
	event_add(stream->readable, NULL);
	return stream;
}

void
stream_free(struct stream *stream)
{
	if (!stream)
		return;
	if (stream->freed)
		*stream->freed = true;
	event_free(stream->readable);
	event_free(stream->writable);
	fdio_close(&stream->fd);
	buf_release_secret(&stream->in);
	buf_release_secret(&stream->out);
	free(stream);
}

bool
stream_is_quiet(const struct stream *stream)
{
	char byte;

	return stream->in.len == stream->handed && recv(stream->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       errno == EAGAIN;
}

void
stream_send(struct stream *stream, const void *bytes, size_t len)
{
	bool idle = stream->out.len == 0;

	buf_add(&stream->out, bytes, len);
	if (idle)
		flush(stream);
}
