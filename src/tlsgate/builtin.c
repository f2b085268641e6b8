/* SPDX-License-Identifier: ISC */
#include "tlsgate/builtin.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tls/digest.h"
#include "tlsgate/gate_line.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/text.h"

/* Where in CRLF.CRLF the content of a message is. Only CRLF ends a line: whoever takes a bare LF for one sees
 * the message end where others do not. */
enum content { LINE_START, TEXT, CR, DOT, DOT_CR };

struct builtin {
	char *hostname; /* owned */
	char *peer;     /* owned */
	bool skipping;  /* the rest of a line that is too long */
	bool greeted;
	bool in_content;
	bool done;
	int errors;
	char *sender; /* owned; NULL: no MAIL yet */
	int recipients;
	enum content content;
	uint64_t size;
	struct digest *digest; /* owned */
};

static void
reset(struct builtin *b)
{
	free(b->sender);
	b->sender = NULL;
	b->recipients = 0;
	b->in_content = false;
}

struct builtin *
builtin_new(const char *hostname, const char *peer, struct buf *out)
{
	struct builtin *b = alloc_zero(sizeof *b);

	b->hostname = alloc_string(hostname);
	b->peer = alloc_string(peer);
	b->digest = digest_new();
	buf_printf(out, "220 %s ESMTP Sealpost\r\n", hostname);
	return b;
}

void
builtin_free(struct builtin *b)
{
	if (!b)
		return;
	reset(b);
	digest_free(b->digest);
	free(b->peer);
	free(b->hostname);
	free(b);
}

static void
refuse(struct builtin *b, struct buf *out, const char *reply)
{
	if (++b->errors > BUILTIN_ERROR_LIMIT) {
		buf_printf(out, "421 4.7.0 %s Error: too many errors\r\n", b->hostname);
		b->done = true;
		return;
	}
	buf_printf(out, "%s\r\n", reply);
}

static void
do_helo(struct builtin *b, char *arguments, struct buf *out)
{
	if (!*arguments) {
		refuse(b, out, "501 Syntax: HELO hostname");
		return;
	}
	reset(b);
	b->greeted = true;
	buf_printf(out, "250 %s\r\n", b->hostname);
}

static void
do_ehlo(struct builtin *b, char *arguments, struct buf *out)
{
	if (!*arguments) {
		refuse(b, out, "501 Syntax: EHLO hostname");
		return;
	}
	reset(b);
	b->greeted = true;
	buf_printf(out,
	    "250-%s\r\n250-PIPELINING\r\n250-SIZE %d\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n",
	    b->hostname, BUILTIN_SIZE_LIMIT);
}

/* "FROM:<address> options" or "TO:<address> options": cuts out the address, with its brackets, and points
 * *options behind it. NULL: something else. */
static char *
path_argument(char *arguments, const char *keyword, char **options)
{
	size_t len = strlen(keyword);

	if (strncasecmp(arguments, keyword, len) != 0)
		return NULL;
	char *path = arguments + len + strspn(arguments + len, " ");
	char *end = *path == '<' ? strchr(path, '>') : NULL;
	if (!end || (end[1] && end[1] != ' '))
		return NULL;
	*options = end + 1;
	if (**options)
		*(*options)++ = 0;
	return path;
}

/* 1: within the limit or not given. 0: too large. -1: not a number. */
static int
declared_size(const char *options)
{
	size_t len;
	int result = 1;

	for (const char *word; (word = text_token(&options, " ", &len));) {
		if (len < 5 || strncasecmp(word, "SIZE=", 5) != 0)
			continue;
		char *digits = alloc_string_n(word + 5, len - 5);
		uint64_t size;
		if (!text_number(digits, UINT64_MAX, &size))
			result = -1;
		else if (size > BUILTIN_SIZE_LIMIT)
			result = 0;
		free(digits);
	}
	return result;
}

static void
do_mail(struct builtin *b, char *arguments, struct buf *out)
{
	char *options;
	char *path = path_argument(arguments, "FROM:", &options);
	int size = path ? declared_size(options) : -1;

	if (!b->greeted)
		refuse(b, out, "503 5.5.1 Error: send HELO/EHLO first");
	else if (b->sender)
		refuse(b, out, "503 5.5.1 Error: nested MAIL command");
	else if (size < 0)
		refuse(b, out, "501 5.5.4 Syntax: MAIL FROM:<address>");
	else if (size == 0)
		refuse(b, out, "552 5.3.4 Message size exceeds fixed limit");
	else {
		b->sender = alloc_string(path);
		buf_add_str(out, "250 2.1.0 Ok\r\n");
	}
}

static void
do_rcpt(struct builtin *b, char *arguments, struct buf *out)
{
	char *options;
	char *path = path_argument(arguments, "TO:", &options);

	if (!b->sender)
		refuse(b, out, "503 5.5.1 Error: need MAIL command");
	else if (!path || strcmp(path, "<>") == 0)
		refuse(b, out, "501 5.5.4 Syntax: RCPT TO:<address>");
	else if (b->recipients >= BUILTIN_RECIPIENT_LIMIT)
		refuse(b, out, "452 4.5.3 Error: too many recipients");
	else {
		b->recipients++;
		buf_add_str(out, "250 2.1.5 Ok\r\n");
	}
}

