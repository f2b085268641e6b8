/* SPDX-License-Identifier: ISC */
/* What "postfix tls probe" reads: destinations, replies of servers, MX records. */
#include "cmocka_all.h"

#include <stdlib.h>

#include "tlsprobe/probe_mx.h"
#include "tlsprobe/probe_reply.h"
#include "tlsprobe/probe_target.h"
#include "util/alloc.h"
#include "util/err.h"

#define KNOWN "lmtp=24, smtp=25, smtps=submissions=465"

static void
a_destination_has_a_domain_a_port_and_a_way(void **state)
{
	static const struct {
		const char *text, *client, *domain;
		int port;
		bool exchangers;
	} cases[] = {
		{ "a.test", "smtp", "a.test", 25, true },
		{ "a.test:587", "smtp", "a.test", 587, true },
		{ "a.test:submissions", "smtp", "a.test", 465, true },
		{ "[a.test]", "smtp", "a.test", 25, false },
		{ "[a.test]:smtps", "smtp", "a.test", 465, false },
		{ "[192.0.2.1]:26", "smtp", "192.0.2.1", 26, false },
		{ "[2001:db8::1]:26", "smtp", "2001:db8::1", 26, false },
		{ "[ipv6:2001:db8::1]", "smtp", "2001:db8::1", 25, false },
		{ "[a.test]:", "smtp", "a.test", 25, false },
		{ "192.0.2.1", "smtp", "192.0.2.1", 25, false },
		{ "192.0.2.1:26", "smtp", "192.0.2.1", 26, false },
		{ "2001:db8::1:26", "smtp", "2001:db8::1", 26, false },
		{ "inet:192.0.2.1:26", "lmtp", "192.0.2.1", 26, false },
		{ "inet:a.test", "lmtp", "a.test", 25, false },
		{ "inet:[a.test]:lmtp", "lmtp", "a.test", 24, false },
		{ "b\xc3\xbc"
		  "cher.test",
		    "smtp",
		    "b\xc3\xbc"
		    "cher.test",
		    25, true },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct probe_target target;
		struct err err = { 0 };

		CASE_IS(probe_target_init(&target, cases[i].text, &err) == 0, cases[i].text);
		CASE_IS(probe_target_find_port(&target, "smtp", KNOWN, &err) == 0, cases[i].text);
		CASE_TEXT(probe_target_client(cases[i].text), cases[i].client, cases[i].text);
		CASE_TEXT(target.domain, cases[i].domain, cases[i].text);
		CASE_IS(target.port == cases[i].port, cases[i].text);
		CASE_IS(target.exchangers == cases[i].exchangers, cases[i].text);
		probe_target_release(&target);
	}
}

static void
a_destination_that_makes_no_sense_is_refused_in_postfix_words(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "[a.test", "missing \"]\" in server description: [a.test" },
		{ "[a.test]x", "garbage after \"]\" in server description: [a.test]x" },
		{ "192.0.2", "valid hostname or network address required in server description: 192.0.2" },
		{ "::1", "valid hostname or network address required in server description: ::1; "
			 "this address is written [::1]" },
		{ "", "valid hostname or network address required in server description: " },
		{ "a..test", "valid hostname or network address required in server description: a..test" },
		{ "-a.test", "valid hostname or network address required in server description: -a.test" },
		{ "\xff.test",
		    "valid hostname or network address required in server description: \xff.test" },
		{ "unix:", "a pathname is needed behind unix: in unix:" },
		{ "a.test:0", "unknown service: 0/tcp" },
		{ "a.test:65536", "unknown service: 65536/tcp" },
		{ "a.test:no-such-service", "unknown service: no-such-service/tcp" },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct probe_target target;
		struct err err = { 0 };
		int result = probe_target_init(&target, cases[i].text, &err);

		if (result == 0)
			result = probe_target_find_port(&target, "smtp", KNOWN, &err);
		CASE_IS(result < 0, cases[i].text);
		CASE_TEXT(err.text, cases[i].words, cases[i].text);
		probe_target_release(&target);
	}
}

static void
a_socket_has_a_path(void **state)
{
	struct probe_target target;
	struct err err = { 0 };
	(void)state;

	assert_int_equal(probe_target_init(&target, "unix:/run/lmtp", &err), 0);
	assert_string_equal(target.path, "/run/lmtp");
	assert_string_equal(probe_target_client("unix:/run/lmtp"), "lmtp");
	assert_false(target.exchangers);
	probe_target_release(&target);
	/* From the queue directory, where the client runs. */
	assert_int_equal(probe_target_init(&target, "unix:private/lmtp", &err), 0);
	assert_string_equal(target.path, "private/lmtp");
	probe_target_release(&target);
}

