/* SPDX-License-Identifier: ISC */
/* What becomes of a client's line, and of a back end's answer, in each protocol of tlsgate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tlsgate/gate_talk.h"
#include "util/buf.h"

enum { PLAIN = 0, TLS = 1, ENCRYPT = 2, AUTH_ONLY = 4, NO_TLS = 8 };

static struct gate_talk
talk_of(const char *protocol, int how)
{
	struct gate_talk talk = {
		.protocol = gate_talk_protocol(protocol),
		.hostname = "mx",
		.no_tls = how & NO_TLS,
		.encrypt = how & ENCRYPT,
		.auth_only = how & AUTH_ONLY,
	};

	assert_non_null(talk.protocol);
	gate_talk_begin(&talk, how & TLS);
	return talk;
}

static void
lines_go_where_they_should(void **state)
{
	static const struct {
		const char *protocol;
		int how;
		const char *line;
		enum gate_action action;
		enum gate_word word; /* if it is refused */
	} cases[] = {
		{ "smtp", PLAIN, "AUTH PLAIN", GATE_ACTION_PASS, 0 },
		{ "smtp", AUTH_ONLY, " auth PLAIN", GATE_ACTION_REFUSE, GATE_WORD_AUTH },
		{ "smtp", AUTH_ONLY, "MAIL FROM:<>", GATE_ACTION_PASS, 0 },
		{ "smtp", ENCRYPT, "MAIL FROM:<>", GATE_ACTION_REFUSE, GATE_WORD_ENCRYPT },
		{ "smtp", ENCRYPT, "HELO x", GATE_ACTION_PASS, 0 },
		{ "smtp", NO_TLS, "STARTTLS", GATE_ACTION_REFUSE, GATE_WORD_NOT_IMPLEMENTED },
		{ "imap", NO_TLS, "a STARTTLS", GATE_ACTION_REFUSE, GATE_WORD_NOT_IMPLEMENTED },
		{ "smtp", ENCRYPT, "QUIT", GATE_ACTION_PASS, 0 },
		{ "lmtp", ENCRYPT, "LHLO x", GATE_ACTION_PASS, 0 },
		{ "lmtp", ENCRYPT | TLS, "MAIL FROM:<>", GATE_ACTION_PASS_ALL, 0 },
		{ "pop3", PLAIN, "STLS", GATE_ACTION_STARTTLS, 0 },
		{ "pop3", PLAIN, "stls now", GATE_ACTION_REFUSE, GATE_WORD_ARGUMENT },
		{ "pop3", TLS, "STLS", GATE_ACTION_REFUSE, GATE_WORD_TLS_ACTIVE },
		{ "pop3", PLAIN, "USER joe", GATE_ACTION_PASS_ALL, 0 },
		{ "pop3", AUTH_ONLY, "USER joe", GATE_ACTION_REFUSE, GATE_WORD_ENCRYPT },
		{ "pop3", AUTH_ONLY | TLS, "USER joe", GATE_ACTION_PASS_ALL, 0 },
		{ "imap", PLAIN, "a STARTTLS", GATE_ACTION_STARTTLS, 0 },
		{ "imap", PLAIN, "STARTTLS", GATE_ACTION_PASS, 0 },
		{ "imap", PLAIN, "a+ STARTTLS", GATE_ACTION_REFUSE, GATE_WORD_MALFORMED },
		{ "imap", PLAIN, "a LOGIN x {3+}", GATE_ACTION_PASS_ALL, 0 },
		{ "imap", PLAIN, "a STARTTLS {3+}", GATE_ACTION_END, GATE_WORD_LITERAL },
		{ "imap", PLAIN, "* NOOP {3+}", GATE_ACTION_END, GATE_WORD_LITERAL },
		{ "imap", ENCRYPT, "a LOGIN x {3}", GATE_ACTION_END, GATE_WORD_LITERAL },
		{ "imap", ENCRYPT, "a LOGIN x y", GATE_ACTION_REFUSE, GATE_WORD_ENCRYPT },
		{ "imap", ENCRYPT, "a ID (\"x\" \"y\")", GATE_ACTION_PASS, 0 },
		{ "sieve", ENCRYPT, "PUTSCRIPT \"x\" {3+}", GATE_ACTION_END, GATE_WORD_LITERAL },
		{ "sieve", ENCRYPT, "AUTHENTICATE \"PLAIN\"", GATE_ACTION_REFUSE, GATE_WORD_ENCRYPT },
		{ "sieve", ENCRYPT, "starttls", GATE_ACTION_STARTTLS, 0 },
		{ "sieve", TLS, "AUTHENTICATE \"PLAIN\"", GATE_ACTION_PASS_ALL, 0 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct gate_talk talk = talk_of(cases[i].protocol, cases[i].how);
		enum gate_word word = 0;
		print_message("%s \"%s\"\n", cases[i].protocol, cases[i].line);
		assert_int_equal(gate_talk_command(&talk, cases[i].line, &word), cases[i].action);
		if (cases[i].action == GATE_ACTION_REFUSE || cases[i].action == GATE_ACTION_END)
			assert_int_equal(word, cases[i].word);
		assert_true((cases[i].action == GATE_ACTION_PASS) == (talk.awaits != GATE_AWAITS_NOTHING));
	}
}

