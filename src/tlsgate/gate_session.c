/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_session.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "mail/timer.h"
#include "tlsgate/gate_connect.h"
#include "tlsgate/gate_content.h"
#include "tlsgate/gate_crowd.h"
#include "tlsgate/gate_dialogue.h"
#include "tlsgate/gate_handoff.h"
#include "tlsgate/gate_rules.h"
#include "tlsgate/gate_state.h"
#include "tlsgate/gate_xclient.h"
#include "util/alloc.h"
#include "util/log.h"

enum { SESSION_MAGIC = 0x67617465, PROXY_TIMEOUT_MS = 10000, CLOSING_TIMEOUT_MS = 10000 };

static enum gate_verdict
do_closing(struct gate_session *s)
{
	if (s->client.out.len > 0 && !s->client.broken && !s->timed_out)
		return GATE_WAIT;
	return GATE_END;
}

/* --- the machine --- */

enum { CLIENT = 1, BACKEND = 2, NEXT = 4, PROXY = 8 };

static const struct {
	enum gate_verdict (*run)(struct gate_session *s);
	int reads;      /* sides that are read from */
	size_t timeout; /* where in struct gate, in seconds; 0: use timeout_ms */
	int timeout_ms; /* 0: none */
} states[] = {
	[GATE_CONNECT] = { gate_connect_run, 0, offsetof(struct gate, connect_timeout_s), 0 },
	[GATE_CONNECT_AGAIN] = { gate_connect_again, 0, 0, GATE_CONNECT_AGAIN_MS },
	[GATE_GREETING] = { gate_connect_greeting, NEXT, offsetof(struct gate, connect_timeout_s), 0 },
	[GATE_XCLIENT] = { gate_xclient_run, NEXT, offsetof(struct gate, connect_timeout_s), 0 },
	[GATE_DIALOGUE] = { gate_dialogue_run, CLIENT | BACKEND, offsetof(struct gate, timeout_s), 0 },
	[GATE_CONTENT] = { gate_content_run, CLIENT | BACKEND, offsetof(struct gate, timeout_s), 0 },
	[GATE_RELAY] = { gate_dialogue_relay, CLIENT | BACKEND, offsetof(struct gate, timeout_s), 0 },
	[GATE_CALL] = { gate_handoff_call, 0, 0, GATE_HANDOFF_CALL_MS },
	[GATE_ANNOUNCEMENT] = { gate_handoff_announcement, PROXY, 0, PROXY_TIMEOUT_MS },
	[GATE_STATUS] = { gate_handoff_status, PROXY, 0, PROXY_TIMEOUT_MS },
	[GATE_HAND_OVER] = { gate_handoff_run, 0, 0, PROXY_TIMEOUT_MS },
	[GATE_READY] = { gate_handoff_ready, 0, offsetof(struct gate, timeout_s), 0 },
	[GATE_CONTEXT] = { gate_handoff_context, CLIENT, offsetof(struct gate, starttls_timeout_s), 0 },
	[GATE_GIVE] = { gate_handoff_give, 0, offsetof(struct gate, connect_timeout_s), 0 },
	[GATE_GIVEN] = { gate_handoff_given, CLIENT, 0, 0 },
	[GATE_CLOSING] = { do_closing, 0, 0, CLOSING_TIMEOUT_MS },
};

static void
start_timer(struct gate_session *s)
{
	size_t where = states[s->state].timeout;
	int seconds;

	if (!where && states[s->state].timeout_ms == 0) {
		timer_stop(s->timer);
		return;
	}
	if (!where) {
		timer_start(s->timer, states[s->state].timeout_ms);
		return;
	}
	memcpy(&seconds, (const char *)s->gate + where, sizeof seconds);
	timer_start(s->timer, (int64_t)seconds * 1000);
}

static struct gate_side *
opposite(struct gate_session *s, const struct gate_side *side)
{
	return side == &s->client ? &s->backend : &s->client;
}

static short
want(struct gate_session *s, struct gate_side *side, int bit)
{
	/* Nothing but its end comes from a tlsproxy that takes the back end's socket. */
	bool listens = (states[s->state].reads & bit) || (bit == CLIENT && s->gives && s->tls);
	if (!listens || side->eof)
		return 0;
	/* In RELAY what is read goes at once to where it is to be written. */
	if (s->state == GATE_RELAY ? opposite(s, side)->out.len > 0 : side->in.len >= GATE_SIDE_ROOM)
		return 0;
	if (s->state == GATE_CONTENT && bit == CLIENT && s->backend.out.len >= GATE_SIDE_ROOM)
		return 0;
	/* One command at a time: the next one can wait in the socket. */
	if (s->state == GATE_DIALOGUE && bit == CLIENT &&
	    (s->talk.awaits != GATE_AWAITS_NOTHING || side->out.len > 0 || s->farewell))
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

	log_info("disconnect from %s%s%s%s", s->peer, s->tls ? " tls=1" : "", s->end ? ": " : "",
	    s->end ? s->end : "");
	if (s->counted)
		gate_crowd_leave(gate->crowd, s->peer);
	timer_free(s->timer);
	gate_side_close(&s->client);
	gate_side_close(&s->backend);
	gate_side_close(&s->next);
	gate_side_close(&s->proxy);
	buf_release(&s->greeting);
	buf_release_secret(&s->line);
	buf_release(&s->refusal);
	gate_peer_release(&s->tls_peer);
	s->magic = 0;
	free(s);
	gate->gone(gate->context);
}

