/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_access_result.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "tlsgate/gate_line.h"
#include "util/buf.h"

enum { TEXT_LIMIT = 400, REJECT_CODE = 554, DEFER_CODE = 450 };

static const struct {
	const char *name;
	enum gate_access_result result;
	int code;
} words[] = {
	{ "OK", GATE_ACCESS_RESULT_OK, 0 },
	{ "RELAY", GATE_ACCESS_RESULT_OK, 0 },
	{ "DUNNO", GATE_ACCESS_RESULT_DUNNO, 0 },
	{ "REJECT", GATE_ACCESS_RESULT_REPLY, REJECT_CODE },
	{ "DEFER", GATE_ACCESS_RESULT_REPLY, DEFER_CODE },
	{ "DEFER_IF_PERMIT", GATE_ACCESS_RESULT_REPLY, DEFER_CODE },
	{ "DEFER_IF_REJECT", GATE_ACCESS_RESULT_DUNNO, 0 },
	{ "WARN", GATE_ACCESS_RESULT_WARN, 0 },
	{ "INFO", GATE_ACCESS_RESULT_INFO, 0 },
};

static size_t
digits(const char *text)
{
	size_t n = 0;

	while (isdigit((unsigned char)text[n]))
		n++;
	return n;
}

/* The length of an enhanced status code, "5.7.1", 0: the text begins with something else. */
static size_t
status_length(const char *text)
{
	size_t at = 1, n;

	if (*text != '4' && *text != '5')
		return 0;
	for (int part = 0; part < 2; part++) {
		n = text[at] == '.' ? digits(text + at + 1) : 0;
		if (n < 1 || n > 3)
			return 0;
		at += 1 + n;
	}
	return text[at] == 0 || gate_line_is_blank(text[at]) ? at : 0;
}

/* Appends text from outside: what is not printable ASCII, and a backslash, becomes '?'. */
static void
put_text(struct buf *to, const char *text)
{
	size_t len = strnlen(text, TEXT_LIMIT);

	for (size_t i = 0; i < len; i++)
		buf_add_byte(to, text[i] >= ' ' && text[i] <= '~' && text[i] != '\\' ? text[i] : '?');
}

/* The class of the status is that of the code, and one that speaks of an address is none for a client. */
static void
put_reply(struct buf *reply, int code, const char *text, const char *name, const char *class)
{
	size_t len = status_length(text);

	buf_clear(reply);
	buf_printf(reply, "%d %d", code, code / 100);
	if (len == 0)
		buf_add_str(reply, ".7.1");
	else if (strncmp(text + 1, ".1.", 3) == 0)
		buf_add_str(reply, ".0.0");
	else
		buf_add(reply, text + 1, len - 1);
	for (text += len; gate_line_is_blank(*text); text++)
		;
	buf_add_str(reply, " <");
	put_text(reply, name);
	buf_printf(reply, ">: %s rejected: ", class);
	put_text(reply, *text ? text : "Access denied");
}

enum gate_access_result
gate_access_result_read(const char *value, const char *name, const char *class, struct buf *reply)
{
	const char *text;
	size_t len, number;
	const char *word = gate_line_word(value, &len, &text);

	number = digits(word);
	if (number > 0 && number == len && !*text)
		return GATE_ACCESS_RESULT_OK;
	if (number == 3 && len == 3 && (*word == '4' || *word == '5')) {
		put_reply(
		    reply, (word[0] - '0') * 100 + (word[1] - '0') * 10 + word[2] - '0', text, name, class);
		return GATE_ACCESS_RESULT_REPLY;
	}
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (!gate_line_is(word, len, words[i].name))
			continue;
		buf_clear(reply);
		if (words[i].result == GATE_ACCESS_RESULT_REPLY)
			put_reply(reply, words[i].code, text, name, class);
		else
			put_text(reply, text);
		return words[i].result;
	}
	return GATE_ACCESS_RESULT_NAMES;
}
