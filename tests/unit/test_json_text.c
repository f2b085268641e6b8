/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <stdlib.h>

#include <jansson.h>

#include "util/err.h"
#include "util/json_text.h"

static void
strings_are_made_of_any_bytes(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *printed;
	} cases[] = {
		{ "", 0, "\"\"\n" },
		{ "mx.example.test", 15, "\"mx.example.test\"\n" },
		{ "a\"b\\c\n\x1b", 7, "\"a\\\"b\\\\c\\n\\u001B\"\n" },
		{ "gr\xc3\xbc\xc3\x9f", 6, "\"gr\xc3\xbc\xc3\x9f\"\n" },
		{ "bad\xc3", 4, "\"bad\xef\xbf\xbd\"\n" },
		{ "\xff\xfe.", 3, "\"\xef\xbf\xbd\xef\xbf\xbd.\"\n" },
		{ "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n" },
		{ "a\0b", 3, "\"a\\u0000b\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *string = json_text_bytes(cases[i].bytes, cases[i].len);
		char *printed = NULL;
		size_t len = 0;
		struct err err = { 0 };
		FILE *to = open_memstream(&printed, &len);

		CASE_IS(json_text_print(string, to, &err) == 0, cases[i].printed);
		fclose(to);
		CASE_TEXT(printed, cases[i].printed, cases[i].printed);
		free(printed);
		json_decref(string);
	}
}

static void
members_keep_their_order(void **state)
{
	json_t *object = json_object();
	char *printed = NULL;
	size_t len = 0;
	struct err err = { 0 };
	FILE *to = open_memstream(&printed, &len);

	(void)state;
	json_object_set_new(object, "zone", json_text_string("example.test"));
	json_object_set_new(object, "age", json_integer(7));
	assert_int_equal(json_text_print(object, to, &err), 0);
	fclose(to);
	assert_string_equal(printed, "{\n  \"zone\": \"example.test\",\n  \"age\": 7\n}\n");
	free(printed);
	json_decref(object);
}

static void
a_document_that_does_not_get_there_is_an_error(void **state)
{
	json_t *string = json_text_string("text");
	FILE *full = fopen("/dev/full", "w");
	struct err err = { 0 };

	(void)state;
	assert_non_null(full);
	assert_int_equal(json_text_print(string, full, &err), -1);
	assert_non_null(strstr(err.text, "write JSON"));
	fclose(full);
	json_decref(string);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings_are_made_of_any_bytes),
		cmocka_unit_test(members_keep_their_order),
		cmocka_unit_test(a_document_that_does_not_get_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