static void
replies_are_taken_whole_in_any_pieces(void **state)
{
	static const char text[] =
	    "220-mx.test\r\n220 ready\r\n250-mx.test hello\n250-SIZE 10\r\n250-starttls\r\n250 "
	    "DSN\r\n221\r\n";
	static const char *const lines[] = { "220 mx.test ready", "250 mx.test hello SIZE 10 starttls DSN",
		"221 " };
	(void)state;

	for (size_t piece = 1; piece < sizeof text; piece++) {
		struct probe_reply reply = { 0 };
		struct buf in = BUF_INIT;
		size_t taken = 0;

		for (size_t at = 0; at < sizeof text - 1; at += piece) {
			buf_add(&in, text + at, at + piece < sizeof text - 1 ? piece : sizeof text - 1 - at);
			while (probe_reply_take(&reply, &in) == PROBE_REPLY_COMPLETE) {
				char *line = probe_reply_line(&reply);

				assert_true(taken < COUNT(lines));
				assert_string_equal(line, lines[taken]);
				assert_int_equal(probe_reply_offers(&reply, "STARTTLS"), taken == 1);
				assert_int_equal(probe_reply_offers(&reply, "SIZE"), taken == 1);
				assert_false(probe_reply_offers(&reply, "START"));
				assert_false(probe_reply_offers(&reply, "mx.test"));
				free(line);
				taken++;
			}
		}
		assert_int_equal(taken, COUNT(lines));
		buf_release(&in);
		probe_reply_release(&reply);
	}
}

static void
what_is_no_reply_is_bad(void **state)
{
	static const char *const cases[] = { "hello\r\n", "25\r\n", "250x\r\n", "650 x\r\n", "050 x\r\n",
		"2 50 x\r\n", "\r\n", "250-a\r\nfoo\r\n", "\377\376\375 x\r\n" };
	struct probe_reply reply = { 0 };
	struct buf in = BUF_INIT;
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_clear(&in);
		buf_add_str(&in, cases[i]);
		CASE_IS(probe_reply_take(&reply, &in) == PROBE_REPLY_BAD, cases[i]);
	}
	/* Too long, with and without an end in sight. */
	buf_clear(&in);
	buf_add_str(&in, "250 ");
	while (in.len < PROBE_REPLY_LINE_LIMIT)
		buf_add_byte(&in, 'x');
	assert_int_equal(probe_reply_take(&reply, &in), PROBE_REPLY_BAD);
	buf_clear(&in);
	while (in.len < PROBE_REPLY_LIMIT)
		buf_add_str(&in, "250-x\r\n");
	assert_int_equal(probe_reply_take(&reply, &in), PROBE_REPLY_BAD);
	buf_release(&in);
	probe_reply_release(&reply);
}

static void
text_of_a_reply_can_be_printed(void **state)
{
	struct probe_reply reply = { 0 };
	struct buf in = BUF_INIT;
	char *line;
	(void)state;

	buf_add_str(&in, "220 a\033[2Jb\rc\r\n");
	assert_int_equal(probe_reply_take(&reply, &in), PROBE_REPLY_COMPLETE);
	line = probe_reply_line(&reply);
	assert_string_equal(line, "220 a?[2Jb?c");
	free(line);
	buf_release(&in);
	probe_reply_release(&reply);
}

static void
mx_records_are_read_within_their_bounds(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *name; /* NULL: it is none */
	} cases[] = {
		{ "\0\12\2mx\4test\0", 11, "mx.test" },
		{ "\0\0\0", 3, "" },
		{ "\0\12\2m x\0", 6, NULL },
		{ "\0\12\3m x\0", 7, "m?x" },
		{ "\0\12\3m.x\0", 7, "m?x" },
		{ "\0\12\2mx\4test", 10, NULL },
		{ "\0\12\2mx\4tes", 9, NULL },
		{ "\0\12\2mx\0x", 7, NULL },
		{ "\0\12\300\1", 4, NULL },
		{ "\0", 1, NULL },
		{ "", 0, NULL },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct probe_mx mx = { 0 };
		char *title = alloc_printf("%zu", i);

		probe_mx_add(&mx, (const unsigned char *)cases[i].bytes, cases[i].len);
		CASE_IS(mx.count == (cases[i].name != NULL), title);
		if (cases[i].name)
			CASE_TEXT(mx.record[0].name, cases[i].name, title);
		probe_mx_release(&mx);
		free(title);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_destination_has_a_domain_a_port_and_a_way),
		cmocka_unit_test(a_destination_that_makes_no_sense_is_refused_in_postfix_words),
		cmocka_unit_test(a_socket_has_a_path),
		cmocka_unit_test(replies_are_taken_whole_in_any_pieces),
		cmocka_unit_test(what_is_no_reply_is_bad),
		cmocka_unit_test(text_of_a_reply_can_be_printed),
		cmocka_unit_test(mx_records_are_read_within_their_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
