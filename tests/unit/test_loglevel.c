/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tls/loglevel.h"
#include "tsv.h"
#include "util/log.h"

static char last_warning[512];

static void
keep_warning(enum log_level level, const char *text, void *context)
{
	(void)context;
	if (level == LOG_LEVEL_WARNING)
		snprintf(last_warning, sizeof(last_warning), "%s", text);
}

enum {
	L2 = LOGLEVEL_SUMMARY | LOGLEVEL_VERBOSE | LOGLEVEL_CACHE | LOGLEVEL_SSL_DEBUG,
	L3 = L2 | LOGLEVEL_HANDSHAKE_PACKETS,
	L4 = L3 | LOGLEVEL_SESSION_PACKETS,
};

static void
words_give_their_bits(void **state)
{
	static const struct {
		const char *value;
		unsigned int mask;
	} cases[] = {
		{ "", 0 },
		{ "0", 0 },
		{ "none", 0 },
		{ "1", LOGLEVEL_SUMMARY },
		{ "Routine", LOGLEVEL_SUMMARY },
		{ "2", L2 },
		{ "debug", L2 },
		{ "3", L3 },
		{ "ssl-expert", L3 },
		{ "4", L4 },
		{ "9", L4 },
		{ "SSL-DEVELOPER", L4 },
		{ "1,cache", LOGLEVEL_SUMMARY | LOGLEVEL_CACHE },
		{ "1, untrusted\tpeercert", LOGLEVEL_SUMMARY | LOGLEVEL_UNTRUSTED | LOGLEVEL_PEERCERT },
		{ "1,certmatch,dane", LOGLEVEL_SUMMARY | LOGLEVEL_CERTMATCH | LOGLEVEL_DANE },
		{ "ssl-session-packet-dump", LOGLEVEL_HANDSHAKE_PACKETS | LOGLEVEL_SESSION_PACKETS },
	};

	(void)state;
	last_warning[0] = 0;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("value \"%s\"\n", cases[i].value);
		assert_int_equal(loglevel_parse("smtpd_tls_loglevel", cases[i].value), cases[i].mask);
	}
	assert_string_equal(last_warning, "");
}

/* "summary verbose", "level 2 + word", "= 3", "none". */
static unsigned int
mask_of_features(const char *text)
{
	static const struct {
		const char *word;
		unsigned int mask;
	} features[] = {
		{ "level 2", L2 },
		{ "level 3", L3 },
		{ "= 3", L3 },
		{ "= 4", L4 },
		{ "summary", LOGLEVEL_SUMMARY },
		{ "untrusted", LOGLEVEL_UNTRUSTED },
		{ "peercert", LOGLEVEL_PEERCERT },
		{ "certmatch", LOGLEVEL_CERTMATCH },
		{ "verbose", LOGLEVEL_VERBOSE },
		{ "cache", LOGLEVEL_CACHE },
		{ "dane", LOGLEVEL_DANE },
		{ "ssl-debug", LOGLEVEL_SSL_DEBUG },
		{ "ssl-handshake-packet-dump", LOGLEVEL_HANDSHAKE_PACKETS },
		{ "TLSPKTS", LOGLEVEL_HANDSHAKE_PACKETS },
		{ "ALLPKTS", LOGLEVEL_SESSION_PACKETS },
		{ "ssl-session-packet-dump", LOGLEVEL_SESSION_PACKETS },
	};
	unsigned int mask = 0;

	for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
		if (strstr(text, features[i].word))
			mask |= features[i].mask;
	return mask;
}

static void
words_are_those_of_postfix(void **state)
{
	struct tsv tsv;
	int rows = 0;

	(void)state;
	assert_true(tsv_open(&tsv, "loglevel-words"));
	while (tsv_next(&tsv)) {
		const char *value = tsv.column[0], *text = tsv.column[1];
		unsigned int mask = mask_of_features(text);

		print_message("value \"%s\": %s\n", value, text);
		if (strcmp(text, "union") == 0)
			mask = LOGLEVEL_SUMMARY | mask_of_features(value);
		if (strcmp(value, "5..9") == 0)
			value = "5 6 7 8 9";
		assert_int_equal(loglevel_parse("smtp_tls_loglevel", value), mask);
		rows++;
	}
	assert_int_equal(rows, 25);
}

static void
one_unknown_word_turns_all_off(void **state)
{
	static const struct {
		const char *value, *warning;
	} cases[] = {
		{ "bogus", "unknown smtp_tls_loglevel value \"bogus\" in \"bogus\"" },
		{ "1,bogus", "unknown smtp_tls_loglevel value \"bogus\" in \"1,bogus\"" },
		{ "10", "unknown smtp_tls_loglevel value \"10\" in \"10\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		last_warning[0] = 0;
		assert_int_equal(loglevel_parse("smtp_tls_loglevel", cases[i].value), 0);
		assert_string_equal(last_warning, cases[i].warning);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_give_their_bits),
		cmocka_unit_test(words_are_those_of_postfix),
		cmocka_unit_test(one_unknown_word_turns_all_off),
	};

	log_set_sink(keep_warning, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
