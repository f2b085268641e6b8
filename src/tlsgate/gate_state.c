/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_state.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/log.h"

enum { REFUSAL_LIMIT = 20 };

static const char *const names[] = {
	[GATE_CONNECT] = "connect",
	[GATE_CONNECT_AGAIN] = "connect-again",
	[GATE_GREETING] = "greeting",
	[GATE_XCLIENT] = "xclient",
	[GATE_DIALOGUE] = "dialogue",
	[GATE_CONTENT] = "content",
	[GATE_RELAY] = "relay",
	[GATE_CALL] = "call",
	[GATE_ANNOUNCEMENT] = "announcement",
	[GATE_STATUS] = "status",
	[GATE_HAND_OVER] = "hand-over",
	[GATE_READY] = "ready",
	[GATE_CONTEXT] = "context",
	[GATE_GIVE] = "give",
	[GATE_GIVEN] = "given",
	[GATE_CLOSING] = "closing",
};

void
gate_state_warn(const struct gate_session *s, const char *format, ...)
{
	char text[1200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	log_warn("%s: %s", s->peer, text);
}

enum gate_verdict
gate_state_go(struct gate_session *s, enum gate_state state)
{
	log_debug("%s: %s -> %s", s->peer, names[s->state], names[state]);
	s->state = state;
	s->timed_out = false;
	s->progress = true;
	return GATE_GO_ON;
}

enum gate_verdict
gate_state_end(struct gate_session *s, const char *why)
{
	s->end = why;
	return GATE_END;
}

enum gate_verdict
gate_state_refuse(struct gate_session *s, enum gate_word word)
{
	if (++s->refusals > REFUSAL_LIMIT)
		return gate_state_goodbye(s, GATE_WORD_TOO_MANY);
	gate_talk_put(&s->talk, word, &s->client.out);
	return gate_state_go(s, GATE_DIALOGUE);
}

enum gate_verdict
gate_state_goodbye(struct gate_session *s, enum gate_word word)
{
	gate_talk_put(&s->talk, word, &s->client.out);
	s->end = gate_talk_reason(word);
	return gate_state_go(s, GATE_CLOSING);
}
