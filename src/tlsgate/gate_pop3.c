/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_pop3.h"

#include <string.h>

#include "tlsgate/gate_line.h"
#include "util/buf.h"

enum { AWAITS_CAPA = GATE_AWAITS_OWN, AWAITS_CAPABILITY, AWAITS_QUIT };

static const char *const words[GATE_WORDS] = {
	[GATE_WORD_READY] = "+OK Begin TLS",
	[GATE_WORD_TOO_LONG] = "-ERR line too long",
	[GATE_WORD_MALFORMED] = "-ERR bad syntax",
	[GATE_WORD_ARGUMENT] = "-ERR STLS has no argument",
	[GATE_WORD_TLS_ACTIVE] = "-ERR TLS is already active",
	[GATE_WORD_NOT_IMPLEMENTED] = "-ERR command not implemented",
	[GATE_WORD_UNAVAILABLE] = "-ERR [SYS/TEMP] TLS not available due to local problem",
	[GATE_WORD_ENCRYPT] = "-ERR Must issue a STLS command first",
	[GATE_WORD_AUTH] = "-ERR Must issue a STLS command first",
	[GATE_WORD_LITERAL] = "-ERR bad syntax",
	[GATE_WORD_TOO_MANY] = "-ERR too many errors",
	[GATE_WORD_TIMEOUT] = "-ERR timeout exceeded",
	[GATE_WORD_NO_BACKEND] = "-ERR [SYS/TEMP] Service currently unavailable",
	[GATE_WORD_BUSY] = "-ERR [SYS/TEMP] All server ports are busy",
	[GATE_WORD_CROWD] = "-ERR [SYS/TEMP] Too many connections",
	[GATE_WORD_NO_CERT] = "-ERR No client certificate presented",
	[GATE_WORD_CERT_UNTRUSTED] = "-ERR Client certificate not trusted",
};

static enum gate_action
command(struct gate_talk *talk, const char *line, enum gate_word *word)
{
	const char *rest;
	size_t len;
	const char *verb = gate_line_word(line, &len, &rest);

	if (gate_line_is(verb, len, "STLS")) {
		*word = talk->tls ? GATE_WORD_TLS_ACTIVE : GATE_WORD_ARGUMENT;
		return talk->tls || *rest ? GATE_ACTION_REFUSE : GATE_ACTION_STARTTLS;
	}
	if (gate_line_is(verb, len, "CAPA")) {
		talk->awaits = AWAITS_CAPA;
		return GATE_ACTION_PASS;
	}
	if (gate_line_is(verb, len, "QUIT")) {
		talk->awaits = AWAITS_QUIT;
		return GATE_ACTION_PASS;
	}
	if (gate_line_is(verb, len, "NOOP") || gate_line_is(verb, len, "UTF8"))
		return GATE_ACTION_PASS;
	*word = GATE_WORD_ENCRYPT;
	return gate_talk_hides_auth(talk) ? GATE_ACTION_REFUSE : GATE_ACTION_PASS_ALL;
}

static bool
is_hidden(const struct gate_talk *talk, const char *line, size_t len)
{
	size_t name = 0;

	while (name < len && !gate_line_is_blank(line[name]))
		name++;
	return gate_line_is(line, name, "STLS") ||
	       (gate_talk_hides_auth(talk) &&
		   (gate_line_is(line, name, "USER") || gate_line_is(line, name, "SASL")));
}

static enum gate_answer
capability(struct gate_talk *talk, const char *line, size_t len, struct buf *out)
{
	bool last = len == 1 && *line == '.';

	if (last && gate_talk_offers(talk))
		buf_add_str(out, "STLS\r\n");
	if (!is_hidden(talk, line, len)) {
		buf_add(out, line, len);
		buf_add_str(out, "\r\n");
	}
	return last ? GATE_ANSWER_DONE : GATE_ANSWER_PART;
}

/* A status line. */
static enum gate_answer
status(struct gate_talk *talk, const char *line, size_t len, struct buf *out)
{
	bool good = len >= 3 && memcmp(line, "+OK", 3) == 0;
	bool bad = len >= 4 && memcmp(line, "-ERR", 4) == 0;
	/* Servers announce like this that they have waited for too long. */
	bool unasked = talk->awaits == GATE_AWAITS_NOTHING;

	if ((!good && !bad) || (good && unasked))
		return GATE_ANSWER_MALFORMED;
	buf_add(out, line, len);
	buf_add_str(out, "\r\n");
	if (good && talk->awaits == AWAITS_CAPA) {
		talk->awaits = AWAITS_CAPABILITY;
		return GATE_ANSWER_PART;
	}
	if (unasked || (good && talk->awaits == AWAITS_QUIT))
		return GATE_ANSWER_FAREWELL;
	return good ? GATE_ANSWER_DONE : GATE_ANSWER_NO;
}

static enum gate_answer
answer(struct gate_talk *talk, struct buf *in, struct buf *out)
{
	size_t taken;
	const char *line = buf_str(in);
	ssize_t len = gate_line_next(line, in->len, &taken);

	if (len < 0)
		return in->len >= GATE_LINE_LIMIT ? GATE_ANSWER_MALFORMED : GATE_ANSWER_MORE;
	if (taken > GATE_LINE_LIMIT)
		return GATE_ANSWER_MALFORMED;
	enum gate_answer result = talk->awaits == AWAITS_CAPABILITY ? capability(talk, line, (size_t)len, out)
								    : status(talk, line, (size_t)len, out);
	buf_consume(in, taken);
	return result;
}

const struct gate_protocol gate_pop3_protocol = {
	.name = "pop3",
	.command_limit = 100,
	.bye = "QUIT\r\n",
	.words = words,
	.command = command,
	.answer = answer,
};
