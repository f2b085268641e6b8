/* SPDX-License-Identifier: ISC */
/* The mail server inside tlsgate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tlsgate/builtin.h"
#include "util/buf.h"
#include "util/log.h"

static void
no_log(enum log_level level, const char *text, void *context)
{
	(void)level, (void)text, (void)context;
}

/* All of `text`, in pieces of `piece` bytes; the replies behind the greeting, to be released. */
static struct buf
converse(const char *text, size_t piece, bool *over)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct builtin *b = builtin_new("mx.example", "[192.0.2.1]:25", &out);
	size_t len = strlen(text);

	assert_string_equal(buf_str(&out), "220 mx.example ESMTP Sealpost\r\n");
	buf_clear(&out);
	*over = false;
	for (size_t at = 0; at < len && !*over; at += piece) {
		buf_add(&in, text + at, len - at < piece ? len - at : piece);
		*over = !builtin_run(b, &in, &out);
	}
	builtin_free(b);
	buf_release(&in);
	return out;
}

#define ENVELOPE "HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
#define ENVELOPE_REPLIES                                                                                     \
	"250 mx.example\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n"

static void
says_what_arrived(void **state)
{
	static const struct {
		const char *name, *content, *reply;
	} cases[] = {
		{ "empty", ".\r\n",
		    "250 2.0.0 Ok: received 0 bytes, sha256 "
		    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n" },
		/* printf 'hello\r\n' | sha256sum */
		{ "one line", "hello\r\n.\r\n",
		    "250 2.0.0 Ok: received 7 bytes, sha256 "
		    "cd2eca3535741f27a8ae40c31b0c41d4057a7a7b912b33b9aed86485d1c84676\r\n" },
		/* printf '.a\r\n.\r\n.\nb\r.\rc\r\n' | sha256sum */
		{ "dots", "..a\r\n..\r\n..\nb\r.\rc\r\n.\r\n",
		    "250 2.0.0 Ok: received 16 bytes, sha256 "
		    "256704a0db47a87df79c6c12668b9044972fd0c9067405ff78790761589d90dc\r\n" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t piece = 1; piece < 20; piece += 3) {
			struct buf text = BUF_INIT;
			bool over;
			print_message("%s in pieces of %zu\n", cases[i].name, piece);
			buf_printf(&text, ENVELOPE "%sQUIT\r\n", cases[i].content);
			struct buf out = converse(text.bytes, piece, &over);
			struct buf wanted = BUF_INIT;
			buf_printf(&wanted, ENVELOPE_REPLIES "%s221 2.0.0 Bye\r\n", cases[i].reply);
			assert_string_equal(buf_str(&out), buf_str(&wanted));
			assert_true(over);
			buf_release(&text);
			buf_release(&out);
			buf_release(&wanted);
		}
	}
}

static void
only_crlf_dot_crlf_ends_a_message(void **state)
{
	static const char *const not_ends[] = { "x\n.\n", "x\n.\r\n", "x\r\n.\n", "x\r.\r", "x\r\n.\r\r\n",
		"x\r\n. \r\n" };
	(void)state;

	for (size_t i = 0; i < sizeof not_ends / sizeof not_ends[0]; i++) {
		struct buf text = BUF_INIT;
		bool over;
		print_message("case %zu\n", i);
		buf_printf(&text, ENVELOPE "%sQUIT\r\n", not_ends[i]);
		struct buf out = converse(text.bytes, text.len, &over);
		assert_string_equal(buf_str(&out), ENVELOPE_REPLIES);
		assert_false(over);
		buf_release(&text);
		buf_release(&out);
	}
}

static void
commands_out_of_order_are_refused(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "MAIL FROM:<>\r\n", "503 5.5.1 Error: send HELO/EHLO first\r\n" },
		{ "DATA\r\n", "503 5.5.1 Error: need RCPT command\r\n" },
		{ "RCPT TO:<a@b>\r\n", "503 5.5.1 Error: need MAIL command\r\n" },
		{ "EHLO\r\n", "501 Syntax: EHLO hostname\r\n" },
		{ "BDAT 5\r\n", "502 5.5.2 Error: command not recognized\r\n" },
		{ "STARTTLS\r\n", "502 5.5.2 Error: command not recognized\r\n" },
		{ "vrfy x\r\nnoop\r\nrset\r\n",
		    "252 2.0.0 Any address is accepted\r\n250 2.0.0 Ok\r\n250 2.0.0 Ok\r\n" },
		{ "HELO x\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\n",
		    "250 mx.example\r\n250 2.1.0 Ok\r\n503 5.5.1 Error: nested MAIL command\r\n" },
		{ "HELO x\r\nMAIL FROM: a@b\r\n",
		    "250 mx.example\r\n501 5.5.4 Syntax: MAIL FROM:<address>\r\n" },
		{ "HELO x\r\nMAIL FROM:<> SIZE=10240001\r\n",
		    "250 mx.example\r\n552 5.3.4 Message size exceeds fixed limit\r\n" },
		{ "HELO x\r\nMAIL FROM:<> BODY=8BITMIME SIZE=10240000\r\nRCPT TO:<>\r\n",
		    "250 mx.example\r\n250 2.1.0 Ok\r\n501 5.5.4 Syntax: RCPT TO:<address>\r\n" },
		{ "HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nEHLO y\r\nDATA\r\n",
		    "250 mx.example\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250-mx.example\r\n250-PIPELINING\r\n"
		    "250-SIZE 10240000\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n"
		    "503 5.5.1 Error: need RCPT command\r\n" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool over;
		print_message("case %zu\n", i);
		struct buf out = converse(cases[i].in, 1000, &over);
		assert_string_equal(buf_str(&out), cases[i].out);
		assert_false(over);
		buf_release(&out);
	}
}

static void
too_much_is_refused(void **state)
{
	struct buf text = BUF_INIT;
	bool over;
	(void)state;

	buf_add_str(&text, ENVELOPE);
	size_t envelope = text.len;
	while (text.len - envelope <= BUILTIN_SIZE_LIMIT)
		buf_add_str(
		    &text, "0123456789012345678901234567890123456789012345678901234567890123456789\r\n");
	buf_add_str(&text, ".\r\nQUIT\r\n");
	struct buf out = converse(text.bytes, 65536, &over);
	assert_string_equal(
	    buf_str(&out), ENVELOPE_REPLIES "552 5.3.4 Error: message too large\r\n221 2.0.0 Bye\r\n");
	buf_release(&out);

	buf_clear(&text);
	for (int i = 0; i < BUILTIN_ERROR_LIMIT + 5; i++)
		buf_add_str(&text, "x\r\n");
	out = converse(text.bytes, text.len, &over);
	assert_true(over);
	assert_non_null(strstr(buf_str(&out), "\r\n421 4.7.0 mx.example Error: too many errors\r\n"));
	buf_release(&out);
	buf_release(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_arrived),
		cmocka_unit_test(only_crlf_dot_crlf_ends_a_message),
		cmocka_unit_test(commands_out_of_order_are_refused),
		cmocka_unit_test(too_much_is_refused),
	};

	log_set_sink(no_log, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
