/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_dialogue.h"

#include "tlsgate/gate_backend.h"
#include "tlsgate/gate_handoff.h"
#include "tlsgate/gate_smtp.h"

static enum gate_verdict
begin_relay(struct gate_session *s)
{
	buf_add(&s->backend.out, buf_str(&s->client.in), s->client.in.len);
	buf_release_secret(&s->client.in);
	buf_add(&s->client.out, buf_str(&s->backend.in), s->backend.in.len);
	buf_release_secret(&s->backend.in);
	return gate_state_go(s, GATE_RELAY);
}

static enum gate_verdict
take_command(struct gate_session *s)
{
	const char *arguments;

	switch (gate_smtp_take_line(&s->client.in, &s->skipping, &s->line)) {
	case GATE_SMTP_MORE:
		if (s->client.eof)
			return gate_state_end(s, "lost connection");
		if (s->timed_out)
			return gate_state_goodbye(s, "421 4.4.2", "Error: timeout exceeded");
		return GATE_WAIT;
	case GATE_SMTP_TOO_LONG:
		return gate_state_refuse(s, "500 5.5.2 Error: line too long");
	case GATE_SMTP_MALFORMED:
		return gate_state_refuse(s, "500 5.5.2 Error: bad syntax");
	case GATE_SMTP_COMMAND:
		break;
	}
	s->progress = true;

	enum gate_smtp_verb verb = gate_smtp_verb(buf_str(&s->line), &arguments);
	if (verb == GATE_SMTP_STARTTLS)
		return gate_handoff_begin(s, arguments);
	buf_add(&s->backend.out, buf_str(&s->line), s->line.len);
	buf_add_str(&s->backend.out, "\r\n");
	s->expect = verb == GATE_SMTP_EHLO ? GATE_EXPECT_EHLO_REPLY : GATE_EXPECT_REPLY;
	if (verb == GATE_SMTP_BDAT || (verb == GATE_SMTP_MAIL && s->tls))
		return begin_relay(s);
	return GATE_GO_ON;
}

static enum gate_verdict
backend_failed(struct gate_session *s, const char *why)
{
	if (s->farewell) {
		s->end = "done";
		return gate_state_go(s, GATE_CLOSING);
	}
	gate_state_warn(s, "back end %s: %s", gate_backend_name(s->gate->backend), why);
	return gate_state_goodbye(s, "421 4.3.0", "Service currently unavailable");
}

/* GATE_WAIT: there is no reply. */
static enum gate_verdict
take_reply(struct gate_session *s)
{
	size_t len;
	int code;

	switch (gate_smtp_find_reply(&s->backend.in, &len, &code)) {
	case GATE_SMTP_REPLY_MORE:
		if (s->backend.eof || s->backend.broken)
			return backend_failed(s, "lost connection");
		if (s->timed_out && s->expect != GATE_EXPECT_COMMAND)
			return backend_failed(s, "no reply");
		return GATE_WAIT;
	case GATE_SMTP_REPLY_MALFORMED:
		return backend_failed(s, "reply is not SMTP");
	case GATE_SMTP_REPLY_COMPLETE:
		break;
	}
	/* Only a farewell may come unasked; anything else, and the next reply would belong to the wrong
	 * command. */
	if (s->expect == GATE_EXPECT_COMMAND && code != 421)
		return backend_failed(s, "reply without a command");
	if (s->expect == GATE_EXPECT_EHLO_REPLY && code == 250)
		gate_smtp_put_ehlo_reply(&s->client.out, s->backend.in.bytes, len, !s->tls);
	else
		gate_smtp_put_reply(&s->client.out, s->backend.in.bytes, len);
	buf_consume(&s->backend.in, len);
	s->expect = GATE_EXPECT_COMMAND;
	s->farewell = code == 221 || code == 421;
	s->progress = true;
	return code >= 300 && code < 400 ? begin_relay(s) : GATE_GO_ON;
}

enum gate_verdict
gate_dialogue_run(struct gate_session *s)
{
	if (s->client.broken)
		return gate_state_end(s, "lost connection");
	if (s->timed_out && s->client.out.len > 0)
		return gate_state_end(s, "timeout");
	enum gate_verdict verdict = take_reply(s);
	if (verdict != GATE_WAIT)
		return verdict;
	/* The next command is looked at when the client has taken its reply, and nobody is owed anything. */
	if (s->expect != GATE_EXPECT_COMMAND || s->client.out.len > 0 || s->farewell)
		return s->timed_out ? gate_state_end(s, "timeout") : GATE_WAIT;
	return take_command(s);
}

/* --- bytes both ways --- */

static void
pass_end(struct gate_side *from, struct gate_side *to)
{
	if (from->eof && to->out.len == 0 && !to->shut)
		gate_side_shut(to);
}

enum gate_verdict
gate_dialogue_relay(struct gate_session *s)
{
	if (s->timed_out)
		return gate_state_end(s, "timeout");
	if (s->client.broken)
		return gate_state_end(s, "lost connection");
	pass_end(&s->client, &s->backend);
	pass_end(&s->backend, &s->client);

	/* When the back end is gone nobody answers any more, and a client that waits for that must be told.
	 */
	if (s->client.shut && (s->backend.shut || s->backend.broken || s->tls))
		return gate_state_end(s, "done");
	return GATE_WAIT;
}
