/* SPDX-License-Identifier: ISC */
/*
 * probe_wire: the connection to one server: commands out, replies in, in plaintext and then in TLS.
 *
 * Every call waits, and none longer than the time limit.
 */
#ifndef TLSPROBE_PROBE_WIRE_H
#define TLSPROBE_PROBE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"

struct conn;
struct err;
struct probe_reply;
struct probe_server;
struct probe_settings;

struct probe_wire {
	int fd;            /* owned; -1: closed */
	struct conn *conn; /* owned; NULL: plaintext */
	bool tls_is_up;    /* and can be closed in an orderly way */
	struct buf in;     /* what has come and was not read */
	int timeout_s;     /* of each call */
};

#define PROBE_WIRE_INIT(limit_s)                                                                             \
	{                                                                                                    \
		.fd = -1, .timeout_s = (limit_s)                                                             \
	}

/* 0, or -1 with the words for why not, without the server's name. `wire` is closed with probe_wire_close() in
 * either case. */
int probe_wire_connect(struct probe_wire *wire, const struct probe_server *server, int port,
    const struct probe_settings *settings, struct err *err) __attribute__((warn_unused_result));

/* What came before is forgotten: it was not said under TLS. Takes `conn`, whose descriptor is that of `wire`.
 * 0, or -1 after it was logged. */
int probe_wire_start_tls(struct probe_wire *wire, struct conn *conn, const char *namaddr)
    __attribute__((warn_unused_result));

/* From here on the other end of `fd`, which it takes, does the TLS. */
void probe_wire_replace(struct probe_wire *wire, int fd);

enum probe_wire_result {
	PROBE_WIRE_DONE,
	PROBE_WIRE_LATE, /* the time is up */
	PROBE_WIRE_LOST, /* the connection is */
	PROBE_WIRE_ODD,  /* what came is no reply */
};

/* Sends the command, if there is one, and reads a reply. */
enum probe_wire_result probe_wire_ask(
    struct probe_wire *wire, const char *command, struct probe_reply *reply);

/* True: the descriptor is ready. False: the time is up, by now_ms(). */
bool probe_wire_await(int fd, short events, int64_t deadline_ms);

/* Ends TLS in an orderly way, and closes. */
void probe_wire_close(struct probe_wire *wire);

#endif
