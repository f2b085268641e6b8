/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_handoff.h"

#include <errno.h>
#include <string.h>

#include "mail/attr.h"
#include "mail/tlsproxy_proto.h"
#include "tlsgate/gate_rules.h"
#include "util/err.h"
#include "util/fdio.h"

enum { PROXY_LIST_LIMIT = 512, CONTEXT_LIMIT = 8192, DISCARD_LIMIT = 65536 };

enum gate_verdict
gate_handoff_refuse(struct gate_session *s)
{
	gate_side_close(&s->proxy);
	gate_side_close(&s->next);
	if (s->gate->wrappermode)
		return gate_state_end(s, "TLS not available");
	s->starting_tls = false;
	s->talk.tls = false;
	s->talk.awaits = GATE_AWAITS_NOTHING;
	return gate_state_refuse(s, GATE_WORD_UNAVAILABLE);
}

static bool
offers_backend(const struct gate *gate)
{
	return !gate->protocol && gate->relays && !*gate->relays;
}

/* It waits for nothing, so that tlsproxy finds it when it looks at its new client for the first time. */
static void
put_request(struct gate_session *s)
{
	struct tlsproxy_request request = {
		.remote_endpoint = s->peer,
		.flags = TLSPROXY_SERVER | (gate_session_wants_context(s->gate) ? TLSPROXY_SEND_CONTEXT : 0),
		.handshake_timeout_s = s->gate->starttls_timeout_s,
		.session_timeout_s = s->gate->timeout_s,
		.serverid = s->gate->service,
		.offers_plaintext = offers_backend(s->gate),
	};

	tlsproxy_proto_put_request(&s->proxy.out, &request);
}

enum gate_verdict
gate_handoff_call(struct gate_session *s)
{
	struct err err;

	int fd = fdio_connect_unix(s->gate->tlsproxy, true, &err);
	/* More clients at once than the queue of its socket holds: it takes them as fast as it can. */
	if (fd < 0 && err.code == EAGAIN && ++s->calls < GATE_HANDOFF_CALLS) {
		s->progress = true;
		return GATE_WAIT;
	}
	if (fd < 0) {
		gate_state_warn(s, "%s", err.text);
		return gate_handoff_refuse(s);
	}
	gate_side_open(&s->proxy, s->gate->base, fd, s->on_event, s);
	put_request(s);
	return gate_state_go(s, GATE_ANNOUNCEMENT);
}

enum gate_verdict
gate_handoff_begin(struct gate_session *s)
{
	s->starting_tls = true;
	s->calls = 0;

	/* RFC 3207 lets nothing follow before our reply. What does was put there by somebody who wants it to
	 * be taken for the client's words under TLS (CVE-2011-0411). */
	if (s->client.in.len > 0)
		gate_state_warn(
		    s, "discarding %zu bytes sent in the same breath as STARTTLS", s->client.in.len);
	buf_clear(&s->client.in);
	return gate_state_go(s, GATE_CALL);
}

static enum gate_verdict
proxy_failed(struct gate_session *s, const char *what)
{
	gate_state_warn(s, "%s %s from %s service", s->timed_out ? "timeout receiving" : "problem receiving",
	    what, s->gate->tlsproxy);
	return gate_handoff_refuse(s);
}

/* 1: a whole list, of *len bytes, has come. 0: not yet. -1: it will not come. */
static int
whole_list(const struct gate_session *s, const struct gate_side *side, size_t limit, size_t *len)
{
	struct attr_frame frame;

	attr_frame_init(&frame, limit);
	switch (attr_frame_feed(&frame, buf_str(&side->in), side->in.len, len)) {
	case ATTR_COMPLETE:
		return 1;
	case ATTR_TOO_LONG:
		return -1;
	case ATTR_MORE:
		break;
	}
	return side->eof || side->broken || s->timed_out ? -1 : 0;
}

enum gate_verdict
gate_handoff_announcement(struct gate_session *s)
{
	size_t len;
	int list = whole_list(s, &s->proxy, PROXY_LIST_LIMIT, &len);

	if (list == 0)
		return GATE_WAIT;
	if (list < 0 || tlsproxy_proto_get_announcement(s->proxy.in.bytes, len, s->gate->tlsproxy) < 0)
		return proxy_failed(s, "protocol attribute");
	buf_consume(&s->proxy.in, len);
	return gate_state_go(s, GATE_STATUS);
}

enum gate_verdict
gate_handoff_status(struct gate_session *s)
{
	size_t len;
	int list = whole_list(s, &s->proxy, PROXY_LIST_LIMIT, &len), available = 0, taken = 0;

	if (list == 0)
		return GATE_WAIT;
	/* Nothing may follow it: what comes next is from the client. */
	if (list < 0 || len != s->proxy.in.len ||
	    tlsproxy_proto_get_status(
		s->proxy.in.bytes, s->proxy.in.len, s->gate->tlsproxy, &available, &taken) < 0)
		return proxy_failed(s, "status");
	buf_clear(&s->proxy.in);
	if (available != 1) {
		gate_state_warn(s, "%s service role \"server\" is not available", s->gate->tlsproxy);
		return gate_handoff_refuse(s);
	}
	s->gives = taken == 1 && offers_backend(s->gate);
	if (offers_backend(s->gate) && !taken)
		*s->gate->relays = true;
	s->address = 0;
	bool connect_later = s->gate->wrappermode || gate_session_wants_context(s->gate);
	return gate_state_go(s, connect_later ? GATE_HAND_OVER : GATE_CONNECT);
}

