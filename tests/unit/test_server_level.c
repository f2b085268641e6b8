/* SPDX-License-Identifier: ISC */
/* Which TLS a server offers by its level and the settings before it, and what tlsgate then says to a client.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "log_capture.h"
#include "tls/server_level.h"
#include "tlsgate/gate_talk.h"
#include "tsv.h"
#include "util/buf.h"
#include "util/err.h"

static bool
yes(const char *word)
{
	return strcmp(word, "yes") == 0;
}

/* What a row calls the mode, without what it adds in brackets. */
static const char *
mode_of(const struct server_level *level, bool wrapper)
{
	return wrapper ? "wrapper" : level->enforce ? "encrypt" : level->use ? "may" : "none";
}

/* The code of the gate's reply; 250: the command goes on to the back end, which takes it. */
static void
reply_to(struct gate_talk *talk, const char *line, char code[4])
{
	struct buf out = BUF_INIT;
	enum gate_word word = GATE_WORD_READY;
	enum gate_action action = gate_talk_command(talk, line, &word);

	if (action == GATE_ACTION_STARTTLS || action == GATE_ACTION_REFUSE)
		gate_talk_put(talk, action == GATE_ACTION_REFUSE ? word : GATE_WORD_READY, &out);
	snprintf(code, 4, "%s", out.len > 0 ? buf_str(&out) : "250");
	buf_release(&out);
}

static void
each_row_has_its_mode_and_its_replies(void **state)
{
	struct tsv tsv;
	size_t rows = 0;
	(void)state;

	assert_true(tsv_open(&tsv, "smtpd-tls-level"));
	while (tsv_next(&tsv)) {
		const char *name = strcmp(tsv.column[0], "(empty)") == 0 ? "" : tsv.column[0];
		bool use = yes(tsv.column[1]), enforce = yes(tsv.column[2]), wrapper = yes(tsv.column[3]);
		struct server_level level = { .use = true, .enforce = true };
		struct err err = { .text = "" };
		char code[4];
		print_message("level=%s use=%d enforce=%d wrapper=%d\n", name, use, enforce, wrapper);
		rows++;

		log_capture_start();
		int result =
		    wrapper ? 0
			    : server_level_read("smtpd_tls_security_level", name, use, enforce, &level, &err);
		if (strncmp(tsv.column[4], "fatal: ", 7) == 0) {
			assert_int_equal(result, -1);
			assert_string_equal(err.text, tsv.column[4] + 7);
			continue;
		}
		assert_int_equal(result, 0);
		size_t len = strcspn(tsv.column[4], " ");
		assert_int_equal(strlen(mode_of(&level, wrapper)), len);
		assert_memory_equal(mode_of(&level, wrapper), tsv.column[4], len);
		if (strcmp(tsv.column[8], "-") == 0)
			assert_string_equal(log_capture.text, "");
		else
			assert_non_null(strstr(log_capture.text, tsv.column[8]));

		struct gate_talk talk = {
			.protocol = gate_talk_protocol("smtp"),
			.hostname = "mx",
			.no_tls = !level.use,
			.encrypt = level.enforce,
		};
		gate_talk_begin(&talk, wrapper);
		assert_int_equal(gate_talk_offers(&talk), yes(tsv.column[5]));
		reply_to(&talk, "MAIL FROM:<>", code);
		assert_string_equal(code, tsv.column[6]);
		reply_to(&talk, "STARTTLS", code);
		assert_string_equal(code, tsv.column[7]);
	}
	assert_int_equal(rows, 50);
}

/* What goes to the back end is answered by it: with 250 and 221, or, HELP, as it likes. */
static void
commands_before_tls_get_the_replies_of_smtpd(void **state)
{
	struct tsv tsv;
	size_t rows = 0;
	(void)state;

	assert_true(tsv_open(&tsv, "pre-tls-commands"));
	while (tsv_next(&tsv)) {
		struct gate_talk talk = {
			.protocol = gate_talk_protocol("smtp"),
			.hostname = "mx",
			.encrypt = true,
		};
		struct buf line = BUF_INIT, out = BUF_INIT;
		const char *wanted = strncmp(tsv.column[1], "530", 3) == 0
					 ? "530 5.7.0 Must issue a STARTTLS command first"
					 : tsv.column[1];
		print_message("%s\n", tsv.column[0]);
		rows++;
		buf_add_str(&line, tsv.column[0]);
		buf_truncate(&line, strcspn(buf_str(&line), "("));
		while (line.len > 0 && line.bytes[line.len - 1] == ' ')
			buf_truncate(&line, line.len - 1);

		enum gate_word word = GATE_WORD_READY;
		enum gate_action action = gate_talk_command(&talk, buf_str(&line), &word);
		if (action == GATE_ACTION_PASS) {
			assert_true(*wanted == '2' || strcmp(buf_str(&line), "HELP") == 0);
		} else {
			assert_true(action == GATE_ACTION_STARTTLS || action == GATE_ACTION_REFUSE);
			gate_talk_put(&talk, action == GATE_ACTION_REFUSE ? word : GATE_WORD_READY, &out);
			assert_memory_equal(buf_str(&out), wanted, out.len - 2);
		}
		buf_release(&line);
		buf_release(&out);
	}
	assert_int_equal(rows, 19);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_has_its_mode_and_its_replies),
		cmocka_unit_test(commands_before_tls_get_the_replies_of_smtpd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
