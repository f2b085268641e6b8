/* SPDX-License-Identifier: ISC */
/*
 * session: one caller, one remote peer, and the TLS between them.
 *
 * A session begins with the caller's connection and ends on its own. States and what each
 * waits for: the table in session.c.
 */
#ifndef TLSPROXY_SESSION_H
#define TLSPROXY_SESSION_H

struct caller_settings;
struct context;
struct event_base;
struct resume;
struct role_client;
struct scoreboard;

/* What all sessions of the process share. */
struct session_shared {
	struct event_base *base;
	struct context *server; /* NULL: the server role is off; sessions keep a reference of their own */
	struct caller_settings *caller; /* for callers of 3.12; as `server` */
	struct resume *resume;          /* NULL when `server` is */
	struct role_client *client;     /* NULL: the client role is off */
	struct scoreboard *board;       /* NULL: nothing is counted */
	void (*gone)(void *context);    /* a session has ended */
	void *context;
};

/* Takes `fd`, the caller's connection, non-blocking. `shared` outlives all sessions. */
void session_start(const struct session_shared *shared, int fd);

#endif
