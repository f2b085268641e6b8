/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_imap.h"

#include <string.h>
#include <strings.h>

#include "tlsgate/gate_line.h"
#include "util/buf.h"

enum { AWAITS_LOGOUT = GATE_AWAITS_OWN };

static const char *const words[GATE_WORDS] = {
	[GATE_WORD_READY] = "% OK Begin TLS negotiation now",
	[GATE_WORD_TOO_LONG] = "* BAD line too long",
	[GATE_WORD_MALFORMED] = "% BAD bad syntax",
	[GATE_WORD_ARGUMENT] = "% BAD STARTTLS has no argument",
	[GATE_WORD_TLS_ACTIVE] = "% BAD TLS is already active",
	[GATE_WORD_NOT_IMPLEMENTED] = "% BAD command not implemented",
	[GATE_WORD_UNAVAILABLE] = "% NO [UNAVAILABLE] TLS not available due to local problem",
	[GATE_WORD_ENCRYPT] = "% NO [PRIVACYREQUIRED] Must issue a STARTTLS command first",
	[GATE_WORD_AUTH] = "% NO [PRIVACYREQUIRED] Must issue a STARTTLS command first",
	[GATE_WORD_LITERAL] = "* BYE no literals before TLS",
	[GATE_WORD_TOO_MANY] = "* BYE too many errors",
	[GATE_WORD_TIMEOUT] = "* BYE timeout exceeded",
	[GATE_WORD_NO_BACKEND] = "* BYE [UNAVAILABLE] Service currently unavailable",
	[GATE_WORD_BUSY] = "* BYE [UNAVAILABLE] All server ports are busy",
	[GATE_WORD_CROWD] = "* BYE [UNAVAILABLE] Too many connections",
	[GATE_WORD_NO_CERT] = "* BYE No client certificate presented",
	[GATE_WORD_CERT_UNTRUSTED] = "* BYE Client certificate not trusted",
};

static bool
is_tag(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~' || strchr("(){%*\"\\+", text[i]))
			return false;
	return len > 0 && len <= GATE_TALK_TAG;
}

static enum gate_action
refuse(enum gate_word *word, enum gate_word why)
{
	*word = why;
	return why == GATE_WORD_LITERAL ? GATE_ACTION_END : GATE_ACTION_REFUSE;
}

static enum gate_action
command(struct gate_talk *talk, const char *line, enum gate_word *word)
{
	const char *rest, *arguments;
	size_t len, size;
	bool waits;
	bool literal = gate_line_has_literal(line, strlen(line), &size, &waits);
	const char *tag = gate_line_word(line, &len, &rest);

	talk->tag[0] = 0;
	/* The bytes of a literal that nobody waits to be asked for come at once, and would be read as
	 * commands. */
	if (!is_tag(tag, len))
		return refuse(word, literal ? GATE_WORD_LITERAL : GATE_WORD_MALFORMED);
	memcpy(talk->tag, tag, len);
	talk->tag[len] = 0;

	const char *verb = gate_line_word(rest, &len, &arguments);
	if (gate_line_is(verb, len, "STARTTLS")) {
		if (literal)
			return refuse(word, GATE_WORD_LITERAL);
		if (talk->tls || *arguments)
			return refuse(word, talk->tls ? GATE_WORD_TLS_ACTIVE : GATE_WORD_ARGUMENT);
		return GATE_ACTION_STARTTLS;
	}
	bool harmless = gate_line_is(verb, len, "CAPABILITY") || gate_line_is(verb, len, "NOOP") ||
			gate_line_is(verb, len, "ID");
	bool logout = gate_line_is(verb, len, "LOGOUT");
	if (gate_talk_hides_auth(talk) && literal)
		return refuse(word, GATE_WORD_LITERAL);
	if (gate_talk_hides_auth(talk) && !harmless && !logout)
		return refuse(word, GATE_WORD_ENCRYPT);
	if (literal || gate_line_is(verb, len, "LOGIN") || gate_line_is(verb, len, "AUTHENTICATE"))
		return GATE_ACTION_PASS_ALL;
	if (logout)
		talk->awaits = AWAITS_LOGOUT;
	return GATE_ACTION_PASS;
}

/* --- what the back end says --- */

static bool
begins(const char *word, size_t len, const char *prefix)
{
	return len >= strlen(prefix) && strncasecmp(word, prefix, strlen(prefix)) == 0;
}

