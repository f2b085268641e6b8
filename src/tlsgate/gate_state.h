/* SPDX-License-Identifier: ISC */
/*
 * gate_state: what a session is made of, and what its state functions have in common. Only for them.
 *
 * A state function does what it can now, on buffers; it reads, writes and waits for nothing. It names the
 * next state with gate_state_go(), waits, or ends the session.
 */
#ifndef TLSGATE_GATE_STATE_H
#define TLSGATE_GATE_STATE_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>

#include "tlsgate/gate_peer.h"
#include "tlsgate/gate_proxy2.h"
#include "tlsgate/gate_session.h"
#include "tlsgate/gate_side.h"
#include "tlsgate/gate_talk.h"
#include "util/buf.h"

struct timer;

enum gate_verdict { GATE_GO_ON, GATE_WAIT, GATE_END };

enum gate_state {
	GATE_CONNECT,       /* to the back end, on side `next` */
	GATE_CONNECT_AGAIN, /* the same, a little later */
	GATE_GREETING,      /* of that back end */
	GATE_XCLIENT,       /* it is told of the client */
	GATE_DIALOGUE,      /* command, reply, command, reply */
	GATE_CONTENT,       /* of a message, passed up to its end */
	GATE_RELAY,         /* bytes both ways */
	GATE_CALL,          /* connect to tlsproxy */
	GATE_ANNOUNCEMENT,  /* of tlsproxy */
	GATE_STATUS,        /* its answer to our request */
	GATE_HAND_OVER,     /* pass the client's socket */
	GATE_READY,         /* the reply to STARTTLS goes out on our copy of that socket */
	GATE_CONTEXT,       /* what tlsproxy has to say of the TLS session */
	GATE_GIVE,          /* pass the back end's socket, too */
	GATE_GIVEN,         /* tlsproxy has both: wait for its end */
	GATE_CLOSING,       /* last words to the client */
};

/* Between STARTTLS and GATE_READY: call, announcement, status, connect, greeting, hand-over. In wrapper mode:
 * call, announcement, status, hand-over, connect, then greeting or relay. When more is to be known of the TLS
 * session than that it is there, as in wrapper mode, with context before connect. Without a protocol give and
 * given are there in place of relay, if tlsproxy takes what is given; relay follows at the end. */

enum gate_content_line { GATE_CONTENT_EMPTY, GATE_CONTENT_DOT, GATE_CONTENT_TEXT };

/* gate_content.h */
struct gate_content {
	bool one_line;               /* else up to a line that is a dot */
	bool cr;                     /* one or more read, and not yet known what for */
	bool after_bare;             /* the line before ended in LF alone */
	enum gate_content_line line; /* what has come of this line */
};

struct gate_session {
	unsigned int magic;
	const struct gate *gate; /* borrowed */
	enum gate_state state;
	event_callback_fn on_event; /* of every side */
	struct timer *timer;        /* owned; the limit of the state */

	struct gate_side client;  /* the client, or tlsproxy in its place */
	struct gate_side backend; /* the one the client talks to */
	struct gate_side next;    /* a back end the client will talk to */
	struct gate_side proxy;   /* tlsproxy, until it takes the client's place */

	struct gate_talk talk;
	struct gate_content content;
	struct gate_proxy2_ends ends;
	struct gate_peer tls_peer;
	struct buf refusal;  /* of the rules; `talk` may refer to it */
	bool certified;      /* by the rules */
	bool told;           /* XCLIENT has been said to `next` */
	struct buf greeting; /* of `next`, so far */
	size_t address;      /* the one being tried */
	bool starting_tls;   /* a STARTTLS command waits for its reply */
	bool tls;
	bool gives;      /* tlsproxy takes the back end's socket */
	bool skipping;   /* a command line that is too long */
	int connects;    /* in vain, to this address */
	int calls;       /* of tlsproxy, with no room for another client yet */
	int refusals;    /* by the gate itself */
	bool farewell;   /* the back end will say nothing more */
	bool counted;    /* by gate_crowd */
	bool progress;   /* since the last event: start the timer anew */
	bool timed_out;  /* the state function has yet to deal with it */
	const char *end; /* why it ended, for the log */
	struct buf line;
	char peer[NI_MAXHOST + NI_MAXSERV + 4]; /* [address]:port */
};

__attribute__((format(printf, 2, 3))) void gate_state_warn(
    const struct gate_session *s, const char *format, ...);

/* The back end for this session. */
static inline const struct gate_backend *
gate_state_backend(const struct gate_session *s)
{
	return s->certified && s->gate->certified_backend ? s->gate->certified_backend : s->gate->backend;
}

/* The next state, its time limit counted from now. */
enum gate_verdict gate_state_go(struct gate_session *s, enum gate_state state);

/* The session ends; `why` is a literal, for the log. */
enum gate_verdict gate_state_end(struct gate_session *s, const char *why);

/* Answers a command that is not passed on, and goes on with the dialogue. Such commands cost only the gate: a
 * client that goes on sending them is sent away. */
enum gate_verdict gate_state_refuse(struct gate_session *s, enum gate_word word);

/* Last words to the client, then the end. */
enum gate_verdict gate_state_goodbye(struct gate_session *s, enum gate_word word);

#endif