/* Drops what has come from the client since STARTTLS; our reply has not gone out, so nothing is the client's.
 * Later bytes reach tlsproxy, where they are no ClientHello. */
static void
discard_plaintext(struct gate_session *s)
{
	size_t total = 0;

	while (total < DISCARD_LIMIT && gate_side_read(&s->client)) {
		total += s->client.in.len;
		buf_clear(&s->client.in);
	}
	if (total > 0)
		gate_state_warn(s, "discarding %zu bytes sent between STARTTLS and its reply", total);
}

/* From here on the client is what comes decrypted from tlsproxy. */
static void
begin_tls(struct gate_session *s)
{
	gate_side_move(&s->client, &s->proxy);
	buf_release_secret(&s->client.in);
	s->starting_tls = false;
	s->tls = true;
	s->skipping = false;
}

enum gate_verdict
gate_handoff_run(struct gate_session *s)
{
	if (!s->gate->wrappermode)
		discard_plaintext(s);
	if (s->client.eof)
		return gate_state_end(s, "lost connection");
	if (fdio_send_fd(s->proxy.fd, s->client.fd) < 0) {
		gate_state_warn(
		    s, "problem sending file handle to %s service: %s", s->gate->tlsproxy, strerror(errno));
		return gate_handoff_refuse(s);
	}
	if (s->gate->wrappermode) {
		begin_tls(s);
		return gate_state_go(s, gate_session_wants_context(s->gate) ? GATE_CONTEXT : GATE_CONNECT);
	}
	gate_talk_put(&s->talk, GATE_WORD_READY, &s->client.out);
	return gate_state_go(s, GATE_READY);
}

enum gate_verdict
gate_handoff_ready(struct gate_session *s)
{
	if (s->client.broken || s->timed_out)
		return gate_state_end(s, "lost connection");
	if (s->client.out.len > 0)
		return GATE_WAIT;
	/* A courtesy to the old back end, which is let go whether it hears it or not. */
	buf_add_str(&s->backend.out, s->talk.protocol->bye);
	gate_side_flush(&s->backend);

	begin_tls(s);
	gate_side_move(&s->backend, &s->next);
	if (gate_session_wants_context(s->gate))
		return gate_state_go(s, GATE_CONTEXT);
	if (s->talk.protocol->greets_again)
		buf_add(&s->client.out, buf_str(&s->greeting), s->greeting.len);
	buf_release(&s->greeting);
	return gate_state_go(s, GATE_DIALOGUE);
}

enum gate_verdict
gate_handoff_context(struct gate_session *s)
{
	struct tlsproxy_context context;
	size_t len;
	int list = whole_list(s, &s->client, CONTEXT_LIMIT, &len);

	if (list == 0)
		return GATE_WAIT;
	/* tlsproxy has logged why. */
	if (list < 0)
		return gate_state_end(s, s->timed_out ? "timeout" : "no TLS session");
	if (tlsproxy_proto_get_context(s->client.in.bytes, len, s->gate->tlsproxy, &context) < 0)
		return gate_state_end(s, "no TLS session");

	gate_peer_set(&s->tls_peer, &context);
	buf_consume(&s->client.in, len);
	return gate_rules_tls(s);
}

enum gate_verdict
gate_handoff_give(struct gate_session *s)
{
	if (s->backend.broken || s->timed_out)
		return gate_state_end(s, "lost connection");
	/* The header comes before anything of the client's. */
	if (s->backend.out.len > 0)
		return GATE_WAIT;
	if (fdio_send_fd(s->client.fd, s->backend.fd) < 0) {
		/* tlsproxy has said why there is no TLS session. */
		if (errno == EPIPE)
			return gate_state_end(s, "no TLS session");
		gate_state_warn(
		    s, "problem sending file handle to %s service: %s", s->gate->tlsproxy, strerror(errno));
		return gate_state_end(s, "TLS not available");
	}
	return gate_state_go(s, GATE_GIVEN);
}

enum gate_verdict
gate_handoff_given(struct gate_session *s)
{
	if (s->client.in.len > 0) {
		gate_state_warn(s, "%s service says more than it was asked", s->gate->tlsproxy);
		return gate_state_end(s, "TLS not available");
	}
	if (!s->client.eof)
		return GATE_WAIT;
	/* Most back ends are gone by now. Nobody is there for what others still say. */
	if (gate_side_read(&s->backend))
		buf_release_secret(&s->backend.in);
	return s->backend.eof ? gate_state_end(s, "done") : gate_state_go(s, GATE_RELAY);
}
