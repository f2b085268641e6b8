/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_session.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "mail/attr.h"
#include "mail/timer.h"
#include "mail/tlsproxy_proto.h"
#include "tlsgate/builtin_pair.h"
#include "tlsgate/gate_backend.h"
#include "tlsgate/gate_side.h"
#include "tlsgate/gate_smtp.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/log.h"

enum verdict { GO_ON, WAIT, END };

enum gate_state {
	CONNECT,      /* to the back end, on side `next` */
	GREETING,     /* of that back end */
	DIALOGUE,     /* command, reply, command, reply */
	RELAY,        /* bytes both ways */
	ANNOUNCEMENT, /* of tlsproxy */
	STATUS,       /* its answer to our request */
	HAND_OVER,    /* pass the client's socket */
	READY,        /* "220" goes out on our copy of that socket */
	CLOSING,      /* last words to the client */
};

/* Between STARTTLS and READY the states run in this order: ANNOUNCEMENT, STATUS, CONNECT, GREETING, HAND_OVER. */

enum { SESSION_MAGIC = 0x67617465, PROXY_LIST_LIMIT = 512, PROXY_TIMEOUT_S = 10, CLOSING_TIMEOUT_S = 10 };
enum { DISCARD_LIMIT = 65536 };

enum expect { EXPECT_COMMAND, EXPECT_REPLY, EXPECT_EHLO_REPLY };

struct gate_session {
	unsigned int magic;
	const struct gate *gate; /* borrowed */
	enum gate_state state;
	struct timer *timer; /* owned; the limit of the state */

	struct gate_side client;  /* the client, or tlsproxy in its place */
	struct gate_side backend; /* the one the client talks to */
	struct gate_side next;    /* a back end the client will talk to */
	struct gate_side proxy;   /* tlsproxy, until it takes the client's place */

	enum expect expect;
	size_t address;    /* the one being tried */
	bool starting_tls; /* a STARTTLS command waits for its reply */
	bool tls;
	bool skipping;   /* a command line that is too long */
	bool farewell;   /* the back end said 221 or 421 */
	bool progress;   /* since the last event: start the timer anew */
	bool timed_out;  /* the state function has yet to deal with it */
	const char *end; /* why it ended, for the log */
	struct buf line;
	char peer[NI_MAXHOST + NI_MAXSERV + 4]; /* [address]:port */
};

static void session_run(struct gate_session *s);
static void session_event(evutil_socket_t fd, short what, void *context);

