/* SPDX-License-Identifier: ISC */
#include "tlsprobe/probe_reply.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/alloc.h"
#include "util/text.h"

enum { CODE_LEN = 3 };

void
probe_reply_release(struct probe_reply *reply)
{
	buf_release(&reply->text);
	*reply = (struct probe_reply){ 0 };
}

/* One line without its end. 1: others follow. 0: it is the last. -1: it is no reply. */
static int
read_line(struct probe_reply *reply, const char *line, size_t len)
{
	int code = 0;
	char *text;

	if (len < CODE_LEN || len >= PROBE_REPLY_LINE_LIMIT || line[0] < '1' || line[0] > '5')
		return -1;
	for (size_t i = 0; i < CODE_LEN; i++) {
		if (!isdigit((unsigned char)line[i]))
			return -1;
		code = code * 10 + (line[i] - '0');
	}
	if (len > CODE_LEN && line[CODE_LEN] != ' ' && line[CODE_LEN] != '-')
		return -1;
	reply->code = code;
	if (len > CODE_LEN + 1) {
		text = alloc_string_n(line + CODE_LEN + 1, len - CODE_LEN - 1);
		buf_add_str(&reply->text, text_printable(text));
		free(text);
	}
	return len > CODE_LEN && line[CODE_LEN] == '-';
}

enum probe_reply_state
probe_reply_take(struct probe_reply *reply, struct buf *in)
{
	size_t at = reply->read;
	int more = 1;

	if (at == 0)
		buf_clear(&reply->text);
	reply->read = 0;
	while (more > 0) {
		const char *line = buf_str(in) + at;
		const char *end = memchr(line, '\n', in->len - at);
		size_t len = end ? (size_t)(end - line) : in->len - at;

		if (at + len >= PROBE_REPLY_LIMIT || len >= PROBE_REPLY_LINE_LIMIT)
			return PROBE_REPLY_BAD;
		if (!end) {
			reply->read = at;
			return PROBE_REPLY_MORE;
		}
		at += len + 1;
		if (len > 0 && line[len - 1] == '\r')
			len--;
		if (reply->text.len > 0)
			buf_add_byte(&reply->text, '\n');
		more = read_line(reply, line, len);
	}
	if (more < 0)
		return PROBE_REPLY_BAD;
	buf_consume(in, at);
	return PROBE_REPLY_COMPLETE;
}

const char *
probe_reply_next_offer(const struct probe_reply *reply, const char *last, size_t *len)
{
	const char *from = last ? last : buf_str(&reply->text);
	const char *line = strchr(from, '\n');

	if (!line)
		return NULL;
	*len = strcspn(line + 1, "\n");
	return line + 1;
}

bool
probe_reply_offers(const struct probe_reply *reply, const char *word)
{
	const char *offer = NULL;
	size_t len;

	while ((offer = probe_reply_next_offer(reply, offer, &len)) != NULL)
		if (strcspn(offer, " \n") == strlen(word) && strncasecmp(offer, word, strlen(word)) == 0)
			return true;
	return false;
}

char *
probe_reply_line(const struct probe_reply *reply)
{
	char *line = alloc_printf("%d %s", reply->code, buf_str(&reply->text));

	for (char *at = line; *at; at++)
		if (*at == '\n')
			*at = ' ';
	return line;
}

char *
probe_reply_name(const struct probe_reply *reply)
{
	return alloc_string_n(buf_str(&reply->text), strcspn(buf_str(&reply->text), " \n"));
}
