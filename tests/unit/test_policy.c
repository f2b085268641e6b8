/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <stdlib.h>

#include "tls/protocol.h"
#include "tlscheck/policy.h"
#include "tlscheck/words.h"
#include "util/err.h"

static void
policies_are_judged_as_the_client_does(void **state)
{
	static const struct {
		const char *value;
		int result;
		const char *words; /* in the error */
		bool later;
	} cases[] = {
		{ "may", 0, "", false },
		{ "secure match=nexthop:.example.com tafile=/dev/null tafile=/dev/null", 0, "", false },
		{ "SECURE, ciphers=high, exclude=, protocols=", 0, "", false },
		{ "fingerprint match=AA:BB|CC match=DD", 0, "", false },
		{ "fingerprint match=AA:BX", 1, "malformed fingerprint", false },
		{ "encrypt connection_reuse=no connection_reuse=yes", 0, "", false },
		{ "encrypt { protocols = TLSv1.2 } enable_rpk=yes", 0, "", true },
		{ "encrypt { protocols = TLSv1.2 }", -1, "\"{\"", false },
		{ "encrypt enable_rpk=yes", -1, "attribute name: \"enable_rpk\"", false },
		{ "", -1, "empty policy", false },
		{ "halfdane", -1, "security level \"halfdane\"", false },
		{ "encrypt ciphers", -1, "missing '='", false },
		{ "secure tafile=/nowhere/x", -1, "/nowhere/x", false },
		{ "encrypt exclude=!RC4", -1, "exclude=!RC4", false },
		{ "encrypt servername=-x", -1, "invalid hostname", false },
		{ "encrypt cipher=high", -1, "attribute name: \"cipher\"", false },
		{ "encrypt ciphers=", -1, "empty value", false },
		{ "encrypt ciphers=high ciphers=high", -1, "multiple times", false },
		{ "encrypt ciphers=best", -1, "no grade", false },
		{ "encrypt protocols=TLSv2", -1, "not understood", false },
		{ "encrypt connection_reuse=maybe", -1, "bad value", false },
		{ "dane match=nexthop", -1, "invalid at security level \"dane\"", false },
		{ "fingerprint tafile=/x", -1, "invalid at security level", false },
		{ "none ciphers=best", 1, "ignoring", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };
		int result = policy_check(cases[i].value, cases[i].later, &err);

		CASE_IS(result == cases[i].result, cases[i].value);
		CASE_IS(strstr(err.text, cases[i].words) != NULL, cases[i].value);
	}
}

static void
old_words_are_known_whole(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(policy_check_site("must_nopeermatch", &err), 0);
	assert_int_equal(policy_check_site("NONE", &err), 0);
	assert_int_equal(policy_check_site("NONE extra", &err), -1);
	assert_int_equal(policy_check_site("encrypt", &err), -1);
	assert_non_null(strstr(err.text, "encrypt"));
}

static void
remaining_protocols_are_counted(void **state)
{
	static const struct {
		const char *list;
		unsigned int usable;
		bool hole;
	} cases[] = {
		{ "",
		    PROTOCOL_SSLV3 | PROTOCOL_TLSV1 | PROTOCOL_TLSV1_1 | PROTOCOL_TLSV1_2 | PROTOCOL_TLSV1_3,
		    false },
		{ ">=TLSv1.2", PROTOCOL_TLSV1_2 | PROTOCOL_TLSV1_3, false },
		{ "TLSv1, TLSv1.3", PROTOCOL_TLSV1 | PROTOCOL_TLSV1_3, true },
		{ "!TLSv1.2, !SSLv3", PROTOCOL_TLSV1 | PROTOCOL_TLSV1_1 | PROTOCOL_TLSV1_3, true },
		{ ">=TLSv1.3 <=TLSv1.2", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct protocol_set set;

		assert_int_equal(protocol_parse(&set, cases[i].list), 0);
		CASE_IS(words_protocols(&set) == cases[i].usable, cases[i].list);
		CASE_IS(words_has_hole(words_protocols(&set)) == cases[i].hole, cases[i].list);
	}
}

static void
lists_are_mended(void **state)
{
	char *list = words_joined(">= TLSv1.2, <= TLSv1.3 !SSLv3");

	(void)state;
	assert_string_equal(list, ">=TLSv1.2, <=TLSv1.3, !SSLv3");
	free(list);
	assert_true(words_has_lone_operator("TLSv1 >= TLSv1.2"));
	assert_false(words_has_lone_operator(">=TLSv1.2"));
	list = words_without("!RC4, -aNULL:+DES @X ! MD5", "!+-@");
	assert_string_equal(list, "RC4, aNULL, DES, X, MD5");
	free(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies_are_judged_as_the_client_does),
		cmocka_unit_test(old_words_are_known_whole),
		cmocka_unit_test(remaining_protocols_are_counted),
		cmocka_unit_test(lists_are_mended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
