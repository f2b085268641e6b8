/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_connect.h"

#include <errno.h>

#include "tlsgate/builtin_pair.h"
#include "tlsgate/gate_backend.h"
#include "tlsgate/gate_handoff.h"
#include "tlsgate/gate_xclient.h"
#include "util/err.h"

enum gate_verdict
gate_connect_failed(struct gate_session *s, const char *why)
{
	gate_state_warn(s, "back end %s: %s", gate_backend_name(gate_state_backend(s)), why);
	if (s->starting_tls)
		return gate_handoff_refuse(s);
	if (!s->gate->protocol)
		return gate_state_end(s, "no back end");
	return gate_state_goodbye(s, GATE_WORD_NO_BACKEND);
}

static void
put_proxy2(struct gate_session *s)
{
	const struct gate_peer *peer = &s->tls_peer;
	const struct gate_proxy2_tls tls = {
		.version = peer->protocol,
		.cipher = peer->cipher,
		.subject_cn = peer->subject_cn,
		.has_cert = peer->has_cert,
		.verified = peer->trusted,
	};

	gate_proxy2_put(&s->next.out, &s->ends, s->tls ? &tls : NULL);
}

static enum gate_verdict
connected(struct gate_session *s)
{
	if (s->gate->proxy_protocol)
		put_proxy2(s);
	if (s->gate->protocol) {
		gate_talk_begin(&s->talk, s->tls || s->starting_tls);
		buf_clear(&s->greeting);
		return gate_state_go(s, GATE_GREETING);
	}
	gate_side_move(&s->backend, &s->next);
	return gate_state_go(s, s->gives ? GATE_GIVE : GATE_RELAY);
}

static int
start_connect(struct gate_session *s, struct err *err)
{
	const struct gate *gate = s->gate;
	const struct gate_backend *backend = gate_state_backend(s);
	bool connecting = false;
	int fd;

	if (gate_backend_is_builtin(backend))
		fd = builtin_pair_new(gate->base, gate->hostname, s->peer, err);
	else
		fd = gate_backend_connect(backend, s->address, &connecting, err);
	if (fd < 0)
		return -1;
	gate_side_open(&s->next, gate->base, fd, s->on_event, s);
	s->next.connecting = connecting;
	return 0;
}

enum gate_verdict
gate_connect_again(struct gate_session *s)
{
	return s->timed_out ? gate_state_go(s, GATE_CONNECT) : GATE_WAIT;
}

/* More clients at once than the queue of a local socket holds: the back end takes them as fast as it can. */
static bool
is_busy(struct gate_session *s, const struct err *err)
{
	return err->code == EAGAIN &&
	       ++s->connects <= s->gate->connect_timeout_s * (1000 / GATE_CONNECT_AGAIN_MS);
}

enum gate_verdict
gate_connect_run(struct gate_session *s)
{
	struct err err = { .code = 0 };

	/* tlsproxy has said why. */
	if (s->gives && s->client.eof)
		return gate_state_end(s, "no TLS session");
	if (!gate_side_is_open(&s->next)) {
		if (start_connect(s, &err) == 0) {
			s->connects = 0;
			return s->next.connecting ? GATE_WAIT : connected(s);
		}
		if (is_busy(s, &err))
			return gate_state_go(s, GATE_CONNECT_AGAIN);
	} else if (s->timed_out) {
		err_set(&err, "connect: timeout");
	} else if (s->next.connecting) {
		return GATE_WAIT;
	} else if (s->next.error == 0) {
		return connected(s);
	} else {
		errno = s->next.error;
		err_errno(&err, "connect");
	}

	gate_side_close(&s->next);
	s->connects = 0;
	if (++s->address < gate_backend_count(gate_state_backend(s)))
		return gate_state_go(s, GATE_CONNECT);
	return gate_connect_failed(s, err.text);
}

enum gate_verdict
gate_connect_greeting(struct gate_session *s)
{
	enum gate_answer answer = gate_talk_answer(&s->talk, &s->next.in, &s->greeting);

	switch (answer) {
	case GATE_ANSWER_PART:
		return GATE_GO_ON;
	case GATE_ANSWER_MORE:
		if (s->next.eof || s->timed_out)
			return gate_connect_failed(
			    s, s->timed_out ? "no greeting" : "lost connection before the greeting");
		return GATE_WAIT;
	case GATE_ANSWER_MALFORMED:
		return gate_connect_failed(s, "greeting is not of this protocol");
	case GATE_ANSWER_DONE:
	case GATE_ANSWER_NO:
	case GATE_ANSWER_ASKS:
	case GATE_ANSWER_ASKS_MESSAGE:
	case GATE_ANSWER_ASKS_LINE:
	case GATE_ANSWER_FAREWELL:
		break;
	}
	if (s->gate->xclient && answer == GATE_ANSWER_DONE && s->next.in.len == 0)
		return gate_xclient_begin(s);
	return gate_connect_greeted(s, answer);
}

enum gate_verdict
gate_connect_greeted(struct gate_session *s, enum gate_answer answer)
{
	if (s->starting_tls) {
		if (answer != GATE_ANSWER_DONE || s->next.in.len > 0)
			return gate_connect_failed(s, "refuses a second connection for TLS");
		return gate_state_go(s, GATE_HAND_OVER);
	}
	/* Who said STARTTLS does not expect another greeting. */
	bool greeted = s->tls && !s->gate->wrappermode;
	if (greeted && answer != GATE_ANSWER_DONE)
		return gate_connect_failed(s, "refuses a second connection for TLS");
	if (!greeted || s->talk.protocol->greets_again)
		buf_add(&s->client.out, buf_str(&s->greeting), s->greeting.len);
	buf_release(&s->greeting);
	gate_side_move(&s->backend, &s->next);
	s->farewell = answer == GATE_ANSWER_FAREWELL;
	return gate_state_go(s, GATE_DIALOGUE);
}
