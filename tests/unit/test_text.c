/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include "util/text.h"

static void
unprintable_bytes_become_question_marks(void **state)
{
	static const struct {
		const char *text, *clean;
		bool utf8;
	} cases[] = { { "", "", true }, { "plain text", "plain text", true }, { "a\tb\nc", "a?b?c", true },
		{ "\x7f", "?", true }, { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", true },
		{ "bad\xc3", "bad?", false }, { "\xff\xfe", "??", false }, { "\xc0\xaf", "??", false },
		{ "\xc2\x9b"
		  "2J\xc2\x85\xc2\xa0",
		    "??2J??\xc2\xa0", true },
		{ "\xed\xa0\x80", "???", false }, { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", true } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[64];
		snprintf(text, sizeof text, "%s", cases[i].text);
		CASE_TEXT(text_printable(text), cases[i].clean, cases[i].text);
		CASE_IS(text_is_utf8(cases[i].text, strlen(cases[i].text)) == cases[i].utf8, cases[i].text);
	}
}

static void
numbers_are_digits_within_the_limit(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool good;
	} cases[] = { { "0", 0, true }, { "007", 7, true }, { "8", 7, false }, { "", 9, false },
		{ "-1", 9, false }, { "+1", 9, false }, { " 1", 9, false }, { "1 ", 9, false },
		{ "18446744073709551615", UINT64_MAX, true }, { "18446744073709551616", UINT64_MAX, false },
		{ "99999999999999999999999", UINT64_MAX, false } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t number;
		CASE_IS(text_number(cases[i].text, cases[i].max, &number) == cases[i].good, cases[i].text);
	}
}

static void
lists_split_at_separators_without_empty_pieces(void **state)
{
	const char *at = ", one,\ttwo three ,,";
	size_t len;

	(void)state;
	const char *piece = text_token(&at, TEXT_LIST_SEPARATORS, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(piece, "one", 3);
	piece = text_token(&at, TEXT_LIST_SEPARATORS, &len);
	assert_memory_equal(piece, "two", 3);
	piece = text_token(&at, TEXT_LIST_SEPARATORS, &len);
	assert_int_equal(len, 5);
	assert_memory_equal(piece, "three", 5);
	assert_null(text_token(&at, TEXT_LIST_SEPARATORS, &len));
	assert_null(text_token(&at, TEXT_LIST_SEPARATORS, &len));
}

static void
case_and_paths(void **state)
{
	char text[] = "MiXed-\xc3\x84";

	(void)state;
	assert_true(text_equal_nocase("Yes", "yES"));
	assert_false(text_equal_nocase("yes", "yes "));
	assert_false(text_equal_nocase("", "y"));
	assert_string_equal(text_lower(text), "mixed-\xc3\x84");
	assert_string_equal(text_basename("/usr/lib/tlsmgr"), "tlsmgr");
	assert_string_equal(text_basename("tlsmgr"), "tlsmgr");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unprintable_bytes_become_question_marks),
		cmocka_unit_test(numbers_are_digits_within_the_limit),
		cmocka_unit_test(lists_split_at_separators_without_empty_pieces),
		cmocka_unit_test(case_and_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
