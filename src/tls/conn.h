/* SPDX-License-Identifier: ISC */
/*
 * conn: one TLS connection on a non-blocking descriptor: handshake, read, write, close.
 *
 * Every function does what can be done now and says what it waits for. What a read waits
 * for and what a write waits for are different things: keep them apart.
 */
#ifndef TLS_CONN_H
#define TLS_CONN_H

#include <stdbool.h>
#include <stddef.h>

#include "tls/resume.h"

struct conn;
struct context;
struct resume;
struct summary;

enum tls_io {
	TLS_IO_DONE,
	TLS_IO_WANT_READ,
	TLS_IO_WANT_WRITE,
	TLS_IO_WANT_LOOKUP, /* suspended; the ready function will be called */
	TLS_IO_CLOSED,      /* the peer is gone, with or without close_notify */
	TLS_IO_ERROR,       /* logged */
};

struct conn_settings {
	const char *namaddr;  /* the peer, for the log; copied */
	const char *serverid; /* copied */
	int fd;               /* borrowed; must outlive the conn */
	resume_ready_fn ready;
	void *context;
};

/* The server side. NULL after logging why. Freed by the caller; holds on to the context. */
struct conn *conn_new_server(
    struct context *context, struct resume *resume, const struct conn_settings *settings);
void conn_free(struct conn *conn);

enum tls_io conn_handshake(struct conn *conn) __attribute__((warn_unused_result));

/* Once, after the handshake is done. Logs what the log level asks for. Released by the caller. */
void conn_summary(struct conn *conn, struct summary *summary);

/* Before the reads of one wake-up: together they take a bounded amount off the descriptor, whatever the peer
 * has sent, and then wait for it to be readable. */
void conn_begin_turn(struct conn *conn);

/* TLS_IO_DONE: *len bytes, at least one. */
enum tls_io conn_read(struct conn *conn, void *bytes, size_t room, size_t *len)
    __attribute__((warn_unused_result));

/* True: decrypted or undecrypted bytes are buffered, the descriptor need not become readable. */
bool conn_has_pending(const struct conn *conn);

/* TLS_IO_DONE: *len bytes were taken, perhaps not all. When it waits, the next call must be for the same
 * bytes, at any address. */
enum tls_io conn_write(struct conn *conn, const void *bytes, size_t len, size_t *taken)
    __attribute__((warn_unused_result));

/* Sends close_notify and does not wait for the peer's. */
enum tls_io conn_close(struct conn *conn) __attribute__((warn_unused_result));

#endif