__attribute__((format(printf, 2, 3))) static void
session_warn(const struct gate_session *s, const char *format, ...)
{
	char text[1200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	log_warn("%s: %s", s->peer, text);
}

static enum verdict
end(struct gate_session *s, const char *why)
{
	s->end = why;
	return END;
}

static enum verdict
go(struct gate_session *s, enum gate_state state);

/* Last words, then the end. */
static enum verdict
say_goodbye(struct gate_session *s, const char *code, const char *words)
{
	buf_printf(&s->client.out, "%s %s %s\r\n", code, s->gate->hostname, words);
	s->end = words;
	return go(s, CLOSING);
}

/* The STARTTLS command fails, and the session continues without. */
static enum verdict
refuse_tls(struct gate_session *s)
{
	gate_side_close(&s->proxy);
	gate_side_close(&s->next);
	s->starting_tls = false;
	s->expect = EXPECT_COMMAND;
	buf_add_str(&s->client.out, "454 4.7.0 TLS not available due to local problem\r\n");
	return go(s, DIALOGUE);
}

static enum verdict
no_backend(struct gate_session *s, const char *why)
{
	session_warn(s, "back end %s: %s", gate_backend_name(s->gate->backend), why);
	if (s->starting_tls)
		return refuse_tls(s);
	return say_goodbye(s, "421 4.3.0", "Service currently unavailable");
}

/* --- a connection to the back end --- */

static enum verdict
start_connect(struct gate_session *s, struct err *err)
{
	const struct gate *gate = s->gate;
	bool connecting = false;
	int fd;

	if (gate_backend_is_builtin(gate->backend))
		fd = builtin_pair_new(gate->base, gate->hostname, s->peer, err);
	else
		fd = gate_backend_connect(gate->backend, s->address, &connecting, err);
	if (fd < 0)
		return GO_ON;
	gate_side_open(&s->next, gate->base, fd, session_event, s);
	s->next.connecting = connecting;
	return connecting ? WAIT : go(s, GREETING);
}

static enum verdict
do_connect(struct gate_session *s)
{
	struct err err = { .code = 0 };

	if (!gate_side_is_open(&s->next)) {
		enum verdict verdict = start_connect(s, &err);
		if (gate_side_is_open(&s->next))
			return verdict;
	} else if (s->timed_out) {
		err_set(&err, "connect: timeout");
	} else if (s->next.connecting) {
		return WAIT;
	} else if (s->next.error == 0) {
		return go(s, GREETING);
	} else {
		errno = s->next.error;
		err_errno(&err, "connect");
	}

	gate_side_close(&s->next);
	if (++s->address < gate_backend_count(s->gate->backend))
		return go(s, CONNECT);
	return no_backend(s, err.text);
}

static enum verdict
do_greeting(struct gate_session *s)
{
	size_t len;
	int code;

	switch (gate_smtp_find_reply(&s->next.in, &len, &code)) {
	case GATE_SMTP_REPLY_MORE:
		if (s->next.eof || s->timed_out)
			return no_backend(s, s->timed_out ? "no greeting" : "lost connection before the greeting");
		return WAIT;
	case GATE_SMTP_REPLY_MALFORMED:
		return no_backend(s, "greeting is not SMTP");
	case GATE_SMTP_REPLY_COMPLETE:
		break;
	}
	if (s->starting_tls) {
		if (code != 220 || s->next.in.len > len)
			return no_backend(s, "refuses a second connection for TLS");
		buf_consume(&s->next.in, len);
		return go(s, HAND_OVER);
	}
	gate_smtp_put_reply(&s->client.out, s->next.in.bytes, len);
	buf_consume(&s->next.in, len);
	gate_side_move(&s->backend, &s->next);
	s->farewell = code == 421;
	s->expect = EXPECT_COMMAND;
	return go(s, DIALOGUE);
}

/* --- the dialogue --- */

static enum verdict
begin_relay(struct gate_session *s)
{
	buf_add(&s->backend.out, buf_str(&s->client.in), s->client.in.len);
	buf_clear(&s->client.in);
	buf_add(&s->client.out, buf_str(&s->backend.in), s->backend.in.len);
	buf_clear(&s->backend.in);
	return go(s, RELAY);
}

static enum verdict
begin_tls(struct gate_session *s, const char *arguments)
{
	struct err err;

	if (*arguments) {
		buf_add_str(&s->client.out, "501 5.5.4 Syntax: STARTTLS\r\n");
		return GO_ON;
	}
	if (s->tls) {
		buf_add_str(&s->client.out, "554 5.5.1 Error: TLS already active\r\n");
		return GO_ON;
	}
	s->starting_tls = true;

	/* RFC 3207 lets nothing follow before our reply. What does was put there by somebody who wants it to be taken
	 * for the client's words under TLS (CVE-2011-0411). */
	if (s->client.in.len > 0)
		session_warn(s, "discarding %zu bytes sent in the same breath as STARTTLS", s->client.in.len);
	buf_clear(&s->client.in);

	int fd = fdio_connect_unix(s->gate->tlsproxy, true, &err);
	if (fd < 0) {
		session_warn(s, "%s", err.text);
		return refuse_tls(s);
	}
	gate_side_open(&s->proxy, s->gate->base, fd, session_event, s);
	return go(s, ANNOUNCEMENT);
}

static enum verdict
take_command(struct gate_session *s)
{
	const char *arguments, *refusal = NULL;

	switch (gate_smtp_take_line(&s->client.in, &s->skipping, &s->line)) {
	case GATE_SMTP_MORE:
		if (s->client.eof)
			return end(s, "lost connection");
		if (s->timed_out)
			return say_goodbye(s, "421 4.4.2", "Error: timeout exceeded");
		return WAIT;
	case GATE_SMTP_TOO_LONG:
		refusal = "500 5.5.2 Error: line too long\r\n";
		break;
	case GATE_SMTP_MALFORMED:
		refusal = "500 5.5.2 Error: bad syntax\r\n";
		break;
	case GATE_SMTP_COMMAND:
		break;
	}
	s->progress = true;
	if (refusal) {
		buf_add_str(&s->client.out, refusal);
		return GO_ON;
	}

	enum gate_smtp_verb verb = gate_smtp_verb(buf_str(&s->line), &arguments);
	if (verb == GATE_SMTP_STARTTLS)
		return begin_tls(s, arguments);
	buf_add(&s->backend.out, buf_str(&s->line), s->line.len);
	buf_add_str(&s->backend.out, "\r\n");
	s->expect = verb == GATE_SMTP_EHLO ? EXPECT_EHLO_REPLY : EXPECT_REPLY;
	if (verb == GATE_SMTP_BDAT || (verb == GATE_SMTP_MAIL && s->tls))
		return begin_relay(s);
	return GO_ON;
}

static enum verdict
backend_failed(struct gate_session *s, const char *why)
{
	if (s->farewell) {
		s->end = "done";
		return go(s, CLOSING);
	}
	session_warn(s, "back end %s: %s", gate_backend_name(s->gate->backend), why);
	return say_goodbye(s, "421 4.3.0", "Service currently unavailable");
}

/* WAIT: there is no reply. */
static enum verdict
take_reply(struct gate_session *s)
{
	size_t len;
	int code;

	switch (gate_smtp_find_reply(&s->backend.in, &len, &code)) {
	case GATE_SMTP_REPLY_MORE:
		if (s->backend.eof || s->backend.broken)
			return backend_failed(s, "lost connection");
		if (s->timed_out && s->expect != EXPECT_COMMAND)
			return backend_failed(s, "no reply");
		return WAIT;
	case GATE_SMTP_REPLY_MALFORMED:
		return backend_failed(s, "reply is not SMTP");
	case GATE_SMTP_REPLY_COMPLETE:
		break;
	}
	/* Only a farewell may come unasked; anything else, and the next reply would belong to the wrong command. */
	if (s->expect == EXPECT_COMMAND && code != 421)
		return backend_failed(s, "reply without a command");
	if (s->expect == EXPECT_EHLO_REPLY && code == 250)
		gate_smtp_put_ehlo_reply(&s->client.out, s->backend.in.bytes, len, !s->tls);
	else
		gate_smtp_put_reply(&s->client.out, s->backend.in.bytes, len);
	buf_consume(&s->backend.in, len);
	s->expect = EXPECT_COMMAND;
	s->farewell = code == 221 || code == 421;
	s->progress = true;
	return code >= 300 && code < 400 ? begin_relay(s) : GO_ON;
}

static enum verdict
do_dialogue(struct gate_session *s)
{
	if (s->client.broken)
		return end(s, "lost connection");
	if (s->timed_out && s->client.out.len > 0)
		return end(s, "timeout");
	enum verdict verdict = take_reply(s);
	if (verdict != WAIT)
		return verdict;
	/* The next command is looked at when the client has taken its reply, and nobody is owed anything. */
	if (s->expect != EXPECT_COMMAND || s->client.out.len > 0 || s->farewell)
		return s->timed_out ? end(s, "timeout") : WAIT;
	return take_command(s);
}

/* --- bytes both ways --- */

static void
pass_end(struct gate_side *from, struct gate_side *to)
{
	if (from->eof && to->out.len == 0 && !to->shut)
		gate_side_shut(to);
}

static enum verdict
do_relay(struct gate_session *s)
{
	if (s->timed_out)
		return end(s, "timeout");
	if (s->client.broken)
		return end(s, "lost connection");
	pass_end(&s->client, &s->backend);
	pass_end(&s->backend, &s->client);

	/* When the back end is gone nobody answers any more, and a client that waits for that must be told. */
	if (s->client.shut && (s->backend.shut || s->backend.broken || s->tls))
		return end(s, "done");
	return WAIT;
}

/* --- from STARTTLS to TLS --- */

static enum verdict
proxy_failed(struct gate_session *s, const char *what)
{
	session_warn(s, "%s %s from %s service", s->timed_out ? "timeout receiving" : "problem receiving", what,
	    s->gate->tlsproxy);
	return refuse_tls(s);
}

/* 1: a whole list, and nothing behind it, has come. 0: not yet. -1: it will not come. */
static int
proxy_list(struct gate_session *s)
{
	struct attr_frame frame;
	size_t len;

	attr_frame_init(&frame, PROXY_LIST_LIMIT);
	switch (attr_frame_feed(&frame, buf_str(&s->proxy.in), s->proxy.in.len, &len)) {
	case ATTR_COMPLETE:
		return len == s->proxy.in.len ? 1 : -1;
	case ATTR_TOO_LONG:
		return -1;
	case ATTR_MORE:
		break;
	}
	return s->proxy.eof || s->proxy.broken || s->timed_out ? -1 : 0;
}

static enum verdict
do_announcement(struct gate_session *s)
{
	int list = proxy_list(s);

	if (list == 0)
		return WAIT;
	if (list < 0 || tlsproxy_proto_get_announcement(s->proxy.in.bytes, s->proxy.in.len, s->gate->tlsproxy) < 0)
		return proxy_failed(s, "protocol attribute");
	buf_clear(&s->proxy.in);

	struct tlsproxy_request request = {
		.remote_endpoint = s->peer,
		.flags = TLSPROXY_SERVER,
		.handshake_timeout_s = s->gate->starttls_timeout_s,
		.session_timeout_s = s->gate->timeout_s,
		.serverid = s->gate->service,
	};
	tlsproxy_proto_put_request(&s->proxy.out, &request);
	return go(s, STATUS);
}

static enum verdict
do_status(struct gate_session *s)
{
	int list = proxy_list(s), available = 0;

	if (list == 0)
		return WAIT;
	if (list < 0 ||
	    tlsproxy_proto_get_status(s->proxy.in.bytes, s->proxy.in.len, s->gate->tlsproxy, &available) < 0)
		return proxy_failed(s, "status");
	buf_clear(&s->proxy.in);
	if (available != 1) {
		session_warn(s, "%s service role \"server\" is not available", s->gate->tlsproxy);
		return refuse_tls(s);
	}
	s->address = 0;
	return go(s, CONNECT);
}

/* Drops what has come from the client since STARTTLS; our reply has not gone out, so nothing is the client's. Later
 * bytes reach tlsproxy, where they are no ClientHello. */
static void
discard_plaintext(struct gate_session *s)
{
	size_t total = 0;

	while (total < DISCARD_LIMIT && gate_side_read(&s->client, &s->client.in)) {
		total += s->client.in.len;
		buf_clear(&s->client.in);
	}
	if (total > 0)
		session_warn(s, "discarding %zu bytes sent between STARTTLS and its reply", total);
}

static enum verdict
do_hand_over(struct gate_session *s)
{
	discard_plaintext(s);
	if (s->client.eof)
		return end(s, "lost connection");
	if (fdio_send_fd(s->proxy.fd, s->client.fd) < 0) {
		session_warn(s, "problem sending file handle to %s service: %s", s->gate->tlsproxy, strerror(errno));
		return refuse_tls(s);
	}
	buf_add_str(&s->client.out, "220 2.0.0 Ready to start TLS\r\n");
	return go(s, READY);
}

static enum verdict
do_ready(struct gate_session *s)
{
	static const char quit[] = "QUIT\r\n";

	if (s->client.broken || s->timed_out)
		return end(s, "lost connection");
	if (s->client.out.len > 0)
		return WAIT;
	/* A courtesy to the old back end, which is let go whether it hears it or not. */
	buf_add(&s->backend.out, quit, sizeof quit - 1);
	gate_side_flush(&s->backend);

	gate_side_move(&s->client, &s->proxy);
	gate_side_move(&s->backend, &s->next);
	s->starting_tls = false;
	s->tls = true;
	s->skipping = false;
	s->expect = EXPECT_COMMAND;
	return go(s, DIALOGUE);
}

static enum verdict
do_closing(struct gate_session *s)
{
	if (s->client.out.len > 0 && !s->client.broken && !s->timed_out)
		return WAIT;
	return END;
}

/* --- the machine --- */

enum { CLIENT = 1, BACKEND = 2, NEXT = 4, PROXY = 8 };

static const struct {
	const char *name;
	enum verdict (*run)(struct gate_session *s);
	int reads;       /* sides that are read from */
	size_t timeout;  /* where in struct gate; 0: use timeout_s */
	int timeout_s;
} states[] = {
	[CONNECT] = { "connect", do_connect, 0, offsetof(struct gate, connect_timeout_s), 0 },
	[GREETING] = { "greeting", do_greeting, NEXT, offsetof(struct gate, connect_timeout_s), 0 },
	[DIALOGUE] = { "dialogue", do_dialogue, CLIENT | BACKEND, offsetof(struct gate, timeout_s), 0 },
	[RELAY] = { "relay", do_relay, CLIENT | BACKEND, offsetof(struct gate, timeout_s), 0 },
	[ANNOUNCEMENT] = { "announcement", do_announcement, PROXY, 0, PROXY_TIMEOUT_S },
	[STATUS] = { "status", do_status, PROXY, 0, PROXY_TIMEOUT_S },
	[HAND_OVER] = { "hand-over", do_hand_over, 0, 0, PROXY_TIMEOUT_S },
	[READY] = { "ready", do_ready, 0, offsetof(struct gate, timeout_s), 0 },
	[CLOSING] = { "closing", do_closing, 0, 0, CLOSING_TIMEOUT_S },
};

static void
start_timer(struct gate_session *s)
{
	size_t where = states[s->state].timeout;
	int seconds = states[s->state].timeout_s;

	if (where)
		memcpy(&seconds, (const char *)s->gate + where, sizeof seconds);
	timer_start(s->timer, seconds * 1000);
}

static enum verdict
go(struct gate_session *s, enum gate_state state)
{
	log_debug("%s: %s -> %s", s->peer, states[s->state].name, states[state].name);
	s->state = state;
	s->timed_out = false;
	start_timer(s);
	return GO_ON;
}

/* In RELAY what is read goes at once to where it is to be written. */
static struct buf *
read_into(struct gate_session *s, struct gate_side *side)
{
	if (s->state != RELAY)
		return &side->in;
	return side == &s->client ? &s->backend.out : &s->client.out;
}

static short
want(struct gate_session *s, struct gate_side *side, int bit)
{
	if (!(states[s->state].reads & bit) || side->eof || read_into(s, side)->len >= GATE_SIDE_ROOM)
		return 0;
	/* One command at a time: the next one can wait in the socket. */
	if (s->state == DIALOGUE && bit == CLIENT &&
	    (s->expect != EXPECT_COMMAND || side->out.len > 0 || s->farewell))
		return 0;
	return EV_READ;
}

static void
session_rearm(struct gate_session *s)
{
	gate_side_arm(&s->client, want(s, &s->client, CLIENT));
	gate_side_arm(&s->backend, want(s, &s->backend, BACKEND));
	gate_side_arm(&s->next, want(s, &s->next, NEXT));
	gate_side_arm(&s->proxy, want(s, &s->proxy, PROXY));
	if (s->progress)
		start_timer(s);
	s->progress = false;
}

static void
session_free(struct gate_session *s)
{
	const struct gate *gate = s->gate;

	log_info("disconnect from %s%s%s%s", s->peer, s->tls ? " tls=1" : "", s->end ? ": " : "", s->end ? s->end : "");
	timer_free(s->timer);
	gate_side_close(&s->client);
	gate_side_close(&s->backend);
	gate_side_close(&s->next);
	gate_side_close(&s->proxy);
	buf_release_secret(&s->line);
	s->magic = 0;
	free(s);
	gate->gone(gate->context);
}

/* True: something that waited to be written has gone, and a state function might wait for that. */
static bool
flush(struct gate_session *s)
{
	bool client = gate_side_flush(&s->client), backend = gate_side_flush(&s->backend);
	bool proxy = gate_side_flush(&s->proxy);

	if (s->state == RELAY && (client || backend))
		s->progress = true;
	return client || backend || proxy || s->client.broken != 0;
}

static void
session_run(struct gate_session *s)
{
	bool was_broken;

	do {
		enum verdict verdict;
		do
			verdict = states[s->state].run(s);
		while (verdict == GO_ON);
		if (verdict == END) {
			session_free(s);
			return;
		}
		was_broken = s->client.broken;
	} while (flush(s) && !was_broken);
	s->timed_out = false;
	session_rearm(s);
}

static struct gate_side *
side_of(struct gate_session *s, int fd)
{
	struct gate_side *sides[] = { &s->client, &s->backend, &s->next, &s->proxy };

	for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++)
		if (sides[i]->fd == fd)
			return sides[i];
	log_panic("event for descriptor %d, which is no side of its session", fd);
}