static void
do_data(struct builtin *b, char *arguments, struct buf *out)
{
	if (*arguments) {
		refuse(b, out, "501 5.5.4 Syntax: DATA");
	} else if (b->recipients == 0) {
		refuse(b, out, "503 5.5.1 Error: need RCPT command");
	} else {
		b->in_content = true;
		b->content = LINE_START;
		b->size = 0;
		buf_add_str(out, "354 End data with <CR><LF>.<CR><LF>\r\n");
	}
}

static void
do_rset(struct builtin *b, char *arguments, struct buf *out)
{
	(void)arguments;
	reset(b);
	buf_add_str(out, "250 2.0.0 Ok\r\n");
}

static void
do_noop(struct builtin *b, char *arguments, struct buf *out)
{
	(void)b, (void)arguments;
	buf_add_str(out, "250 2.0.0 Ok\r\n");
}

static void
do_vrfy(struct builtin *b, char *arguments, struct buf *out)
{
	if (!*arguments)
		refuse(b, out, "501 5.5.4 Syntax: VRFY address");
	else
		buf_add_str(out, "252 2.0.0 Any address is accepted\r\n");
}

static void
do_quit(struct builtin *b, char *arguments, struct buf *out)
{
	(void)arguments;
	buf_add_str(out, "221 2.0.0 Bye\r\n");
	b->done = true;
}

static const struct {
	const char *name;
	void (*run)(struct builtin *b, char *arguments, struct buf *out);
} commands[] = {
	{ "HELO", do_helo },
	{ "EHLO", do_ehlo },
	{ "MAIL", do_mail },
	{ "RCPT", do_rcpt },
	{ "DATA", do_data },
	{ "RSET", do_rset },
	{ "NOOP", do_noop },
	{ "VRFY", do_vrfy },
	{ "QUIT", do_quit },
};

static void
run_command(struct builtin *b, char *line, struct buf *out)
{
	size_t len = strcspn(line, " \t");
	char *arguments = line + len;

	arguments += strspn(arguments, " \t");
	for (size_t left = strlen(arguments); left > 0 && strchr(" \t", arguments[left - 1]); left--)
		arguments[left - 1] = 0;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strlen(commands[i].name) == len && strncasecmp(line, commands[i].name, len) == 0) {
			commands[i].run(b, arguments, out);
			return;
		}
	}
	refuse(b, out, "502 5.5.2 Error: command not recognized");
}

static void
add_content(struct builtin *b, const char *bytes, size_t len)
{
	b->size += len;
	if (b->size <= BUILTIN_SIZE_LIMIT)
		digest_add(b->digest, bytes, len);
}

/* How many of the `len` bytes belong to the message; all of them unless *complete. */
static size_t
take_content(struct builtin *b, const char *bytes, size_t len, bool *complete)
{
	size_t at = 0;

	while (at < len) {
		char c = bytes[at];
		switch (b->content) {
		case LINE_START:
			b->content = c == '.' ? DOT : TEXT;
			at += c == '.';
			break;
		case TEXT: {
			const char *cr = memchr(bytes + at, '\r', len - at);
			size_t span = cr ? (size_t)(cr - (bytes + at)) + 1 : len - at;
			add_content(b, bytes + at, span);
			b->content = cr ? CR : TEXT;
			at += span;
			break;
		}
		case CR:
			b->content = TEXT;
			if (c == '\n') {
				add_content(b, "\n", 1);
				b->content = LINE_START;
				at++;
			}
			break;
		case DOT:
			b->content = c == '\r' ? DOT_CR : TEXT;
			at += c == '\r';
			break;
		case DOT_CR:
			if (c == '\n') {
				*complete = true;
				return at + 1;
			}
			add_content(b, "\r", 1);
			b->content = CR;
			break;
		}
	}
	return at;
}

static void
end_content(struct builtin *b, struct buf *out)
{
	struct buf hex = BUF_INIT;

	digest_finish(b->digest, &hex);
	if (b->size > BUILTIN_SIZE_LIMIT) {
		log_info("%s: from=%s, size=%llu: message refused: too large", b->peer, b->sender,
		    (unsigned long long)b->size);
		refuse(b, out, "552 5.3.4 Error: message too large");
	} else {
		log_info("%s: from=%s, nrcpt=%d, size=%llu, sha256=%s: message received and dropped", b->peer,
		    b->sender, b->recipients, (unsigned long long)b->size, buf_str(&hex));
		buf_printf(out, "250 2.0.0 Ok: received %llu bytes, sha256 %s\r\n",
		    (unsigned long long)b->size, buf_str(&hex));
	}
	buf_release(&hex);
	reset(b);
}

/* False: nothing more can be done with what is there. */
static bool
step(struct builtin *b, struct buf *in, struct buf *line, struct buf *out)
{
	if (b->in_content) {
		bool complete = false;
		buf_consume(in, take_content(b, buf_str(in), in->len, &complete));
		if (complete)
			end_content(b, out);
		return complete;
	}
	switch (gate_line_take(in, &b->skipping, line)) {
	case GATE_LINE_MORE:
		return false;
	case GATE_LINE_TOO_LONG:
		refuse(b, out, "500 5.5.2 Error: line too long");
		return true;
	case GATE_LINE_MALFORMED:
		refuse(b, out, "500 5.5.2 Error: bad syntax");
		return true;
	case GATE_LINE_COMMAND:
		run_command(b, line->bytes, out);
		return true;
	}
	return false;
}

bool
builtin_run(struct builtin *b, struct buf *in, struct buf *out)
{
	struct buf line = BUF_INIT;

	buf_reserve(&line, 0);
	while (!b->done && step(b, in, &line, out))
		;
	buf_release(&line);
	return !b->done;
}
