/* SPDX-License-Identifier: ISC */
/*
 * fuzz_gate_talk: what client and back end say in any protocol of tlsgate. The first byte chooses the
 * protocol, the second whether there is TLS, whether it is a must, and what the rules want; then the two take
 * turns, the back end first, with 0xff between them. Whoever must use TLS, or is refused, gets nothing
 * through that could be a login or mail, where the gate is to listen nothing passes unread, and an answer is
 * passed on as whole lines, with an end.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tlsgate/gate_line.h"
#include "tlsgate/gate_talk.h"
#include "util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_passed(const struct gate_talk *talk, const char *line)
{
	static const char *const never[] = { "LOGIN", "AUTHENTICATE", "USER", "PASS", "APOP", "AUTH", "MAIL",
		"RCPT", "DATA", "BDAT", "STARTTLS", "STLS", "XCLIENT" };
	size_t len;
	const char *rest;
	const char *verb = gate_line_word(line, &len, &rest);

	if (strpbrk(line, "\r\n"))
		abort();
	bool mail = strcmp(talk->protocol->name, "smtp") == 0 || strcmp(talk->protocol->name, "lmtp") == 0;
	bool must = talk->encrypt && !talk->tls, refused = mail && talk->refusal;
	if (mail && talk->xclient &&
	    (gate_line_is(verb, len, "XCLIENT") || gate_line_is(verb, len, "XFORWARD")))
		abort();
	if (!must && !refused)
		return;
	/* Who is refused may begin, and hears of it at the recipient. */
	if (!must && gate_line_is(verb, len, "MAIL"))
		return;
	if (strcmp(talk->protocol->name, "imap") == 0)
		verb = gate_line_word(rest, &len, &rest);
	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
		if (gate_line_is(verb, len, never[i]))
			abort();
}

/* False: the gate would not listen any more. */
static bool
hear_client(struct gate_talk *talk, struct buf *in, bool *skipping)
{
	struct buf line = BUF_INIT, out = BUF_INIT;
	bool goes_on = true;

	while (goes_on && talk->awaits == GATE_AWAITS_NOTHING) {
		enum gate_line result = gate_line_take(in, skipping, &line);
		if (result == GATE_LINE_MORE)
			break;
		if (result != GATE_LINE_COMMAND)
			continue;
		enum gate_word word = GATE_WORDS;
		switch (gate_talk_command(talk, buf_str(&line), &word)) {
		case GATE_ACTION_PASS:
			if (talk->awaits == GATE_AWAITS_NOTHING)
				abort();
			check_passed(talk, buf_str(&line));
			break;
		case GATE_ACTION_PASS_ALL:
			if ((!talk->tls && talk->encrypt) || talk->watches || talk->refusal)
				abort();
			goes_on = false;
			break;
		case GATE_ACTION_STARTTLS:
			if (talk->tls || talk->no_tls)
				abort();
			goes_on = false;
			break;
		case GATE_ACTION_END:
			goes_on = false;
			gate_talk_put(talk, word, &out);
			break;
		case GATE_ACTION_REFUSE:
			gate_talk_put(talk, word, &out);
			break;
		}
	}
	if (memchr(buf_str(&out), 0, out.len))
		abort();
	buf_release(&line);
	buf_release(&out);
	return goes_on;
}

static bool
hear_backend(struct gate_talk *talk, struct buf *in)
{
	struct buf out = BUF_INIT;
	bool goes_on = true;

	for (bool more = true; more && goes_on;) {
		size_t before = in->len;
		enum gate_answer answer = gate_talk_answer(talk, in, &out);
		more = answer != GATE_ANSWER_MORE && in->len > 0;
		goes_on = answer != GATE_ANSWER_MALFORMED && answer != GATE_ANSWER_FAREWELL &&
			  answer != GATE_ANSWER_ASKS;
		if (answer == GATE_ANSWER_ASKS && (talk->watches || talk->refusal))
			abort();
		if (answer == GATE_ANSWER_ASKS_MESSAGE || answer == GATE_ANSWER_ASKS_LINE)
			goes_on = false;
		if (answer == GATE_ANSWER_MORE && in->len >= GATE_LINE_ANSWER_LIMIT)
			abort();
		if (answer != GATE_ANSWER_MORE && answer != GATE_ANSWER_MALFORMED && in->len >= before)
			abort();
	}
	if (out.len > 0 && (out.len < 2 || memcmp(out.bytes + out.len - 2, "\r\n", 2) != 0))
		abort();
	/* An edited line is longer by an offer, and no line is shorter than its end. */
	if (out.len > 64 * (GATE_LINE_ANSWER_LIMIT + 65536))
		abort();
	buf_release(&out);
	return goes_on;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const names[] = { "smtp", "lmtp", "pop3", "imap", "sieve" };
	struct buf client = BUF_INIT, backend = BUF_INIT;
	bool skipping = false, goes_on = true, from_client = false;

	if (len < 2 || len > 65536)
		return 0;
	struct gate_talk talk = {
		.protocol = gate_talk_protocol(names[bytes[0] % 5]),
		.hostname = "mx.example",
		.encrypt = bytes[1] & 2,
		.auth_only = bytes[1] & 4,
	};
	/* The rules are for mail. */
	if (bytes[0] % 5 < 2) {
		talk.no_tls = bytes[1] & 8;
		talk.xclient = bytes[1] & 16;
		talk.watches = bytes[1] & 32;
		talk.refusal = bytes[1] & 64 ? "554 5.7.1 <c>: Client host rejected: Access denied" : NULL;
	}
	gate_talk_begin(&talk, bytes[1] & 1);
	for (size_t at = 2, end; goes_on && at < len; at = end + 1, from_client = !from_client) {
		const uint8_t *turn = memchr(bytes + at, 0xff, len - at);
		end = turn ? (size_t)(turn - bytes) : len;
		buf_add(from_client ? &client : &backend, bytes + at, end - at);
		goes_on = hear_backend(&talk, &backend) && hear_client(&talk, &client, &skipping);
	}
	buf_release(&client);
	buf_release(&backend);
	return 0;
}