static void
answers_are_edited_as_they_should(void **state)
{
	static const struct {
		const char *protocol;
		int how;
		const char *line; /* that is answered; NULL: it is the greeting */
		const char *answer;
		const char *wanted;
		enum gate_answer last;
	} cases[] = {
		{ "imap", PLAIN, NULL, "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi [x]\n",
		    "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN STARTTLS] hi [x]\r\n", GATE_ANSWER_DONE },
		{ "imap", ENCRYPT, NULL, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n",
		    "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hi\r\n", GATE_ANSWER_DONE },
		{ "imap", ENCRYPT | TLS, NULL, "* OK [CAPABILITY IMAP4rev1 starttls AUTH=PLAIN] hi\r\n",
		    "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", GATE_ANSWER_DONE },
		{ "imap", PLAIN, NULL, "* PREAUTH hi\r\n", "", GATE_ANSWER_MALFORMED },
		{ "imap", PLAIN, NULL, "* BYE no\r\n", "* BYE no\r\n", GATE_ANSWER_FAREWELL },
		{ "imap", PLAIN, "a ID NIL", "* ID (\"a\" {9}\r\na OK x\r\nz)\r\na OK x\r\n",
		    "* ID (\"a\" {9}\r\na OK x\r\nz)\r\na OK x\r\n", GATE_ANSWER_DONE },
		{ "imap", PLAIN, "a NOOP", "b OK\r\n", "", GATE_ANSWER_MALFORMED },
		{ "imap", PLAIN, "a NOOP", "+ go\r\n", "+ go\r\n", GATE_ANSWER_ASKS },
		{ "imap", PLAIN, "a LOGOUT", "* BYE x\r\na OK x\r\n", "* BYE x\r\na OK x\r\n",
		    GATE_ANSWER_FAREWELL },
		{ "pop3", AUTH_ONLY, "CAPA", "+OK\r\nUSER\r\nsasl PLAIN\r\nSTLS\r\nUIDL\r\n.\r\n",
		    "+OK\r\nUIDL\r\nSTLS\r\n.\r\n", GATE_ANSWER_DONE },
		{ "pop3", TLS, "CAPA", "+OK\r\nUSER\r\nSTLS\r\n.\r\n", "+OK\r\nUSER\r\n.\r\n",
		    GATE_ANSWER_DONE },
		{ "pop3", PLAIN, "CAPA", "-ERR what\r\n", "-ERR what\r\n", GATE_ANSWER_NO },
		{ "pop3", PLAIN, "NOOP", "hello\r\n", "", GATE_ANSWER_MALFORMED },
		{ "sieve", PLAIN, NULL, "\"SASL\" \"PLAIN\"\r\n\"STARTTLS\"\r\nOK\r\n",
		    "\"SASL\" \"PLAIN\"\r\n\"STARTTLS\"\r\nOK\r\n", GATE_ANSWER_DONE },
		{ "sieve", ENCRYPT, NULL, "\"SASL\" {5}\r\nPLAIN\r\nOK \"x\"\r\n",
		    "\"SASL\" \"\"\r\n\"STARTTLS\"\r\nOK \"x\"\r\n", GATE_ANSWER_DONE },
		{ "sieve", TLS, NULL, "\"STARTTLS\"\r\nOK(X)\r\n", "OK(X)\r\n", GATE_ANSWER_DONE },
		{ "smtp", AUTH_ONLY, "EHLO c", "250-x\r\n250-AUTH=LOGIN\r\n250 AUTH PLAIN\r\n",
		    "250-x\r\n250 STARTTLS\r\n", GATE_ANSWER_DONE },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct gate_talk talk = talk_of(cases[i].protocol, cases[i].how);
		enum gate_word word;
		struct buf in = BUF_INIT, out = BUF_INIT;
		enum gate_answer answer = GATE_ANSWER_PART;
		print_message("%s \"%s\"\n", cases[i].protocol, cases[i].answer);
		if (cases[i].line)
			assert_int_equal(gate_talk_command(&talk, cases[i].line, &word), GATE_ACTION_PASS);
		/* A byte at a time: an answer is not passed on before its lines are whole. */
		for (const char *c = cases[i].answer; *c; c++) {
			buf_add_byte(&in, *c);
			while ((answer = gate_talk_answer(&talk, &in, &out)) == GATE_ANSWER_PART)
				;
			if (answer != GATE_ANSWER_MORE)
				break;
		}
		assert_int_equal(answer, cases[i].last);
		assert_string_equal(buf_str(&out), cases[i].wanted);
		buf_release(&in);
		buf_release(&out);
	}
}