/* True: something that waited to be written has gone, and a state function might wait for that. */
static bool
flush(struct gate_session *s)
{
	bool client = gate_side_flush(&s->client), backend = gate_side_flush(&s->backend);
	bool proxy = gate_side_flush(&s->proxy), next = gate_side_flush(&s->next);

	if (s->state == GATE_RELAY && (client || backend))
		s->progress = true;
	return client || backend || proxy || next || s->client.broken != 0;
}

static void
session_run(struct gate_session *s)
{
	bool was_broken;

	do {
		enum gate_verdict verdict;
		do
			verdict = states[s->state].run(s);
		while (verdict == GATE_GO_ON);
		if (verdict == GATE_END) {
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
	if ((what & EV_READ) && s->state != GATE_RELAY)
		gate_side_read(side);
	else if ((what & EV_READ) && gate_side_pass(side, opposite(s, side)))
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
	/* The address of a local client is its family and nothing else. */
	if (address.any.sa_family != AF_INET && address.any.sa_family != AF_INET6)
		return;
	if (address.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr)) {
		struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = address.v6.sin6_port };
		memcpy(&v4.sin_addr, address.v6.sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
		address.v4 = v4;
		len = sizeof v4;
	}
	if (getnameinfo(&address.any, len, host, sizeof host, port, sizeof port,
		NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(s->peer, sizeof s->peer, "[%s]:%s", host, port);
}

static void
refuse_crowd(struct gate_session *s, enum gate_crowd_verdict why)
{
	gate_state_warn(s, why == GATE_CROWD_FULL ? "too many sessions from this address"
						  : "too many new sessions from this address");
	if (s->gate->wrappermode)
		gate_state_go(s, GATE_CLOSING);
	else
		gate_state_goodbye(s, GATE_WORD_CROWD);
}

static void
begin(struct gate_session *s)
{
	gate_rules_begin(s);
	gate_state_go(s, s->gate->wrappermode ? GATE_CALL : GATE_CONNECT);
}

void
gate_session_start(const struct gate *gate, int fd)
{
	struct gate_session *s = alloc_zero(sizeof *s);

	s->magic = SESSION_MAGIC;
	s->gate = gate;
	s->talk = (struct gate_talk){
		.protocol = gate->protocol,
		.hostname = gate->hostname,
		.no_tls = gate->no_tls,
		.encrypt = gate->encrypt,
		.auth_only = gate->auth_only,
		.xclient = gate->xclient,
	};
	s->timer = timer_new(gate->base, session_timeout, s);
	gate_side_init(&s->client);
	gate_side_init(&s->backend);
	gate_side_init(&s->next);
	gate_side_init(&s->proxy);
	name_peer(s, fd);
	if (gate->proxy_protocol || gate->xclient)
		gate_proxy2_learn(&s->ends, fd);
	s->on_event = session_event;
	gate_side_open(&s->client, gate->base, fd, session_event, s);
	/* In wrapper mode tlsproxy says so, and each line costs a sender, postlogd and master some work. */
	if (!gate->wrappermode)
		log_info("connect from %s", s->peer);
	enum gate_crowd_verdict verdict =
	    gate->crowd ? gate_crowd_enter(gate->crowd, s->peer) : GATE_CROWD_UNCOUNTED;
	s->counted = verdict == GATE_CROWD_ENTERED;
	if (verdict == GATE_CROWD_FULL || verdict == GATE_CROWD_FAST)
		refuse_crowd(s, verdict);
	else
		begin(s);
	session_run(s);
}

void
gate_session_refuse(const struct gate *gate, int fd, enum gate_word word)
{
	const struct gate_talk talk = { .protocol = gate->protocol, .hostname = gate->hostname };
	struct buf words = BUF_INIT;

	/* The socket is new, so there is room; if not, the client learns from the close. */
	if (!gate->wrappermode) {
		gate_talk_put(&talk, word, &words);
		if (send(fd, words.bytes, words.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			errno = 0;
	}
	buf_release(&words);
	close(fd);
}
