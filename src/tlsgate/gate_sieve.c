/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_sieve.h"

#include <string.h>
#include <strings.h>

#include "tlsgate/gate_line.h"
#include "util/buf.h"

enum { AWAITS_CAPABILITY = GATE_AWAITS_OWN, AWAITS_LOGOUT };

static const char *const words[GATE_WORDS] = {
	[GATE_WORD_READY] = "OK \"Begin TLS negotiation now.\"",
	[GATE_WORD_TOO_LONG] = "NO \"Line too long.\"",
	[GATE_WORD_MALFORMED] = "NO \"Bad syntax.\"",
	[GATE_WORD_ARGUMENT] = "NO \"STARTTLS has no argument.\"",
	[GATE_WORD_TLS_ACTIVE] = "NO \"TLS is already active.\"",
	[GATE_WORD_NOT_IMPLEMENTED] = "NO \"Command not implemented.\"",
	[GATE_WORD_UNAVAILABLE] = "NO (TRYLATER) \"TLS not available due to local problem.\"",
	[GATE_WORD_ENCRYPT] = "NO (ENCRYPT-NEEDED) \"Must issue a STARTTLS command first.\"",
	[GATE_WORD_AUTH] = "NO (ENCRYPT-NEEDED) \"Must issue a STARTTLS command first.\"",
	[GATE_WORD_LITERAL] = "BYE \"No literals before TLS.\"",
	[GATE_WORD_TOO_MANY] = "BYE \"Too many errors.\"",
	[GATE_WORD_TIMEOUT] = "BYE \"Timeout exceeded.\"",
	[GATE_WORD_NO_BACKEND] = "BYE (TRYLATER) \"Service currently unavailable.\"",
	[GATE_WORD_BUSY] = "BYE (TRYLATER) \"All server ports are busy.\"",
	[GATE_WORD_CROWD] = "BYE (TRYLATER) \"Too many connections.\"",
	[GATE_WORD_NO_CERT] = "BYE \"No client certificate presented.\"",
	[GATE_WORD_CERT_UNTRUSTED] = "BYE \"Client certificate not trusted.\"",
};

static enum gate_action
command(struct gate_talk *talk, const char *line, enum gate_word *word)
{
	const char *rest;
	size_t len, size;
	bool waits;
	bool literal = gate_line_has_literal(line, strlen(line), &size, &waits);
	const char *verb = gate_line_word(line, &len, &rest);
	bool starttls = gate_line_is(verb, len, "STARTTLS");

	/* Its bytes come unasked, and would be read as commands. */
	if (literal && (starttls || gate_talk_hides_auth(talk))) {
		*word = GATE_WORD_LITERAL;
		return GATE_ACTION_END;
	}
	if (starttls) {
		*word = talk->tls ? GATE_WORD_TLS_ACTIVE : GATE_WORD_ARGUMENT;
		return talk->tls || *rest ? GATE_ACTION_REFUSE : GATE_ACTION_STARTTLS;
	}
	if (literal)
		return GATE_ACTION_PASS_ALL;
	if (gate_line_is(verb, len, "CAPABILITY")) {
		talk->awaits = AWAITS_CAPABILITY;
		return GATE_ACTION_PASS;
	}
	if (gate_line_is(verb, len, "LOGOUT")) {
		talk->awaits = AWAITS_LOGOUT;
		return GATE_ACTION_PASS;
	}
	if (gate_line_is(verb, len, "NOOP"))
		return GATE_ACTION_PASS;
	*word = GATE_WORD_ENCRYPT;
	return gate_talk_hides_auth(talk) ? GATE_ACTION_REFUSE : GATE_ACTION_PASS_ALL;
}

/* --- what the back end says --- */

/* `name` is quoted. */
static bool
begins(const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);

	return len >= n && strncasecmp(line, name, n) == 0 && (len == n || gate_line_is_blank(line[n]));
}

/* "(" may follow without a blank. */
static bool
is_status(const char *line, size_t len, const char *status)
{
	size_t n = strlen(status);

	return len >= n && strncasecmp(line, status, n) == 0 &&
	       (len == n || gate_line_is_blank(line[n]) || line[n] == '(');
}

static enum gate_answer
one_line(struct gate_talk *talk, const char *line, size_t len, struct buf *out)
{
	bool ok = is_status(line, len, "OK"), no = is_status(line, len, "NO"),
	     bye = is_status(line, len, "BYE");
	bool listing = talk->awaits == GATE_AWAITS_GREETING || talk->awaits == AWAITS_CAPABILITY;

	if (talk->awaits == GATE_AWAITS_NOTHING && !bye)
		return GATE_ANSWER_MALFORMED;
	if (!ok && !no && !bye) {
		if (len == 0 || (*line != '"' && *line != '{'))
			return GATE_ANSWER_MALFORMED;
		if (listing && begins(line, len, "\"STARTTLS\""))
			return GATE_ANSWER_PART;
		if (listing && gate_talk_hides_auth(talk) && begins(line, len, "\"SASL\"")) {
			buf_add_str(out, "\"SASL\" \"\"\r\n");
			return GATE_ANSWER_PART;
		}
	} else if (ok && listing && gate_talk_offers(talk)) {
		buf_add_str(out, "\"STARTTLS\"\r\n");
	}
	buf_add(out, line, len);
	buf_add_str(out, "\r\n");
	if (bye || (ok && talk->awaits == AWAITS_LOGOUT))
		return GATE_ANSWER_FAREWELL;
	return ok ? GATE_ANSWER_DONE : no ? GATE_ANSWER_NO : GATE_ANSWER_PART;
}

static enum gate_answer
answer(struct gate_talk *talk, struct buf *in, struct buf *out)
{
	size_t len, taken;
	int there = gate_line_with_literals(buf_str(in), in->len, &len, &taken);

	if (there <= 0)
		return there < 0 ? GATE_ANSWER_MALFORMED : GATE_ANSWER_MORE;
	enum gate_answer result = one_line(talk, buf_str(in), len, out);
	buf_consume(in, taken);
	return result;
}

const struct gate_protocol gate_sieve_protocol = {
	.name = "sieve",
	.command_limit = 100,
	.greets_again = true,
	.bye = "LOGOUT\r\n",
	.words = words,
	.command = command,
	.answer = answer,
};
