/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_connect.h"

#include <errno.h>

#include "tlsgate/builtin_pair.h"
#include "tlsgate/gate_backend.h"
#include "tlsgate/gate_handoff.h"
#include "tlsgate/gate_smtp.h"
#include "util/err.h"

static enum gate_verdict
no_backend(struct gate_session *s, const char *why)
{
	gate_state_warn(s, "back end %s: %s", gate_backend_name(s->gate->backend), why);
	if (s->starting_tls)
		return gate_handoff_refuse(s);
	if (s->gate->protocol == GATE_PROTOCOL_NONE)
		return gate_state_end(s, "no back end");
	return gate_state_goodbye(s, "421 4.3.0", "Service currently unavailable");
}

static enum gate_verdict
connected(struct gate_session *s)
{
	if (s->gate->protocol == GATE_PROTOCOL_SMTP)
		return gate_state_go(s, GATE_GREETING);
	gate_side_move(&s->backend, &s->next);
	return gate_state_go(s, GATE_RELAY);
}

static int
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
		return -1;
	gate_side_open(&s->next, gate->base, fd, s->on_event, s);
	s->next.connecting = connecting;
	return 0;
}

enum gate_verdict
gate_connect_run(struct gate_session *s)
{
	struct err err = { .code = 0 };

	if (!gate_side_is_open(&s->next)) {
		if (start_connect(s, &err) == 0)
			return s->next.connecting ? GATE_WAIT : connected(s);
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
	if (++s->address < gate_backend_count(s->gate->backend))
		return gate_state_go(s, GATE_CONNECT);
	return no_backend(s, err.text);
}

enum gate_verdict
gate_connect_greeting(struct gate_session *s)
{
	size_t len;
	int code;

	switch (gate_smtp_find_reply(&s->next.in, &len, &code)) {
	case GATE_SMTP_REPLY_MORE:
		if (s->next.eof || s->timed_out)
			return no_backend(
			    s, s->timed_out ? "no greeting" : "lost connection before the greeting");
		return GATE_WAIT;
	case GATE_SMTP_REPLY_MALFORMED:
		return no_backend(s, "greeting is not SMTP");
	case GATE_SMTP_REPLY_COMPLETE:
		break;
	}
	if (s->starting_tls) {
		if (code != 220 || s->next.in.len > len)
			return no_backend(s, "refuses a second connection for TLS");
		buf_consume(&s->next.in, len);
		return gate_state_go(s, GATE_HAND_OVER);
	}
	gate_smtp_put_reply(&s->client.out, s->next.in.bytes, len);
	buf_consume(&s->next.in, len);
	gate_side_move(&s->backend, &s->next);
	s->farewell = code == 421;
	s->expect = GATE_EXPECT_COMMAND;
	return gate_state_go(s, GATE_DIALOGUE);
}