static void
nothing_but_a_farewell_comes_unasked(void **state)
{
	static const struct {
		const char *protocol, *line;
		enum gate_answer answer;
	} cases[] = {
		{ "smtp", "421 x\r\n", GATE_ANSWER_FAREWELL },
		{ "smtp", "250 x\r\n", GATE_ANSWER_MALFORMED },
		{ "imap", "* BYE x\r\n", GATE_ANSWER_FAREWELL },
		{ "imap", "* OK x\r\n", GATE_ANSWER_MALFORMED },
		{ "pop3", "-ERR x\r\n", GATE_ANSWER_FAREWELL },
		{ "pop3", "+OK x\r\n", GATE_ANSWER_MALFORMED },
		{ "sieve", "BYE x\r\n", GATE_ANSWER_FAREWELL },
		{ "sieve", "OK\r\n", GATE_ANSWER_MALFORMED },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct gate_talk talk = talk_of(cases[i].protocol, PLAIN);
		struct buf in = BUF_INIT, out = BUF_INIT;
		print_message("%s \"%s\"\n", cases[i].protocol, cases[i].line);
		talk.awaits = GATE_AWAITS_NOTHING;
		buf_add_str(&in, cases[i].line);
		assert_int_equal(gate_talk_answer(&talk, &in, &out), cases[i].answer);
		buf_release(&in);
		buf_release(&out);
	}
}

static void
no_answer_and_no_listening_is_endless(void **state)
{
	struct gate_talk talk = talk_of("imap", PLAIN);
	struct buf in = BUF_INIT, out = BUF_INIT;
	enum gate_word word;
	enum gate_answer answer = GATE_ANSWER_PART;
	(void)state;

	assert_int_equal(gate_talk_command(&talk, "a NOOP", &word), GATE_ACTION_PASS);
	for (int i = 0; i < 10000 && answer == GATE_ANSWER_PART; i++) {
		buf_add_str(&in, "* 1 EXISTS\r\n");
		answer = gate_talk_answer(&talk, &in, &out);
	}
	assert_int_equal(answer, GATE_ANSWER_MALFORMED);
	for (int i = 1; i < 100; i++)
		assert_int_equal(gate_talk_command(&talk, "a NOOP", &word), GATE_ACTION_PASS);
	assert_int_equal(gate_talk_command(&talk, "a NOOP", &word), GATE_ACTION_END);
	assert_int_equal(word, GATE_WORD_TOO_MANY);
	buf_release(&in);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_go_where_they_should),
		cmocka_unit_test(answers_are_edited_as_they_should),
		cmocka_unit_test(nothing_but_a_farewell_comes_unasked),
		cmocka_unit_test(no_answer_and_no_listening_is_endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
