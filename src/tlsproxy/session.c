/* SPDX-License-Identifier: ISC */
#include "tlsproxy/session.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mail/tlsproxy_proto.h"
#include "mail/tlsproxy_score.h"
#include "tls/conn.h"
#include "tls/summary.h"
#include "tlsproxy/relay.h"
#include "tlsproxy/result.h"
#include "tlsproxy/role_client.h"
#include "tlsproxy/score.h"
#include "tlsproxy/session_impl.h"
#include "tlsproxy/session_plaintext.h"
#include "tlsproxy/session_request.h"
#include "util/alloc.h"
#include "util/fdio.h"
#include "util/log.h"
#include "util/now.h"
#include "util/text.h"

enum {
	SESSION_MAGIC = 0x5ea17057,
};

static enum verdict do_send_status(struct session *s);
static enum verdict do_refused(struct session *s);
static enum verdict do_receive_descriptor(struct session *s);
static enum verdict do_handshake(struct session *s);
static enum verdict do_send_context(struct session *s);
static enum verdict do_receive_plaintext(struct session *s);
static enum verdict do_relay(struct session *s);
static enum verdict do_finish_remote(struct session *s);
static enum verdict do_finish_caller(struct session *s);

static const struct {
	const char *name;
	enum verdict (*run)(struct session *s);
	int timeout_s; /* 0: from the request */
} states[] = {
	[RECEIVE_REQUEST] = { "receive-request", session_request_receive, 100 },
	[RECEIVE_SETTINGS] = { "receive-settings", session_request_receive_settings, 100 },
	[SEND_STATUS] = { "send-status", do_send_status, 100 },
	[REFUSED] = { "refused", do_refused, 100 },
	[RECEIVE_DESCRIPTOR] = { "receive-descriptor", do_receive_descriptor, 100 },
	[HANDSHAKE] = { "handshake", do_handshake, 0 },
	[SEND_CONTEXT] = { "send-context", do_send_context, 0 },
	[RECEIVE_PLAINTEXT] = { "receive-plaintext", do_receive_plaintext, 100 },
	[RELAY] = { "relay", do_relay, 0 },
	[FINISH_REMOTE] = { "finish-remote", do_finish_remote, 0 },
	[FINISH_CALLER] = { "finish-caller", do_finish_caller, 0 },
};

static void session_run(struct session *s);
static void session_event(evutil_socket_t fd, short what, void *context);

/* --- states --- */

void
session_open_side(struct session *s, struct side *side, int fd)
{
	side->fd = fd;
	side->watched = 0;
	event_assign(&side->read, s->shared->base, fd, EV_READ | EV_PERSIST, session_event, s);
	event_assign(&side->write, s->shared->base, fd, EV_WRITE | EV_PERSIST, session_event, s);
}

void
session_enter(struct session *s, enum session_state state)
{
	log_debug("session %s: %s -> %s", s->endpoint ? s->endpoint : "?", states[s->state].name,
	    states[state].name);
	s->state = state;

	int timeout_s = states[state].timeout_s;
	if (state == HANDSHAKE)
		timeout_s = s->handshake_timeout_s;
	else if (timeout_s == 0)
		timeout_s = s->session_timeout_s;
	s->deadline_ms = now_ms() + (int64_t)timeout_s * 1000;
}

static enum verdict
do_send_status(struct session *s)
{
	switch (relay_flush_to_caller(s)) {
	case RELAY_SOURCE_END:
		session_enter(s, s->available && !s->probe ? RECEIVE_DESCRIPTOR : REFUSED);
		return WAIT;
	case RELAY_TARGET_END:
		return END;
	default:
		return WAIT;
	}
}

/* Whatever the caller does now, it is to close. So it is after a probe. */
static enum verdict
do_refused(struct session *s)
{
	char ignored[256];
	ssize_t got = read(s->caller.fd, ignored, sizeof ignored);

	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)) ? WAIT : END;
}

static enum verdict
do_receive_descriptor(struct session *s)
{
	int fd = -1;

	errno = 0;
	int result = fdio_receive_fd(s->caller.fd, &fd);
	if (result == -1 && (errno == EAGAIN || errno == EINTR))
		return WAIT;
	if (result != 1) {
		log_warn("tlsp_get_fd_event: receive remote SMTP peer file descriptor: %s",
		    result == -1  ? strerror(errno)
		    : result == 0 ? "connection closed"
				  : "not one descriptor");
		return END;
	}

	/* A relay passes small records at once. On what is not TCP this fails, and does no harm. */
	int on = 1;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
		log_debug("TCP_NODELAY: %s", strerror(errno));
	session_open_side(s, &s->remote, fd);
	if (fdio_has_no_peer(fd))
		return END;
	if (fdio_set_nonblocking(fd, true) < 0) {
		log_warn("tlsp_get_fd_event: remote SMTP peer file descriptor: %s", strerror(errno));
		return END;
	}
	session_enter(s, HANDSHAKE);
	return GO_ON;
}

