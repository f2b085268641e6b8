/* SPDX-License-Identifier: ISC */
/*
 * gate_side: one end of a session: a non-blocking socket with what was read and what is to be written.
 */
#ifndef TLSGATE_GATE_SIDE_H
#define TLSGATE_GATE_SIDE_H

#include <stdbool.h>
#include <stddef.h>

#include <event2/event.h>

#include "util/buf.h"

/* No buffer is filled further by reading; what is passed on goes in pieces of up to this size. */
enum { GATE_SIDE_ROOM = 16384, GATE_SIDE_PIECE = 65536 };

struct gate_side {
	int fd;              /* owned; -1: closed */
	struct event *event; /* owned; NULL while closed */
	short armed;         /* what the event waits for now */
	bool connecting;     /* writability will tell how connect() went */
	bool eof;            /* nothing more will come */
	bool shut;           /* the other end was told that nothing more will follow */
	bool broken;         /* nothing more can be written */
	int error;           /* errno of what went wrong, 0: nothing */
	struct buf in;       /* read, not yet dealt with */
	struct buf out;      /* to be written */
};

void gate_side_init(struct gate_side *side);

/* Takes `fd`. The event calls `callback` with `context`. The side must be closed. */
void gate_side_open(
    struct gate_side *side, struct event_base *base, int fd, event_callback_fn callback, void *context);
void gate_side_close(struct gate_side *side);

/* `to` becomes what `from` was, and `from` closed. What `to` was is closed first. */
void gate_side_move(struct gate_side *to, struct gate_side *from);

static inline bool
gate_side_is_open(const struct gate_side *side)
{
	return side->fd >= 0;
}

/* Learns how connect() went; true: connected. */
bool gate_side_connected(struct gate_side *side);

/* Reads once into `in`. True: bytes came. */
bool gate_side_read(struct gate_side *side);

/* Reads once and writes to `to` what it takes at once; only the rest is kept, in its `out`. Nothing is read
 * while that holds something. True: bytes came. */
bool gate_side_pass(struct gate_side *side, struct gate_side *to);

/* Writes once. True: some bytes went. When writing fails, `out` is dropped. Large memory is given back. */
bool gate_side_flush(struct gate_side *side);

/* Tells the other end that nothing follows. */
void gate_side_shut(struct gate_side *side);

/* Makes the event wait for `want` (EV_READ, EV_WRITE), for writability in any case if there is something to
 * write. */
void gate_side_arm(struct gate_side *side, short want);

#endif
