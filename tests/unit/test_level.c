/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"

#include "tls/level.h"

static void
names_and_numbers_agree(void **state)
{
	static const char *const names[] = { "none", "may", "encrypt", "fingerprint", "halfdane", "dane",
		"dane-only", "verify", "secure" };

	(void)state;
	for (int i = 0; i < (int)COUNT(names); i++) {
		assert_string_equal(level_name(i), names[i]);
		if (i != LEVEL_HALFDANE)
			assert_int_equal(level_from_name(names[i]), i);
	}
	assert_null(level_name(-1));
	assert_null(level_name(9));
}

static void
case_is_ignored_and_other_words_are_invalid(void **state)
{
	(void)state;
	assert_int_equal(level_from_name("DANE-Only"), LEVEL_DANE_ONLY);
	assert_int_equal(level_from_name("halfdane"), LEVEL_INVALID);
	assert_int_equal(level_from_name(""), LEVEL_INVALID);
	assert_int_equal(level_from_name("may "), LEVEL_INVALID);
}

static void
each_level_demands_what_the_table_says(void **state)
{
	(void)state;
	for (int i = 0; i <= 8; i++) {
		assert_int_equal(level_is_mandatory(i), i >= 2);
		assert_int_equal(level_must_match(i), i >= 3);
		assert_int_equal(level_is_dane(i), i >= 4 && i <= 6);
		assert_int_equal(level_needs_pkix(i), i >= 7);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_numbers_agree),
		cmocka_unit_test(case_is_ignored_and_other_words_are_invalid),
		cmocka_unit_test(each_level_demands_what_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