static void
on_lookup_ready(void *context)
{
	session_run(context);
}

/* The caller may be gone. Plaintext that it sent before still has to reach the remote. */
static bool
caller_has_left(struct session *s)
{
	char byte;
	ssize_t got = recv(s->caller.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	s->peek_caller = got > 0;
	return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

static struct conn *
make_conn(struct session *s)
{
	const struct conn_settings settings = {
		.namaddr = s->namaddr ? s->namaddr : s->endpoint,
		.serverid = s->serverid,
		.own_scope = s->shape == TLSPROXY_CONTEXT_3_12,
		.fd = s->remote.fd,
		.ready = on_lookup_ready,
		.context = s,
	};

	s->is_client = s->client != NULL;
	if (s->client)
		return role_client_conn(
		    s->shared->client, s->context, s->client, s->remote.fd, on_lookup_ready, s);
	return conn_new_server(s->context, s->shared->resume, &settings);
}

static enum verdict
do_handshake(struct session *s)
{
	s->read_waits = 0;
	if (!s->conn) {
		s->conn = make_conn(s);
		session_request_release(s);
		if (!s->conn)
			return END;
		/* A server begins with the client's words: no buffers before they come. */
		if (s->flags & TLSPROXY_SERVER) {
			s->read_waits = EV_READ;
			return WAIT;
		}
	}
	switch (conn_handshake(s->conn)) {
	case TLS_IO_DONE:
		break;
	case TLS_IO_WANT_READ:
		s->read_waits = EV_READ;
		return WAIT;
	case TLS_IO_WANT_WRITE:
		s->read_waits = EV_WRITE;
		return WAIT;
	case TLS_IO_WANT_LOOKUP:
		return WAIT;
	default:
		return END;
	}

	struct summary summary;
	conn_summary(s->conn, &summary);
	score_handshake(s->shared->board, s->is_client, true, summary.session_reused);
	scoreboard_add(s->shared->board, TLSPROXY_SCORE_SESSIONS, 1);
	if (s->flags & TLSPROXY_SEND_CONTEXT)
		result_put(&s->to_caller, &summary, s->shape, session_request_is_reported(s, &summary),
		    s->trace_size_limit);
	summary_release(&summary);
	s->read_waits = EV_READ;
	s->remote_may_read = conn_has_pending(s->conn);
	session_enter(s, SEND_CONTEXT);
	return GO_ON;
}

static enum verdict
begin_relay(struct session *s)
{
	if (s->given)
		s->plaintext = s->given;
	session_enter(s, RELAY);
	/* Whatever is not in our hands yet makes a descriptor readable. */
	return s->remote_may_read ? GO_ON : WAIT;
}

static enum verdict
do_receive_plaintext(struct session *s)
{
	return s->given->fd >= 0 ? begin_relay(s) : WAIT;
}

static enum verdict
do_send_context(struct session *s)
{
	switch (relay_flush_to_caller(s)) {
	case RELAY_SOURCE_END:
		if (!s->given)
			return begin_relay(s);
		session_enter(s, RECEIVE_PLAINTEXT);
		return GO_ON;
	case RELAY_TARGET_END:
		log_warn("cannot send TLS context: %s", strerror(errno));
		return END;
	default:
		return WAIT;
	}
}

static enum verdict
do_relay(struct session *s)
{
	s->deadline_ms = now_ms() + (int64_t)s->session_timeout_s * 1000;

	enum relay_result up = s->caller_deaf || s->only == s->plaintext ? RELAY_WAIT : relay_to_caller(s);
	if (up == RELAY_SOURCE_END) {
		session_enter(s, FINISH_CALLER);
		return GO_ON;
	}
	if (up == RELAY_TARGET_END) {
		s->caller_deaf = true;
		buf_release_secret(&s->to_caller);
	}
	s->remote_may_read = up == RELAY_MORE;

	enum relay_result down = s->only == &s->remote ? RELAY_WAIT : relay_to_remote(s);
	s->caller_may_read = down == RELAY_MORE;
	if (down == RELAY_SOURCE_END) {
		session_enter(s, FINISH_REMOTE);
		return GO_ON;
	}
	if (down == RELAY_TARGET_END) {
		session_enter(s, FINISH_CALLER);
		return GO_ON;
	}
	return WAIT;
}

static enum verdict
do_finish_remote(struct session *s)
{
	s->read_waits = 0;
	switch (relay_flush_to_remote(s)) {
	case RELAY_SOURCE_END:
		break;
	case RELAY_TARGET_END:
		return END;
	default:
		return WAIT;
	}
	switch (conn_close(s->conn)) {
	case TLS_IO_WANT_WRITE:
		s->write_waits = EV_WRITE;
		return WAIT;
	default:
		return END;
	}
}

static enum verdict
do_finish_caller(struct session *s)
{
	s->read_waits = 0;
	s->write_waits = 0;
	return relay_flush_to_caller(s) == RELAY_WAIT ? WAIT : END;
}

/* --- events --- */

/* False: this descriptor cannot be watched. */
static bool
watch(struct side *side, short wanted)
{
	int bad = 0;

	if (side->fd < 0 || wanted == side->watched)
		return true;

	short was = side->watched;
	side->watched = wanted;
	if ((was ^ wanted) & EV_READ) {
		if (wanted & EV_READ)
			bad |= event_add(&side->read, NULL);
		else
			event_del(&side->read);
	}
	if ((was ^ wanted) & EV_WRITE) {
		if (wanted & EV_WRITE)
			bad |= event_add(&side->write, NULL);
		else
			event_del(&side->write);
	}
	return bad == 0;
}

static short
wanted_from_plaintext(const struct session *s)
{
	short wanted = s->to_caller.len > 0 ? EV_WRITE : 0;

	switch (s->state) {
	case RECEIVE_REQUEST:
	case RECEIVE_SETTINGS:
	case RECEIVE_DESCRIPTOR:
	case RECEIVE_PLAINTEXT:
	case REFUSED:
		return (short)(wanted | EV_READ);
	case HANDSHAKE:
		return (short)(wanted | (s->peek_caller ? 0 : EV_READ));
	case RELAY:
		return (short)(wanted | (s->to_remote.len == 0 ? EV_READ : 0));
	default:
		return wanted;
	}
}

static short
wanted_from_remote(const struct session *s)
{
	switch (s->state) {
	case HANDSHAKE:
		return s->read_waits;
	case RELAY:
		return (
		    short)((s->to_caller.len == 0 && !s->caller_deaf ? s->read_waits : 0) | s->write_waits);
	case FINISH_REMOTE:
		return s->write_waits;
	default:
		return 0;
	}
}

static bool
session_rearm(struct session *s)
{
	if (!watch(s->plaintext, wanted_from_plaintext(s)) || !watch(&s->remote, wanted_from_remote(s)))
		return false;
	/* Its end is the session's. */
	if (s->plaintext != &s->caller && !watch(&s->caller, EV_READ))
		return false;

	/* Bytes that wait in a buffer of ours make no descriptor readable. A timer, so that other sessions
	 * have their turn. */
	s->again = s->state == RELAY && ((s->remote_may_read && s->to_caller.len == 0) ||
					    (s->caller_may_read && s->to_remote.len == 0));

	/* The timer is set when it does not run, and when the deadline came nearer. A later one is found when
	 * it fires. */
	struct timeval due;
	int64_t left_ms = s->again ? 0 : s->deadline_ms - now_ms();
	if (left_ms < 0)
		left_ms = 0;
	struct timeval wait = { .tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000 };
	if (event_pending(&s->timer, EV_TIMEOUT, &due)) {
		struct timeval now, then;

		event_base_gettimeofday_cached(s->shared->base, &now);
		evutil_timeradd(&now, &wait, &then);
		if (!evutil_timercmp(&then, &due, <))
			return true;
	}
	return event_add(&s->timer, &wait) == 0;
}

static void
side_release(struct side *side)
{
	event_del(&side->read);
	event_del(&side->write);
	fdio_close(&side->fd);
}

static void
session_free(struct session *s)
{
	const struct session_shared *shared = s->shared;

	/* As Postfix says of every request, refused ones among them, that no TLS session came of. */
	if (s->endpoint && s->state <= HANDSHAKE && !s->probe)
		log_info("TLS handshake failed for service=%s peer=%s", s->serverid, s->endpoint);
	if (s->conn && s->state == HANDSHAKE)
		score_handshake(s->shared->board, s->is_client, false, false);
	else if (s->conn)
		scoreboard_add(s->shared->board, TLSPROXY_SCORE_SESSIONS, -1);
	if (s->endpoint)
		log_info("DISCONNECT %s", s->endpoint);
	s->magic = 0;
	event_del(&s->timer);
	conn_free(s->conn);
	side_release(&s->remote);
	if (s->given)
		side_release(s->given);
	side_release(&s->caller);
	free(s->given);
	buf_release_secret(&s->to_caller);
	buf_release_secret(&s->to_remote);
	session_request_release(s);
	free(s->endpoint);
	free(s->serverid);
	free(s->namaddr);
	free(s);
	shared->gone(shared->context);
}

/* The only place where a session ends. */
static void
settle(struct session *s, enum verdict verdict)
{
	if (verdict == END || !session_rearm(s))
		session_free(s);
}

static void
session_run(struct session *s)
{
	enum verdict verdict;

	do {
		verdict = states[s->state].run(s);
	} while (verdict == GO_ON);
	settle(s, verdict);
}

/* The state's time is up. */
static enum verdict
expire(struct session *s)
{
	switch (s->state) {
	case RECEIVE_REQUEST:
	case RECEIVE_SETTINGS:
		session_request_expire(s);
		break;
	case RECEIVE_DESCRIPTOR:
		log_warn(
		    "tlsp_get_fd_event: receive remote SMTP peer file descriptor: %s", strerror(ETIMEDOUT));
		break;
	case RECEIVE_PLAINTEXT:
		log_warn("%s: no descriptor for the plaintext: %s", s->endpoint, strerror(ETIMEDOUT));
		break;
	case SEND_STATUS:
	case REFUSED:
		break;
	default:
		log_warn("ciphertext read/write timeout for %s", s->endpoint);
		break;
	}
	return END;
}

/* The side that is readable and the only one with work to do, when it is known: what flows freely the other
 * way has an event of its own. */
static const struct side *
only_side(const struct session *s, evutil_socket_t fd, short what)
{
	if (s->state != RELAY || what != EV_READ)
		return NULL;
	if (fd == s->plaintext->fd && s->to_caller.len == 0 && !s->remote_may_read)
		return s->plaintext;
	if (fd == s->remote.fd && s->to_remote.len == 0 && !s->caller_may_read)
		return &s->remote;
	return NULL;
}

static void
settle_plaintext(struct session *s)
{
	if (!session_plaintext_hear(s))
		settle(s, END);
	else if (s->state == RECEIVE_PLAINTEXT)
		session_run(s);
	else
		settle(s, WAIT);
}

static void
session_event(evutil_socket_t fd, short what, void *context)
{
	struct session *s = context;

	if (s->magic != SESSION_MAGIC)
		log_panic("session_event: not a session");
	if ((what & EV_TIMEOUT) && now_ms() >= s->deadline_ms)
		settle(s, expire(s));
	else if (what == EV_TIMEOUT && !s->again)
		settle(s, WAIT);
	else if (s->given && s->state >= HANDSHAKE && fd == s->caller.fd && (what & EV_READ))
		settle_plaintext(s);
	else if (s->state == HANDSHAKE && fd == s->caller.fd && caller_has_left(s))
		settle(s, END);
	else {
		s->only = only_side(s, fd, what);
		session_run(s);
	}
}

void
session_start(const struct session_shared *shared, int fd)
{
	struct session *s = alloc_zero(sizeof *s);

	s->magic = SESSION_MAGIC;
	s->shared = shared;
	s->plaintext = &s->caller;
	session_open_side(s, &s->caller, fd);
	session_open_side(s, &s->remote, -1);
	event_assign(&s->timer, shared->base, -1, 0, session_event, s);
	session_request_begin(s);
	session_enter(s, RECEIVE_REQUEST);

	tlsproxy_proto_put_announcement(&s->to_caller);
	/* A caller of ours has not waited for that: it gets the status with it. */
	enum verdict verdict = session_request_receive(s);
	if (s->state != SEND_STATUS && relay_flush_to_caller(s) != RELAY_SOURCE_END) {
		log_warn("write protocol attribute: %s", strerror(errno));
		verdict = END;
	}
	if (verdict == GO_ON)
		session_run(s);
	else
		settle(s, verdict);
}