static void
session_event(evutil_socket_t fd, short what, void *context)
{
	struct gate_session *s = context;

	if (s->magic != SESSION_MAGIC)
		log_panic("event for something that is no session");
	struct gate_side *side = side_of(s, fd);

	if ((what & EV_WRITE) && side->connecting && !gate_side_connected(side))
		log_debug("%s: back end: %s", s->peer, strerror(side->error));
	if ((what & EV_READ) && gate_side_read(side, read_into(s, side)) && s->state == RELAY)
		s->progress = true;
	session_run(s);
}

static void
session_timeout(void *context)
{
	struct gate_session *s = context;

	s->timed_out = true;
	session_run(s);
}

/* "[address]:port"; an IPv4 address in IPv6 clothes is shown plain. */
static void
name_peer(struct gate_session *s, int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage space;
	} address;
	socklen_t len = sizeof address;
	char host[NI_MAXHOST], port[NI_MAXSERV];

	snprintf(s->peer, sizeof s->peer, "[unknown]:0");
	if (getpeername(fd, &address.any, &len) < 0)
		return;
	if (address.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr)) {
		struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = address.v6.sin6_port };
		memcpy(&v4.sin_addr, address.v6.sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
		address.v4 = v4;
		len = sizeof v4;
	}
	if (getnameinfo(&address.any, len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(s->peer, sizeof s->peer, "[%s]:%s", host, port);
}

void
gate_session_start(const struct gate *gate, int fd)
{
	struct gate_session *s = alloc_zero(sizeof *s);

	s->magic = SESSION_MAGIC;
	s->gate = gate;
	s->timer = timer_new(gate->base, session_timeout, s);
	gate_side_init(&s->client);
	gate_side_init(&s->backend);
	gate_side_init(&s->next);
	gate_side_init(&s->proxy);
	name_peer(s, fd);
	gate_side_open(&s->client, gate->base, fd, session_event, s);
	log_info("connect from %s", s->peer);
	go(s, CONNECT);
	session_run(s);
}

void
gate_session_refuse(const struct gate *gate, int fd)
{
	char text[512];
	int len = snprintf(text, sizeof text, "421 4.3.2 %.255s All server ports are busy\r\n", gate->hostname);

	/* The socket is new, so there is room; if not, the client learns from the close. */
	if (send(fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		errno = 0;
	close(fd);
}
