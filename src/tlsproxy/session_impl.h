/* SPDX-License-Identifier: ISC */
/*
 * session_impl: the struct of a session, for the files that run its states.
 */
#ifndef TLSPROXY_SESSION_IMPL_H
#define TLSPROXY_SESSION_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "mail/attr.h"
#include "mail/tlsproxy_proto.h"
#include "util/buf.h"

struct conn;
struct context;
struct tlsproxy_client_request;

/* In the order in which they come. */
enum session_state {
	RECEIVE_REQUEST,
	RECEIVE_SETTINGS, /* the role's list */
	SEND_STATUS,
	REFUSED,
	RECEIVE_DESCRIPTOR,
	HANDSHAKE,
	SEND_CONTEXT,
	RECEIVE_PLAINTEXT, /* the descriptor, of a caller that offered one */
	RELAY,
	FINISH_REMOTE, /* the caller is gone: deliver what it sent, then close_notify */
	FINISH_CALLER, /* the remote is gone: deliver what it sent */
};

enum verdict { GO_ON, WAIT, END };

/* One side's descriptor and what is watched on it. */
struct side {
	int fd; /* owned; -1: none */
	struct event read;
	struct event write;
	short watched; /* EV_READ, EV_WRITE */
};

/* Of the request: whether its caller reports how TLS went (RFC 8460), and what it does not want to report. */
struct session_report {
	bool wanted;
	bool done;
	bool skip_reused;
	int level; /* that was asked for */
};

struct session {
	uint32_t magic; /* while it lives */
	enum session_state state;
	const struct session_shared *shared;
	struct side caller;
	struct side remote;
	struct side *plaintext; /* what `to_caller` goes to: `caller`, or, in RELAY and after, `given` if
				   there is one */
	struct side *given; /* owned; NULL unless the caller offered a descriptor for the plaintext; closed
			       before it came */
	struct event timer;
	int64_t deadline_ms; /* of the state, or of the next byte in RELAY and after */
	struct buf request;  /* the list so far; what `client` borrows from; empty from HANDSHAKE on */
	struct attr_frame frame;
	char *endpoint; /* owned; NULL before a valid request */
	char *serverid; /* owned */
	char *namaddr;  /* owned; NULL: `endpoint` is what the log calls the remote */
	int flags;
	int handshake_timeout_s;
	int session_timeout_s;
	bool available; /* what the status said */
	bool is_client; /* the role */
	bool probe;     /* the status is all that is wanted */
	enum tlsproxy_context_shape shape;
	int trace_size_limit;
	struct session_report report;           /* what is to be said of reports */
	struct context *context;                /* a reference; from the status to the handshake */
	struct tlsproxy_client_request *client; /* owned, for as long; NULL in the server role */
	bool peek_caller;  /* in HANDSHAKE: the caller has sent something, so its end is not seen */
	struct conn *conn; /* owned; NULL before HANDSHAKE */

	/* Plaintext that could not be passed on yet. Empty, and without memory, when data flows freely. */
	struct buf to_caller;
	struct buf to_remote;

	/* What the last TLS read and write wait for: EV_READ, EV_WRITE or 0. */
	short read_waits;
	short write_waits;
	bool caller_may_read; /* bytes may be there without an event: the last wake-up ended by its budget */
	bool remote_may_read;
	const struct side *only; /* of this turn: the one to read from; NULL: both */
	bool caller_deaf;        /* the caller takes no more, but what it sent may still be there */
	bool again;              /* the timer is set to now: one of the two above */
};

/* `side` owns `fd`, -1: none yet; nothing is watched. */
void session_open_side(struct session *session, struct side *side, int fd);

/* Sets the state and its time limit. */
void session_enter(struct session *session, enum session_state state);

#endif
