/* SPDX-License-Identifier: ISC */
/*
 * fuzz_gate_smtp: the first byte chooses between a client's lines, a back end's replies, and a whole
 * conversation with the built-in server. Lines that pass must have one reading; an edited reply must be a
 * reply.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tlsgate/builtin.h"
#include "tlsgate/gate_smtp.h"
#include "util/buf.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
silent(enum log_level level, const char *text, void *context)
{
	(void)level, (void)text, (void)context;
}

static void
read_lines(struct buf *in)
{
	struct buf line = BUF_INIT;
	bool skipping = false;
	const char *arguments;

	for (;;) {
		size_t before = in->len;
		enum gate_line result = gate_line_take(in, &skipping, &line);
		if (result == GATE_LINE_MORE)
			break;
		if (in->len >= before)
			abort();
		if (result != GATE_LINE_COMMAND)
			continue;
		if (line.len >= GATE_LINE_LIMIT || strcspn(buf_str(&line), "\r\n") != line.len)
			abort();
		gate_smtp_verb(buf_str(&line), &arguments);
		if (arguments < buf_str(&line) || arguments > buf_str(&line) + line.len)
			abort();
	}
	if (in->len >= GATE_LINE_LIMIT)
		abort();
	buf_release(&line);
}

static void
read_replies(struct buf *in)
{
	size_t taken, again;
	int code, same;

	while (gate_smtp_find_reply(in, &taken, &code) == GATE_SMTP_REPLY_COMPLETE) {
		struct buf out = BUF_INIT;
		if (taken == 0 || taken > in->len)
			abort();
		gate_smtp_put_ehlo_reply(&out, buf_str(in), taken, GATE_SMTP_OFFER);
		/* Adding CR and an offer may take a reply over the limit; else it is one reply still. */
		if (out.len < GATE_LINE_LIMIT &&
		    (gate_smtp_find_reply(&out, &again, &same) != GATE_SMTP_REPLY_COMPLETE ||
			again != out.len))
			abort();
		gate_smtp_put_reply(&out, buf_str(in), taken);
		buf_release(&out);
		buf_consume(in, taken);
	}
}

static void
converse(struct buf *in)
{
	struct buf out = BUF_INIT, piece = BUF_INIT;
	struct builtin *builtin = builtin_new("mx.example", "[192.0.2.1]:25", &out);
	bool more = true;

	while (more && in->len > 0) {
		size_t n = in->len < 100 ? in->len : 100;
		buf_add(&piece, in->bytes, n);
		buf_consume(in, n);
		more = builtin_run(builtin, &piece, &out);
	}
	builtin_free(builtin);
	buf_release(&piece);
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static void (*const targets[])(struct buf *) = { read_lines, read_replies, converse };
	struct buf in = BUF_INIT;

	log_set_sink(silent, NULL);
	if (len == 0)
		return 0;
	buf_add(&in, bytes + 1, len - 1);
	targets[bytes[0] % 3](&in);
	buf_release(&in);
	return 0;
}
