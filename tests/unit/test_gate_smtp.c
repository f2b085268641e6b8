/* SPDX-License-Identifier: ISC */
/* What tlsgate takes for a command line and for a reply, and how it edits the reply to EHLO. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tlsgate/gate_smtp.h"
#include "util/buf.h"

#define SIZED(text) text, sizeof text - 1

static void
a_line_has_one_reading(void **state)
{
	static const struct {
		const char *in;
		size_t len;
		enum gate_line result;
		const char *line, *rest;
	} cases[] = {
		{ SIZED("NOOP\r\n"), GATE_LINE_COMMAND, "NOOP", "" },
		{ SIZED("NOOP\n"), GATE_LINE_COMMAND, "NOOP", "" },
		{ SIZED("\r\n"), GATE_LINE_COMMAND, "", "" },
		{ SIZED("\n"), GATE_LINE_COMMAND, "", "" },
		{ SIZED("STARTTLS\r\nRSET\r\n"), GATE_LINE_COMMAND, "STARTTLS", "RSET\r\n" },
		{ SIZED("NOOP\r"), GATE_LINE_MORE, "", "NOOP\r" },
		{ SIZED(""), GATE_LINE_MORE, "", "" },
		{ SIZED("NOOP\rQUIT\r\nx"), GATE_LINE_MALFORMED, "", "x" },
		{ SIZED("NOOP\r\r\nx"), GATE_LINE_MALFORMED, "", "x" },
		{ SIZED("NO\0OP\r\nx"), GATE_LINE_MALFORMED, "", "x" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf in = BUF_INIT, line = BUF_INIT;
		bool skipping = false;
		print_message("case %zu\n", i);
		buf_add(&in, cases[i].in, cases[i].len);
		assert_int_equal(gate_line_take(&in, &skipping, &line), cases[i].result);
		assert_string_equal(buf_str(&line), cases[i].line);
		assert_string_equal(buf_str(&in), cases[i].rest);
		assert_false(skipping);
		buf_release(&in);
		buf_release(&line);
	}
}

static void
a_line_of_the_limit_is_taken_and_a_longer_one_dropped(void **state)
{
	(void)state;
	for (size_t extra = 0; extra < 4; extra++) {
		for (size_t piece = 1; piece < 3000; piece += 997) {
			struct buf all = BUF_INIT, in = BUF_INIT, line = BUF_INIT;
			bool skipping = false;
			for (size_t i = 0; i < GATE_LINE_LIMIT - 2 + extra; i++)
				buf_add_byte(&all, 'x');
			buf_add_str(&all, "\r\nQUIT\r\n");

			enum gate_line result = GATE_LINE_MORE;
			size_t at = 0;
			while (result == GATE_LINE_MORE) {
				size_t n = all.len - at < piece ? all.len - at : piece;
				assert_true(n > 0);
				buf_add(&in, all.bytes + at, n);
				at += n;
				result = gate_line_take(&in, &skipping, &line);
				assert_true(in.len <= GATE_LINE_LIMIT + piece);
			}
			assert_int_equal(result, extra ? GATE_LINE_TOO_LONG : GATE_LINE_COMMAND);
			buf_add(&in, all.bytes + at, all.len - at);
			assert_int_equal(gate_line_take(&in, &skipping, &line), GATE_LINE_COMMAND);
			assert_string_equal(buf_str(&line), "QUIT");
			buf_release(&all);
			buf_release(&in);
			buf_release(&line);
		}
	}
}

static void
verbs_are_found_however_they_are_spelled(void **state)
{
	static const struct {
		const char *line;
		enum gate_smtp_verb verb;
		const char *arguments;
	} cases[] = {
		{ "STARTTLS", GATE_SMTP_STARTTLS, "" },
		{ "starttls", GATE_SMTP_STARTTLS, "" },
		{ "StartTLS  ", GATE_SMTP_STARTTLS, "" },
		{ " \tSTARTTLS\t", GATE_SMTP_STARTTLS, "" },
		{ "STARTTLS now", GATE_SMTP_STARTTLS, "now" },
		{ "STARTTLSX", GATE_SMTP_OTHER, "" },
		{ "STARTTL", GATE_SMTP_OTHER, "" },
		{ "ehlo a.example", GATE_SMTP_EHLO, "a.example" },
		{ "HELO a.example", GATE_SMTP_HELO, "a.example" },
		{ "\vBDAT 5 LAST", GATE_SMTP_BDAT, "5 LAST" },
		{ "MAIL FROM:<>", GATE_SMTP_MAIL, "FROM:<>" },
		{ "MAIL\fFROM:<>", GATE_SMTP_MAIL, "FROM:<>" },
		{ "", GATE_SMTP_OTHER, "" },
		{ "   ", GATE_SMTP_OTHER, "" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *arguments;
		print_message("case \"%s\"\n", cases[i].line);
		assert_int_equal(gate_smtp_verb(cases[i].line, &arguments), cases[i].verb);
		assert_string_equal(arguments, cases[i].arguments);
	}
}

static void
a_reply_is_complete_with_its_last_line(void **state)
{
	static const struct {
		const char *in;
		enum gate_smtp_reply result;
		size_t len;
		int code;
	} cases[] = {
		{ "250 Ok\r\n", GATE_SMTP_REPLY_COMPLETE, 8, 250 },
		{ "250\r\n", GATE_SMTP_REPLY_COMPLETE, 5, 250 },
		{ "250 Ok\n250 more\r\n", GATE_SMTP_REPLY_COMPLETE, 7, 250 },
		{ "250-a\r\n250 b\r\n", GATE_SMTP_REPLY_COMPLETE, 14, 250 },
		{ "250-a\r\n250", GATE_SMTP_REPLY_MORE, 0, 0 },
		{ "250-a\r\n250 b\r", GATE_SMTP_REPLY_MORE, 0, 0 },
		{ "354 go\r\n", GATE_SMTP_REPLY_COMPLETE, 8, 354 },
		{ "", GATE_SMTP_REPLY_MORE, 0, 0 },
		{ "hello\r\n", GATE_SMTP_REPLY_MALFORMED, 0, 0 },
		{ "25\r\n", GATE_SMTP_REPLY_MALFORMED, 0, 0 },
		{ "250x\r\n", GATE_SMTP_REPLY_MALFORMED, 0, 0 },
		{ "650 x\r\n", GATE_SMTP_REPLY_MALFORMED, 0, 0 },
		{ "250-a\r\nb\r\n", GATE_SMTP_REPLY_MALFORMED, 0, 0 },
		{ "\r\n", GATE_SMTP_REPLY_MALFORMED, 0, 0 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf in = BUF_INIT;
		size_t len = 0;
		int code = 0;
		print_message("case %zu\n", i);
		buf_add_str(&in, cases[i].in);
		assert_int_equal(gate_smtp_find_reply(&in, &len, &code), cases[i].result);
		if (cases[i].result == GATE_SMTP_REPLY_COMPLETE) {
			assert_int_equal(len, cases[i].len);
			assert_int_equal(code, cases[i].code);
		}
		buf_release(&in);
	}
}

static void
an_endless_reply_is_refused(void **state)
{
	struct buf in = BUF_INIT;
	size_t len;
	int code;
	(void)state;

	buf_add_str(&in, "250 ");
	while (in.len < GATE_LINE_LIMIT)
		buf_add_byte(&in, 'x');
	assert_int_equal(gate_smtp_find_reply(&in, &len, &code), GATE_SMTP_REPLY_MALFORMED);
	buf_clear(&in);
	while (in.len < GATE_LINE_ANSWER_LIMIT)
		buf_add_str(&in, "250-x\r\n");
	assert_int_equal(gate_smtp_find_reply(&in, &len, &code), GATE_SMTP_REPLY_MALFORMED);
	buf_release(&in);
}

static void
starttls_is_offered_once_or_not_at_all(void **state)
{
	static const struct {
		const char *reply, *offered, *hidden;
	} cases[] = {
		{ "250 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "250 mx\r\n" },
		{ "250\r\n", "250-\r\n250 STARTTLS\r\n", "250 \r\n" },
		{ "250-mx\r\n250-PIPELINING\r\n250 DSN\r\n",
		    "250-mx\r\n250-PIPELINING\r\n250-DSN\r\n250 STARTTLS\r\n",
		    "250-mx\r\n250-PIPELINING\r\n250 DSN\r\n" },
		{ "250-mx\r\n250-STARTTLS\r\n250 DSN\r\n", "250-mx\r\n250-DSN\r\n250 STARTTLS\r\n",
		    "250-mx\r\n250 DSN\r\n" },
		{ "250-mx\n250-DSN\n250 starttls \n", "250-mx\r\n250-DSN\r\n250 STARTTLS\r\n",
		    "250-mx\r\n250 DSN\r\n" },
		{ "250-mx\r\n250-STARTTLS\r\n250 STARTTLS\r\n", "250-mx\r\n250 STARTTLS\r\n", "250 mx\r\n" },
		{ "250-starttls\r\n250 STARTTLSX\r\n", "250-starttls\r\n250-STARTTLSX\r\n250 STARTTLS\r\n",
		    "250-starttls\r\n250 STARTTLSX\r\n" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buf out = BUF_INIT;
		print_message("case %zu\n", i);
		gate_smtp_put_ehlo_reply(&out, cases[i].reply, strlen(cases[i].reply), GATE_SMTP_OFFER);
		assert_string_equal(buf_str(&out), cases[i].offered);
		buf_clear(&out);
		buf_add_str(&out, "x");
		gate_smtp_put_ehlo_reply(&out, cases[i].reply, strlen(cases[i].reply), 0);
		assert_string_equal(buf_str(&out) + 1, cases[i].hidden);
		buf_release(&out);
	}
}

static void
replies_end_in_crlf(void **state)
{
	struct buf out = BUF_INIT;
	(void)state;

	gate_smtp_put_reply(&out, SIZED("250-a\n250 b\r\n"));
	assert_string_equal(buf_str(&out), "250-a\r\n250 b\r\n");
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_one_reading),
		cmocka_unit_test(a_line_of_the_limit_is_taken_and_a_longer_one_dropped),
		cmocka_unit_test(verbs_are_found_however_they_are_spelled),
		cmocka_unit_test(a_reply_is_complete_with_its_last_line),
		cmocka_unit_test(an_endless_reply_is_refused),
		cmocka_unit_test(starttls_is_offered_once_or_not_at_all),
		cmocka_unit_test(replies_end_in_crlf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
