/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include "captured_log.h"

#include "mail/map.h"
#include "mail/map_list.h"
#include "util/buf.h"
#include "util/err.h"

static void
bad_names_are_refused_in_postfix_words(void **state)
{
	static const struct {
		const char *name, *words;
		unsigned int flags;
	} cases[] = {
		{ "", "open dictionary: expecting \"type:name\" form instead of \"\"", 0 },
		{ "inline:", "open dictionary: expecting \"type:name\" form instead of \"inline:\"", 0 },
		{ ":x", "open dictionary: expecting \"type:name\" form instead of \":x\"", 0 },
		{ "proxy:x", "open dictionary: expecting \"type:name\" form instead of \"proxy:x\"", 0 },
		{ "ldap:x", "unsupported dictionary type: ldap", 0 },
		{ "ldap:x", "unsupported dictionary type: ldap", 0 },
		{ "inline:a=1", "bad syntax: \"inline:a=1\"; need \"inline:{name=value...}\"", 0 },
		{ "inline:{a=1", "bad syntax: \"inline:{a=1\"; need \"inline:{name=value...}\"", 0 },
		{ "inline:{a=1}x", "bad syntax: \"inline:{a=1}x\"; need \"inline:{name=value...}\"", 0 },
		{ "inline:{a b=1}",
		    "missing '=' after attribute name: \"inline:{a b=1}\"; need \"inline:{name=value...}\"",
		    0 },
		{ "inline:{{a=1}b=2}",
		    "syntax error after '}' in \"{a=1}b=2\": \"inline:{{a=1}b=2}\"; need "
		    "\"inline:{name=value...}\"",
		    0 },
		{ "inline:{x=}",
		    "empty pathname list: >><<': \"inline:{x=}\"; need \"inline:{name=filename...}\"",
		    MAP_FILES },
		{ "static:{x", "bad static:name syntax: missing '}' in \"{x\"", 0 },
		{ "static:{x}y", "bad static:name syntax: syntax error after '}' in \"{x}y\"", 0 },
		{ "static:/no/such", "open /no/such: No such file or directory", MAP_FILES },
		{ "pipemap:{}", "bad syntax: \"pipemap:{}\"; need \"pipemap:{type:name...}\"", 0 },
		{ "pipemap:x", "bad syntax: \"pipemap:x\"; need \"pipemap:{type:name...}\"", 0 },
		{ "pipemap:{foo}", "bad syntax: \"pipemap:{foo}\"; need \"pipemap:{type:name...}\"", 0 },
		{ "unionmap:{nosuch:x}", "unsupported dictionary type: nosuch", 0 },
		{ "randmap:{}", "bad syntax: \"randmap:{}\"; need \"randmap:{value...}\"", 0 },
		{ "lmdb:/no/such", "open database /no/such.lmdb: No such file or directory", 0 },
		{ "cidr:/no/such", "open /no/such: No such file or directory", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };

		print_message("%s\n", cases[i].name);
		assert_null(map_new(cases[i].name, cases[i].flags, &err));
		assert_string_equal(err.text, cases[i].words);
	}
}

static void
first_table_that_knows_the_key_answers(void **state)
{
	static const struct {
		const char *tables, *key;
		int result;
		const char *value, *lines;
	} cases[] = {
		{ "inline:{a=1}, inline:{a=2, b=3}", "a", 1, "1", "" },
		{ "inline:{a=1}, inline:{a=2, b=3}", "B", 1, "3", "" },
		{ "inline:{a=1} static:x", "c", 1, "x", "" },
		{ "inline:{a=1}", "c", 0, "", "" },
		{ "static:x", "", 0, "", "" },
		{ "", "a", 0, "", "" },
		{ "fail:x inline:{a=1}", "a", -1, "", "warning: fail:x lookup error for \"a\"\n" },
		{ "inline:{a=1} fail:x", "a", 1, "1", "" },
		{ "inline:{a=}", "a", -1, "",
		    "warning: my_maps lookup of a returns an empty string result\n"
		    "warning: my_maps should return NO RESULT in case of NOT FOUND\n" },
		{ "texthash:/no/such", "a", -1, "",
		    "error: open database /no/such: No such file or directory\n"
		    "warning: texthash:/no/such is unavailable. open database /no/such: No such file or "
		    "directory\n"
		    "warning: texthash:/no/such lookup error for \"a\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf value = BUF_INIT;

		print_message("%s: %s\n", cases[i].tables, cases[i].key);
		captured_log_start();
		struct map_list *list = map_list_new("my_maps", cases[i].tables, MAP_FOLD);
		assert_int_equal(map_list_get(list, cases[i].key, &value), cases[i].result);
		if (cases[i].result == 1)
			assert_string_equal(buf_str(&value), cases[i].value);
		assert_string_equal(buf_str(&captured_log), cases[i].lines);
		map_list_unref(list);
		buf_release(&value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_names_are_refused_in_postfix_words),
		cmocka_unit_test(first_table_that_knows_the_key_answers),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_release(&captured_log);
	return failed;
}
