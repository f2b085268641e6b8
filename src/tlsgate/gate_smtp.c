/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_smtp.h"

#include <string.h>
#include <strings.h>
#include <sys/types.h>

#include "util/buf.h"

enum gate_smtp_line
gate_smtp_take_line(struct buf *in, bool *skipping, struct buf *line)
{
	const char *bytes = buf_str(in);
	const char *newline = memchr(bytes, '\n', in->len);
	size_t taken = newline ? (size_t)(newline - bytes) + 1 : in->len;

	buf_clear(line);
	if (*skipping || taken > GATE_SMTP_LINE_LIMIT || (!newline && taken == GATE_SMTP_LINE_LIMIT)) {
		*skipping = !newline;
		buf_consume(in, taken);
		return newline ? GATE_SMTP_TOO_LONG : GATE_SMTP_MORE;
	}
	if (!newline)
		return GATE_SMTP_MORE;

	size_t len = taken - 1;
	if (len > 0 && bytes[len - 1] == '\r')
		len--;
	bool malformed = memchr(bytes, 0, len) || memchr(bytes, '\r', len);
	if (!malformed)
		buf_add(line, bytes, len);
	buf_consume(in, taken);
	return malformed ? GATE_SMTP_MALFORMED : GATE_SMTP_COMMAND;
}

/* Every byte that any server might take for white space. */
static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static const struct {
	const char *name;
	enum gate_smtp_verb verb;
} verbs[] = {
	{ "EHLO", GATE_SMTP_EHLO },
	{ "STARTTLS", GATE_SMTP_STARTTLS },
	{ "MAIL", GATE_SMTP_MAIL },
	{ "BDAT", GATE_SMTP_BDAT },
};

enum gate_smtp_verb
gate_smtp_verb(const char *line, const char **arguments)
{
	while (is_blank(*line))
		line++;
	size_t len = 0;
	while (line[len] && !is_blank(line[len]))
		len++;
	*arguments = line + len;
	while (is_blank(**arguments))
		++*arguments;
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (strlen(verbs[i].name) == len && strncasecmp(line, verbs[i].name, len) == 0)
			return verbs[i].verb;
	return GATE_SMTP_OTHER;
}

/* Length of the first line without its end, and in *taken with it; -1: no line end there. */
static ssize_t
next_line(const char *bytes, size_t len, size_t *taken)
{
	const char *newline = memchr(bytes, '\n', len);

	if (!newline)
		return -1;
	size_t text = (size_t)(newline - bytes);
	*taken = text + 1;
	return (ssize_t)(text > 0 && bytes[text - 1] == '\r' ? text - 1 : text);
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

	while ((text = next_line(bytes + at, in->len - at, &taken)) >= 0) {
		*code = reply_code(bytes + at, (size_t)text);
		if (*code < 0 || taken > GATE_SMTP_LINE_LIMIT || at + taken > GATE_SMTP_REPLY_LIMIT)
			return GATE_SMTP_REPLY_MALFORMED;
		bool last = text == 3 || bytes[at + 3] == ' ';
		at += taken;
		if (last) {
			*len = at;
			return GATE_SMTP_REPLY_COMPLETE;
		}
	}
	if (in->len - at >= GATE_SMTP_LINE_LIMIT || in->len >= GATE_SMTP_REPLY_LIMIT)
		return GATE_SMTP_REPLY_MALFORMED;
	return GATE_SMTP_REPLY_MORE;
}

void
gate_smtp_put_reply(struct buf *to, const char *reply, size_t len)
{
	size_t taken;

	for (size_t at = 0; at < len; at += taken) {
		ssize_t text = next_line(reply + at, len - at, &taken);
		if (text < 0)
			break;
		buf_add(to, reply + at, (size_t)text);
		buf_add_str(to, "\r\n");
	}
}

/* `line` is "250", separator, text. */
static bool
offers_starttls(const char *line, size_t len)
{
	static const char keyword[] = "STARTTLS";
	size_t n = sizeof keyword - 1;

	if (len < 4 + n || strncasecmp(line + 4, keyword, n) != 0)
		return false;
	return len == 4 + n || is_blank(line[4 + n]);
}

void
gate_smtp_put_ehlo_reply(struct buf *to, const char *reply, size_t len, bool offer)
{
	size_t taken, last = to->len;
	bool greeting = true; /* the first line is a name and words, whatever they are */

	/* Every line is written as one that others follow; the last one is mended at the end. */
	for (size_t at = 0; at < len; at += taken) {
		ssize_t text = next_line(reply + at, len - at, &taken);
		if (text < 3)
			break;
		if (!greeting && offers_starttls(reply + at, (size_t)text))
			continue;
		greeting = false;
		last = to->len;
		buf_add(to, reply + at, 3);
		buf_add_byte(to, '-');
		if (text > 4)
			buf_add(to, reply + at + 4, (size_t)text - 4);
		buf_add_str(to, "\r\n");
	}
	if (offer) {
		last = to->len;
		buf_add_str(to, "250-STARTTLS\r\n");
	}
	if (to->len > last)
		to->bytes[last + 3] = ' ';
}
