/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_dialogue.h"

#include "tlsgate/gate_backend.h"
#include "tlsgate/gate_content.h"
#include "tlsgate/gate_handoff.h"
#include "tlsgate/gate_line.h"

static enum gate_verdict
begin_relay(struct gate_session *s)
{
	buf_add(&s->backend.out, buf_str(&s->client.in), s->client.in.len);
	buf_release_secret(&s->client.in);
	buf_add(&s->client.out, buf_str(&s->backend.in), s->backend.in.len);
	buf_release_secret(&s->backend.in);
	return gate_state_go(s, GATE_RELAY);
}

/* What the gate says to a line it could not read has no tag. */
static enum gate_verdict
refuse_line(struct gate_session *s, enum gate_word word)
{
	s->talk.tag[0] = 0;
	return gate_state_refuse(s, word);
}

static enum gate_verdict
run_command(struct gate_session *s)
{
	enum gate_word word = GATE_WORD_MALFORMED;
	enum gate_action action = gate_talk_command(&s->talk, buf_str(&s->line), &word);

	switch (action) {
	case GATE_ACTION_STARTTLS:
		return gate_handoff_begin(s);
	case GATE_ACTION_REFUSE:
		return gate_state_refuse(s, word);
	case GATE_ACTION_END:
		return gate_state_goodbye(s, word);
	case GATE_ACTION_PASS:
	case GATE_ACTION_PASS_ALL:
		break;
	}
	buf_add(&s->backend.out, buf_str(&s->line), s->line.len);
	buf_add_str(&s->backend.out, "\r\n");
	return action == GATE_ACTION_PASS_ALL ? begin_relay(s) : GATE_GO_ON;
}

static enum gate_verdict
take_command(struct gate_session *s)
{
	switch (gate_line_take(&s->client.in, &s->skipping, &s->line)) {
	case GATE_LINE_MORE:
		if (s->client.eof)
			return gate_state_end(s, "lost connection");
		return s->timed_out ? gate_state_goodbye(s, GATE_WORD_TIMEOUT) : GATE_WAIT;
	case GATE_LINE_TOO_LONG:
		return refuse_line(s, GATE_WORD_TOO_LONG);
	case GATE_LINE_MALFORMED:
		return refuse_line(s, GATE_WORD_MALFORMED);
	case GATE_LINE_COMMAND:
		break;
	}
	s->progress = true;
	return run_command(s);
}

static enum gate_verdict
backend_failed(struct gate_session *s, const char *why)
{
	if (s->farewell) {
		s->end = "done";
		return gate_state_go(s, GATE_CLOSING);
	}
	gate_state_warn(s, "back end %s: %s", gate_backend_name(gate_state_backend(s)), why);
	return gate_state_goodbye(s, GATE_WORD_NO_BACKEND);
}

/* GATE_WAIT: there is no reply. */
static enum gate_verdict
take_reply(struct gate_session *s)
{
	bool asked = s->talk.awaits != GATE_AWAITS_NOTHING;
	enum gate_answer answer = gate_talk_answer(&s->talk, &s->backend.in, &s->client.out);

	switch (answer) {
	case GATE_ANSWER_MORE:
		if (s->backend.eof || s->backend.broken)
			return backend_failed(s, "lost connection");
		if (s->timed_out && asked)
			return backend_failed(s, "no reply");
		return GATE_WAIT;
	case GATE_ANSWER_MALFORMED:
		return backend_failed(s, asked ? "reply is not of this protocol" : "reply without a command");
	case GATE_ANSWER_FAREWELL:
		s->farewell = true;
		break;
	case GATE_ANSWER_ASKS:
		s->progress = true;
		return begin_relay(s);
	case GATE_ANSWER_ASKS_MESSAGE:
	case GATE_ANSWER_ASKS_LINE:
		return gate_content_begin(s, answer == GATE_ANSWER_ASKS_LINE);
	case GATE_ANSWER_PART:
	case GATE_ANSWER_DONE:
	case GATE_ANSWER_NO:
		break;
	}
	s->progress = true;
	return GATE_GO_ON;
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
	if (s->talk.awaits != GATE_AWAITS_NOTHING || s->client.out.len > 0 || s->farewell)
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
