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
struct dane_set;
struct kept_session;
struct resume;
struct resume_client;
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
	bool own_scope;       /* sessions of another serverid are not resumed */
	int fd;               /* borrowed; must outlive the conn */
	resume_ready_fn ready;
	void *context;
};

/* The server side. NULL after logging why. Freed by the caller; holds on to the context. */
struct conn *conn_new_server(
    struct context *context, struct resume *resume, const struct conn_settings *settings);

/* Which Postfix the caller is of, where they differ in what they log and trust. */
enum conn_release {
	CONN_RELEASE_3_7 = 307, /* and 3.6 */
	CONN_RELEASE_3_8 = 308,
	CONN_RELEASE_3_9 = 309,
	CONN_RELEASE_3_10 = 310,
	CONN_RELEASE_3_11 = 311,
};

/* One session of the client role, as the caller's request describes it. Nothing here is trusted to be
 * sensible. Strings may be NULL for ""; all is copied or not needed after conn_new_client(). */
struct conn_client_settings {
	int release;         /* enum conn_release, or a number between */
	int level;           /* enum level, from outside */
	const char *nexthop; /* domain, without brackets and port */
	const char *host;    /* the server's name */
	const char *namaddr; /* host[address]:port, for the log */
	const char *sni; /* a name, or the words "hostname" or "nexthop"; DANE levels send the base domain */
	const char *serverid; /* start of the key in the session cache */
	const char *helo;     /* what the server calls itself */
	const char *protocols;
	const char *cipher_grade;
	const char *cipher_exclusions;
	const char *const
	    *match; /* names, or the words nexthop, dot-nexthop, hostname; .name for those below */
	size_t match_count;
	const char *mdalg;                 /* digest of the fingerprints in the summary; "": the context's */
	const struct dane_set *dane;       /* NULL: none */
	int enable_rpk;                    /* -1: the caller knows no such setting, as before 3.9 */
	const char *forced_failure_type;   /* not "": the peer shall not be trusted, for this reason */
	const char *log_param, *log_level; /* instead of the context's; NULL: none of its own */
	bool log_failure;                  /* a handshake that fails is, before what the library has to say */
	struct kept_session *kept;         /* borrowed: resumed, and replaced by what the server offers */
	int fd;                            /* borrowed; must outlive the conn */
	resume_ready_fn ready;
	void *context;
};

/*
 * The client side. `resume` is the cache for this kind of session, or NULL; it outlives the conn. NULL after
 * logging why the session cannot be: bad protocols, ciphers or SNI, or a level whose demands the request does
 * not say how to meet.
 */
struct conn *conn_new_client(
    struct context *context, struct resume_client *resume, const struct conn_client_settings *settings);

void conn_free(struct conn *conn);

enum tls_io conn_handshake(struct conn *conn) __attribute__((warn_unused_result));

/* Once, after the handshake is done. Logs what the log level asks for; what only this needed of the handshake
 * is then given back. Released by the caller. */
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
