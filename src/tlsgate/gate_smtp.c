/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_smtp.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>

#include "util/buf.h"

static const struct {
	const char *name;
	enum gate_smtp_verb verb;
} verbs[] = {
	{ "EHLO", GATE_SMTP_EHLO },
	{ "LHLO", GATE_SMTP_EHLO },
	{ "HELO", GATE_SMTP_HELO },
	{ "HELP", GATE_SMTP_HARMLESS },
	{ "NOOP", GATE_SMTP_HARMLESS },
	{ "QUIT", GATE_SMTP_QUIT },
	{ "AUTH", GATE_SMTP_AUTH },
	{ "STARTTLS", GATE_SMTP_STARTTLS },
	{ "MAIL", GATE_SMTP_MAIL },
	{ "BDAT", GATE_SMTP_BDAT },
	{ "XCLIENT", GATE_SMTP_XCLIENT },
	{ "XFORWARD", GATE_SMTP_XFORWARD },
	{ "RCPT", GATE_SMTP_KNOWN },
	{ "DATA", GATE_SMTP_DATA },
	{ "RSET", GATE_SMTP_RSET },
	{ "VRFY", GATE_SMTP_KNOWN },
	{ "ETRN", GATE_SMTP_KNOWN },
};

enum gate_smtp_verb
gate_smtp_verb(const char *line, const char **arguments)
{
	size_t len;
	const char *word = gate_line_word(line, &len, arguments);

	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (gate_line_is(word, len, verbs[i].name))
			return verbs[i].verb;
	return GATE_SMTP_OTHER;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Three digits, then the end, a blank, or a hyphen if more lines follow. -1: none of these. */
static int
reply_code(const char *line, size_t len)
{
	if (len < 3 || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) || !is_digit(line[2]))
		return -1;
	if (len > 3 && line[3] != ' ' && line[3] != '-')
		return -1;
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

enum gate_smtp_reply
gate_smtp_find_reply(const struct buf *in, size_t *len, int *code)
{
	const char *bytes = buf_str(in);
	size_t at = 0, taken;
	ssize_t text;

	while ((text = gate_line_next(bytes + at, in->len - at, &taken)) >= 0) {
		*code = reply_code(bytes + at, (size_t)text);
		if (*code < 0 || taken > GATE_LINE_LIMIT || at + taken > GATE_LINE_ANSWER_LIMIT)
			return GATE_SMTP_REPLY_MALFORMED;
		bool last = text == 3 || bytes[at + 3] == ' ';
		at += taken;
		if (last) {
			*len = at;
			return GATE_SMTP_REPLY_COMPLETE;
		}
	}
	if (in->len - at >= GATE_LINE_LIMIT || in->len >= GATE_LINE_ANSWER_LIMIT)
		return GATE_SMTP_REPLY_MALFORMED;
	return GATE_SMTP_REPLY_MORE;
}

void
gate_smtp_put_reply(struct buf *to, const char *reply, size_t len)
{
	size_t taken;

	for (size_t at = 0; at < len; at += taken) {
		ssize_t text = gate_line_next(reply + at, len - at, &taken);
		if (text < 0)
			break;
		buf_add(to, reply + at, (size_t)text);
		buf_add_str(to, "\r\n");
	}
}

/* `line` is "250", separator, text. "AUTH=" is how some servers say it to clients from before RFC 4954. */
static bool
offers(const char *line, size_t len, const char *keyword)
{
	size_t n = strlen(keyword);

	if (len < 4 + n || strncasecmp(line + 4, keyword, n) != 0)
		return false;
	return len == 4 + n || gate_line_is_blank(line[4 + n]) || line[4 + n] == '=';
}

static bool
is_hidden(const char *line, size_t len, int edit)
{
	static const struct {
		enum gate_smtp_edit when;
		const char *keyword;
	} hidden[] = {
		{ GATE_SMTP_HIDE_AUTH, "AUTH" },
		{ GATE_SMTP_HIDE_XCLIENT, "XCLIENT" },
		{ GATE_SMTP_HIDE_XCLIENT, "XFORWARD" },
		{ GATE_SMTP_HIDE_CHUNKING, "CHUNKING" },
		{ GATE_SMTP_HIDE_CHUNKING, "BINARYMIME" },
	};

	for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
		if ((edit & (int)hidden[i].when) && offers(line, len, hidden[i].keyword))
			return true;
	return offers(line, len, "STARTTLS");
}

void
gate_smtp_put_ehlo_reply(struct buf *to, const char *reply, size_t len, int edit)
{
	size_t taken, last = to->len;
	bool greeting = true; /* the first line is a name and words, whatever they are */

	/* Every line is written as one that others follow; the last one is mended at the end. */
	for (size_t at = 0; at < len; at += taken) {
		ssize_t text = gate_line_next(reply + at, len - at, &taken);
		if (text < 3)
			break;
		if (!greeting && is_hidden(reply + at, (size_t)text, edit))
			continue;
		greeting = false;
		last = to->len;
		buf_add(to, reply + at, 3);
		buf_add_byte(to, '-');
		if (text > 4)
			buf_add(to, reply + at + 4, (size_t)text - 4);
		buf_add_str(to, "\r\n");
	}
	if (edit & GATE_SMTP_OFFER) {
		last = to->len;
		buf_add_str(to, "250-STARTTLS\r\n");
	}
	if (to->len > last)
		to->bytes[last + 3] = ' ';
}

/* --- the protocol --- */

enum { AWAITS_EHLO = GATE_AWAITS_OWN, AWAITS_AUTH, AWAITS_DATA };

static const char *const words[GATE_WORDS] = {
	[GATE_WORD_READY] = "220 2.0.0 Ready to start TLS",
	[GATE_WORD_TOO_LONG] = "500 5.5.2 Error: line too long",
	[GATE_WORD_MALFORMED] = "500 5.5.2 Error: bad syntax",
	[GATE_WORD_ARGUMENT] = "501 5.5.4 Syntax: STARTTLS",
	[GATE_WORD_TLS_ACTIVE] = "554 5.5.1 Error: TLS already active",
	[GATE_WORD_NOT_IMPLEMENTED] = "502 5.5.1 Error: command not implemented",
	[GATE_WORD_UNAVAILABLE] = "454 4.7.0 TLS not available due to local problem",
	[GATE_WORD_ENCRYPT] = "530 5.7.0 Must issue a STARTTLS command first",
	[GATE_WORD_AUTH] = "503 5.5.1 Error: authentication not enabled",
	[GATE_WORD_UNKNOWN] = "500 5.5.2 Error: command not recognized",
	[GATE_WORD_XCLIENT] = "550 5.7.0 Error: insufficient authorization",
	[GATE_WORD_LITERAL] = "421 4.7.0 % Error: bad syntax",
	[GATE_WORD_TOO_MANY] = "421 4.7.0 % Error: too many errors",
	[GATE_WORD_TIMEOUT] = "421 4.4.2 % Error: timeout exceeded",
	[GATE_WORD_NO_BACKEND] = "421 4.3.0 % Service currently unavailable",
	[GATE_WORD_BUSY] = "421 4.3.2 % All server ports are busy",
	[GATE_WORD_CROWD] = "421 4.7.0 % Error: too many connections",
	[GATE_WORD_NO_CERT] = "421 4.7.1 % Error: No client certificate presented",
	[GATE_WORD_CERT_UNTRUSTED] = "421 4.7.1 % Error: Client certificate not trusted",
};

static bool
is_harmless(enum gate_smtp_verb verb)
{
	return verb == GATE_SMTP_EHLO || verb == GATE_SMTP_HELO || verb == GATE_SMTP_HARMLESS ||
	       verb == GATE_SMTP_QUIT;
}

/* Without TLS. What is not known here may be known to the back end, and is not passed on either. */
static bool
passes_without_tls(const struct gate_talk *talk, enum gate_smtp_verb verb, enum gate_word *word)
{
	if (is_harmless(verb))
		return true;
	if (!talk->encrypt) {
		*word = GATE_WORD_AUTH;
		return !(talk->auth_only && verb == GATE_SMTP_AUTH);
	}
	*word = verb == GATE_SMTP_OTHER     ? GATE_WORD_UNKNOWN
		: verb == GATE_SMTP_XCLIENT ? GATE_WORD_XCLIENT
					    : GATE_WORD_ENCRYPT;
	return false;
}

/* Who is refused may say what leads to a recipient, and hears of it there, as smtpd does by default. Nothing
 * of it has an answer that asks for more: the gate goes on listening. */
static bool
passes_rules(const struct gate_talk *talk, enum gate_smtp_verb verb, enum gate_word *word)
{
	if (talk->xclient && (verb == GATE_SMTP_XCLIENT || verb == GATE_SMTP_XFORWARD)) {
		*word = GATE_WORD_XCLIENT;
		return false;
	}
	*word = GATE_WORD_REFUSAL;
	return !talk->refusal || is_harmless(verb) || verb == GATE_SMTP_MAIL || verb == GATE_SMTP_RSET;
}

/* After these codes smtpd ends the session. */
static bool
is_last(const struct gate_talk *talk, enum gate_word word)
{
	return word == GATE_WORD_REFUSAL &&
	       (strncmp(talk->refusal, "421", 3) == 0 || strncmp(talk->refusal, "521", 3) == 0);
}

static void
note_hello(struct gate_talk *talk, enum gate_smtp_verb verb, const char *name)
{
	snprintf(talk->helo, sizeof talk->helo, "%s", name);
	talk->esmtp |= verb == GATE_SMTP_EHLO;
}

static enum gate_action
command(struct gate_talk *talk, const char *line, enum gate_word *word)
{
	const char *arguments;
	enum gate_smtp_verb verb = gate_smtp_verb(line, &arguments);

	if (verb == GATE_SMTP_STARTTLS) {
		*word = *arguments ? GATE_WORD_ARGUMENT : GATE_WORD_TLS_ACTIVE;
		return *arguments || talk->tls ? GATE_ACTION_REFUSE : GATE_ACTION_STARTTLS;
	}
	if (!talk->tls && !passes_without_tls(talk, verb, word))
		return GATE_ACTION_REFUSE;
	if (!passes_rules(talk, verb, word))
		return is_last(talk, *word) ? GATE_ACTION_END : GATE_ACTION_REFUSE;
	if (verb == GATE_SMTP_BDAT && talk->watches) {
		*word = GATE_WORD_NOT_IMPLEMENTED;
		return GATE_ACTION_REFUSE;
	}
	if (verb == GATE_SMTP_BDAT ||
	    (verb == GATE_SMTP_MAIL && talk->tls && !talk->refusal && !talk->watches))
		return GATE_ACTION_PASS_ALL;
	if (verb == GATE_SMTP_EHLO || verb == GATE_SMTP_HELO)
		note_hello(talk, verb, arguments);
	talk->awaits = verb == GATE_SMTP_EHLO   ? AWAITS_EHLO
		       : verb == GATE_SMTP_AUTH ? AWAITS_AUTH
		       : verb == GATE_SMTP_DATA ? AWAITS_DATA
						: GATE_AWAITS_ANSWER;
	return GATE_ACTION_PASS;
}

/* Without knowing what follows the gate could listen no further. */
static enum gate_answer
ask(struct gate_talk *talk, int awaited)
{
	if (!talk->watches)
		/* What would pass unread is not for who is refused. */
		return talk->refusal ? GATE_ANSWER_MALFORMED : GATE_ANSWER_ASKS;
	if (awaited != AWAITS_DATA && awaited != AWAITS_AUTH)
		return GATE_ANSWER_MALFORMED;
	talk->resumes = awaited == AWAITS_AUTH ? AWAITS_AUTH : GATE_AWAITS_ANSWER;
	return awaited == AWAITS_AUTH ? GATE_ANSWER_ASKS_LINE : GATE_ANSWER_ASKS_MESSAGE;
}

static enum gate_answer
answer(struct gate_talk *talk, struct buf *in, struct buf *out)
{
	int code, edit = (gate_talk_offers(talk) ? GATE_SMTP_OFFER : 0) |
			 (gate_talk_hides_auth(talk) ? GATE_SMTP_HIDE_AUTH : 0) |
			 (talk->xclient ? GATE_SMTP_HIDE_XCLIENT : 0) |
			 (talk->watches ? GATE_SMTP_HIDE_CHUNKING : 0);
	size_t len;

	switch (gate_smtp_find_reply(in, &len, &code)) {
	case GATE_SMTP_REPLY_MORE:
		return GATE_ANSWER_MORE;
	case GATE_SMTP_REPLY_MALFORMED:
		return GATE_ANSWER_MALFORMED;
	case GATE_SMTP_REPLY_COMPLETE:
		break;
	}
	/* Only a farewell may come unasked; anything else, and the next reply would belong to the wrong
	 * command. */
	if (talk->awaits == GATE_AWAITS_NOTHING && code != 421)
		return GATE_ANSWER_MALFORMED;
	if (talk->awaits == AWAITS_EHLO && code == 250)
		gate_smtp_put_ehlo_reply(out, in->bytes, len, edit);
	else
		gate_smtp_put_reply(out, in->bytes, len);
	buf_consume(in, len);
	if (code == 221 || code == 421)
		return GATE_ANSWER_FAREWELL;
	if (talk->awaits == GATE_AWAITS_GREETING && code != 220)
		return GATE_ANSWER_NO;
	if (talk->awaits == AWAITS_AUTH && code == 235)
		talk->authenticated = true;
	return code >= 300 && code < 400 ? ask(talk, talk->awaits) : GATE_ANSWER_DONE;
}

const struct gate_protocol gate_smtp_protocol = {
	.name = "smtp",
	.bye = "QUIT\r\n",
	.words = words,
	.command = command,
	.answer = answer,
};

const struct gate_protocol gate_lmtp_protocol = {
	.name = "lmtp",
	.bye = "QUIT\r\n",
	.words = words,
	.command = command,
	.answer = answer,
};
