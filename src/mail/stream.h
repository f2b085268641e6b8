/* SPDX-License-Identifier: ISC */
/*
 * stream: a local stream socket under the event loop that carries attribute lists.
 *
 * Reading collects one list at a time and hands it over whole; writing is buffered. The
 * handler may free the stream from inside any of its functions.
 */
#ifndef MAIL_STREAM_H
#define MAIL_STREAM_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct stream;

enum stream_end {
	STREAM_EOF,   /* the other side closed, between lists or inside one */
	STREAM_ERROR, /* errno says why */
	STREAM_LIMIT, /* a list longer than allowed */
};

struct stream_handler {
	/* One complete list, borrowed. What follows it stays buffered until this returns. */
	void (*list)(struct stream *stream, const void *list, size_t len, void *context);
	/* The last call. The handler must free the stream. */
	void (*end)(struct stream *stream, enum stream_end why, void *context);
};

/* Takes `fd`, which must be non-blocking. A list longer than `list_limit` bytes ends the stream. Freed by the
 * caller, which closes the descriptor. */
struct stream *stream_new(
    struct event_base *base, int fd, size_t list_limit, const struct stream_handler *handler, void *context);
void stream_free(struct stream *stream);

/*
 * Has the other side said nothing beyond the list that is being handed over, if any, and not closed? For
 * those who speak in turns, before it is theirs.
 */
bool stream_is_quiet(const struct stream *stream);

/* Sends now what the socket takes and the rest when it can. Failures come as an end. */
void stream_send(struct stream *stream, const void *bytes, size_t len);

#endif