static bool
is_hidden(const struct gate_talk *talk, const char *word, size_t len)
{
	if (gate_line_is(word, len, "STARTTLS"))
		return true;
	return gate_talk_hides_auth(talk) &&
	       (begins(word, len, "AUTH=") || gate_line_is(word, len, "LOGINDISABLED") ||
		   gate_line_is(word, len, "SASL-IR") || gate_line_is(word, len, "LOGIN-REFERRALS"));
}

/* The words that follow "CAPABILITY", edited. */
static void
put_capabilities(const struct gate_talk *talk, const char *text, size_t len, struct buf *out)
{
	for (size_t at = 0, end; at < len; at = end) {
		while (at < len && gate_line_is_blank(text[at]))
			at++;
		for (end = at; end < len && !gate_line_is_blank(text[end]);)
			end++;
		if (end == at || is_hidden(talk, text + at, end - at))
			continue;
		buf_add_byte(out, ' ');
		buf_add(out, text + at, end - at);
	}
	if (gate_talk_offers(talk))
		buf_add_str(out, " STARTTLS");
	if (gate_talk_hides_auth(talk))
		buf_add_str(out, " LOGINDISABLED");
}

/* `text` is what follows tag and blank. */
static void
put_edited(const struct gate_talk *talk, const char *text, size_t len, struct buf *out)
{
	static const char keyword[] = "CAPABILITY";
	const size_t n = sizeof keyword - 1;
	const char *code = memchr(text, '[', len);
	size_t at = 0, end = len;

	/* "OK [CAPABILITY …] words": a code stands directly behind OK, NO, BAD or BYE. */
	if (code && (code == text + 3 || code == text + 4)) {
		const char *close = memchr(code, ']', len - (size_t)(code - text));
		at = (size_t)(code - text) + 1;
		end = close ? (size_t)(close - text) : len;
	}
	if (end - at >= n && strncasecmp(text + at, keyword, n) == 0 &&
	    (end - at == n || gate_line_is_blank(text[at + n]))) {
		buf_add(out, text, at + n);
		put_capabilities(talk, text + at + n, end - at - n, out);
		buf_add(out, text + end, len - end);
	} else {
		buf_add(out, text, len);
	}
	buf_add_str(out, "\r\n");
}

static enum gate_answer
untagged(struct gate_talk *talk, const char *text, size_t len, struct buf *out)
{
	size_t verb = 0;

	while (verb < len && !gate_line_is_blank(text[verb]))
		verb++;
	bool bye = gate_line_is(text, verb, "BYE"), ok = gate_line_is(text, verb, "OK");

	if (talk->awaits == GATE_AWAITS_GREETING && !bye && !ok)
		return GATE_ANSWER_MALFORMED;
	if (talk->awaits == GATE_AWAITS_NOTHING && !bye)
		return GATE_ANSWER_MALFORMED;
	buf_add_str(out, "* ");
	put_edited(talk, text, len, out);
	if (talk->awaits == GATE_AWAITS_GREETING)
		return ok ? GATE_ANSWER_DONE : GATE_ANSWER_FAREWELL;
	/* LOGOUT is answered by BYE, and then by its own line. */
	return bye && talk->awaits != AWAITS_LOGOUT ? GATE_ANSWER_FAREWELL : GATE_ANSWER_PART;
}

static enum gate_answer
one_line(struct gate_talk *talk, const char *line, size_t len, struct buf *out)
{
	size_t tag = strlen(talk->tag);

	if (len >= 2 && line[0] == '*' && line[1] == ' ')
		return untagged(talk, line + 2, len - 2, out);
	if (talk->awaits == GATE_AWAITS_GREETING || talk->awaits == GATE_AWAITS_NOTHING)
		return GATE_ANSWER_MALFORMED;
	if (len >= 1 && line[0] == '+') {
		buf_add(out, line, len);
		buf_add_str(out, "\r\n");
		return GATE_ANSWER_ASKS;
	}
	if (len <= tag || memcmp(line, talk->tag, tag) != 0 || line[tag] != ' ')
		return GATE_ANSWER_MALFORMED;
	buf_add(out, line, tag + 1);
	put_edited(talk, line + tag + 1, len - tag - 1, out);
	return talk->awaits == AWAITS_LOGOUT ? GATE_ANSWER_FAREWELL : GATE_ANSWER_DONE;
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

const struct gate_protocol gate_imap_protocol = {
	.name = "imap",
	.command_limit = 100,
	.bye = "gate LOGOUT\r\n",
	.words = words,
	.command = command,
	.answer = answer,
};
