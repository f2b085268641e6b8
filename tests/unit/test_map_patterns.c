/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "captured_log.h"
#include "map_dir.h"

#include "mail/map.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"

#define SKIPPED  ": skipping this rule"
#define SLOW_KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"

static char *rule_file;

/* `said`: what is logged of line 1, one message a line; a message about line 3 begins with "3 ", one about no
 * line with "- ". */
static const struct {
	const char *rules, *key, *value; /* NULL: not found */
	const char *said;
} pcre_cases[] = {
	{ "/a(/ x", "a", NULL, "error in regex at offset 2: missing closing parenthesis" },
	{ "/[/ x", "a", NULL, "error in regex at offset 1: missing terminating ] for character class" },
	{ "/a/q x", "a", NULL, "unknown regexp option \"q\"" SKIPPED },
	{ "/a/!x y", "a", NULL, "unknown regexp option \"!\"" SKIPPED },
	{ "/a/", "a", "", "no replacement text: using empty string" },
	{ "a b", "a", NULL, "ignoring unrecognized request" },
	{ "1a1 y", "a", NULL, "ignoring unrecognized request" },
	{ "/x/ $3", "x", NULL, "out of range replacement index \"3\"" SKIPPED },
	{ "/(k)/ $100", "k", NULL, "out of range replacement index \"100\"" SKIPPED },
	{ "!/(x)/ $1", "y", NULL, "$number found in negative match replacement text" SKIPPED },
	{ "/x/ ab ${1", "x", NULL, "- truncated macro reference: \"ab ${1\"\nbad replacement syntax" SKIPPED },
	{ "/x/ ab $", "x", NULL, "- empty macro name: \"ab $\"\nbad replacement syntax" SKIPPED },
	{ "/x/ ${a}", "x", NULL, "non-numeric replacement index \"a\"\nbad replacement syntax" SKIPPED },
	{ "/(x)/ $1x", "x", NULL, "non-numeric replacement index \"1x\"\nbad replacement syntax" SKIPPED },
	{ "/x/ $0", "x", NULL, "out of range replacement index \"0\"\nbad replacement syntax" SKIPPED },
	{ "ENDIF", "x", NULL, "ignoring ENDIF without matching IF" },
	{ "endif/x/", "x", NULL, "ignoring ENDIF without matching IF" },
	{ "IF", "x", NULL, "no regexp" SKIPPED },
	{ "!", "x", NULL, "no regexp" SKIPPED },
	{ "IF /x/", "x", NULL, "IF has no matching ENDIF" },
	{ "IF x", "x", NULL, "no closing regexp delimiter \"x\": ignoring this rule" },
	{ "/x y", "x", NULL, "no closing regexp delimiter \"/\": ignoring this rule" },
	{ "IF /x/ y\nENDIF", "x", NULL,
	    "ignoring extra text after IF statement: \"y\"\n"
	    "do not prepend whitespace to statements between IF and ENDIF" },
	{ "IF /x/q\n/y/ y\nENDIF", "y", "y",
	    "unknown regexp option \"q\"" SKIPPED "\n3 ignoring ENDIF without matching IF" },
	{ "/(a)(b)?/ [$1][$2][${1}][$(1)][$$]", "xa", "[a][][a][a][$]", "" },
	{ "/(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)/ [$11][${10}][$9][$01]", "abcdefghijk", "[k][j][i][a]", "" },
	{ "/(a)|b/ [$1]", "b", "[]", "" },
	{ "/(a)/ $1-$1", "a", "a-a", "" },
	{ "/(?<n>a)/ $1", "a", "a", "" },
	{ "/a/  two  words  ", "A", "two  words", "" },
	{ "/A/i y", "a", NULL, "" },
	{ "/(?i)A/i y", "a", "y", "" },
	{ "/a/ii y", "A", "y", "" },
	{ "/a.b/ y", "a\nb", "y", "" },
	{ "/a.b/s y", "a\nb", NULL, "" },
	{ "/^b/ y", "a\nb", NULL, "" },
	{ "/^b/m y", "a\nb", "y", "" },
	{ "/a b/x y", "ab", "y", "" },
	{ "/b/A y", "ab", NULL, "" },
	{ "/a$/ y", "a\n", "y", "" },
	{ "/a$/E y", "a\n", NULL, "" },
	{ "/(a+)/U $1", "aaa", "a", "" },
	{ "/a/X y", "a", "y", "ignoring obsolete regexp option \"X\"" },
	{ "/a\\/b/ y", "a/b", "y", "" },
	{ "|a/|i y", "a/", "y", "" },
	{ "/^.$/ y", "\303\251", NULL, "" },
	{ "! ! /a/ y", "a", "y", "" },
	{ "!/a/ $$y", "b", "$y", "" },
	{ "IF !/x/i\n/y/ yy\nENDIF\n/./ z", "Xy", "yy", "" },
	{ "IF! /x/\n/y/ yy\nENDIF\n/./ z", "xy", "z", "" },
	{ "if/a/\nif /b/\n/./ both\nendif\n/./ a\nendif\n/./ none", "ac", "a", "" },
	{ "/^(a+)+$/ y\n/./ next", SLOW_KEY, "next", "match limit exceeded" },
	{ "!/^(a+)+$/ y\n/./ next", SLOW_KEY, "next", "match limit exceeded" },
	{ "IF !/^(a+)+$/\n/./ in\nENDIF\n/./ next", SLOW_KEY, "next", "match limit exceeded" },
}, regexp_cases[] = {
	{ "/x/!y", "x", NULL, "no closing regexp delimiter \"y\"" SKIPPED },
	{ "/x/!", "x", NULL, "no regexp" SKIPPED },
	{ "/x/!/(y)/ $1", "x", NULL, "out of range replacement index \"1\"" SKIPPED },
	{ "/a(.)/!/b/ $1", "ac", "c", "" },
	{ "/a(.)/!/b/ $1", "ab", NULL, "" },
	{ "/a/! /b/i y", "aB", "y", "" },
	{ "!/a/!/b/ y", "b", NULL, "" },
	{ "/a/!!/b/ y\n/./ z", "ab", "y", "" },
	{ "/a/!!/b/ y\n/./ z", "ac", "z", "" },
	{ "!", "x", NULL, "no regexp" SKIPPED },
	{ "IF x", "x", NULL, "no closing regexp delimiter \"x\"" SKIPPED },
	{ "IF /x/ y\nENDIF", "x", NULL,
	    "ignoring extra text after IF statement: \"y\"\n"
	    "do not prepend whitespace to statements between IF and ENDIF" },
	{ "/x/ ab ${1", "x", NULL, "- truncated macro reference: \"ab ${1\"\nbad replacement syntax" SKIPPED },
	{ "/x/ ${a}", "x", NULL, "non-numeric replacement index \"a\"\nbad replacement syntax" SKIPPED },
	{ "/x/ $0", "x", NULL, "out-of-range replacement index \"0\"\nbad replacement syntax" SKIPPED },
	{ "/(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)/ [$11][${10}][$9]", "abcdefghijk", "[k][j][i]", "" },
	{ "IF! /x/\n/y/ yy\nENDIF\n/./ z", "xy", "z", "" },
	{ "if/a/\nif /b/\n/./ both\nendif\n/./ a\nendif\n/./ none", "ac", "a", "" },
};

static void
write_rules(const char *rules)
{
	char *text = alloc_printf("%s\n", rules);

	map_dir_write("rule", text);
	free(text);
}

/* What is logged of `said`. */
static void
put_said(const char *type, const char *said, struct buf *to)
{
	for (const char *at = said; *at; at += strspn(at, "\n")) {
		int len = (int)strcspn(at, "\n");

		if (strncmp(at, "- ", 2) == 0)
			buf_printf(to, "warning: %.*s\n", len - 2, at + 2);
		else if (strncmp(at, "3 ", 2) == 0)
			buf_printf(
			    to, "warning: %s map %s, line 3: %.*s\n", type, rule_file, len - 2, at + 2);
		else
			buf_printf(to, "warning: %s map %s, line 1: %.*s\n", type, rule_file, len, at);
		at += len;
	}
}

static void
check_ours(const char *type, const char *key, const char *value, const char *said)
{
	struct buf expected = BUF_INIT, found = BUF_INIT;
	char *name = alloc_printf("%s:%s", type, rule_file);
	struct err err;

	captured_log_start();
	struct map *map = map_new(name, MAP_FOLD, &err);
	assert_non_null(map);
	assert_int_equal(map_get(map, key, &found, &err), value != NULL);
	assert_string_equal(buf_str(&found), value ? value : "");
	put_said(type, said, &expected);
	assert_string_equal(buf_str(&captured_log), buf_str(&expected));
	map_free(map);
	free(name);
	buf_release(&found);
	buf_release(&expected);
}

static void
check_postmap(const char *type, const char *key, const char *value, const char *said)
{
	char *command =
	    alloc_printf("/usr/sbin/postmap -c %s -q '%s' %s:%s 2>&1 >%s/found | sed 's/^postmap: //' | "
			 "grep -v '^warning: table ' >%s/said",
		map_dir, key, type, rule_file, map_dir, map_dir);
	char *found_file = alloc_printf("%s/found", map_dir), *said_file = alloc_printf("%s/said", map_dir);
	struct buf expected = BUF_INIT, text = BUF_INIT, found = BUF_INIT;
	struct err err;

	assert_true(system(command) >= 0);
	assert_int_equal(file_read(said_file, 1 << 20, &text, &err), 0);
	assert_int_equal(file_read(found_file, 1 << 20, &found, &err), 0);
	put_said(type, said, &expected);
	assert_string_equal(buf_str(&text), buf_str(&expected));
	buf_clear(&expected);
	if (value)
		buf_printf(&expected, "%s\n", value);
	assert_string_equal(buf_str(&found), buf_str(&expected));
	buf_release(&found);
	buf_release(&text);
	buf_release(&expected);
	free(said_file);
	free(found_file);
	free(command);
}

static bool
postmap_has(const char *type)
{
	char *command = alloc_printf("/usr/sbin/postconf -c %s -m 2>/dev/null | grep -qx %s", map_dir, type);
	bool has = system(command) == 0;

	free(command);
	if (!has)
		print_message("postmap is not asked, since it does not have the type %s\n", type);
	return has;
}

static void
run_cases(void (*check)(const char *type, const char *key, const char *value, const char *said), bool pcre,
    bool regexp)
{
	for (size_t i = 0; pcre && i < COUNT(pcre_cases); i++) {
		print_message("pcre %s\n", pcre_cases[i].rules);
		write_rules(pcre_cases[i].rules);
		check("pcre", pcre_cases[i].key, pcre_cases[i].value, pcre_cases[i].said);
	}
	for (size_t i = 0; regexp && i < COUNT(regexp_cases); i++) {
		print_message("regexp %s\n", regexp_cases[i].rules);
		write_rules(regexp_cases[i].rules);
		check("regexp", regexp_cases[i].key, regexp_cases[i].value, regexp_cases[i].said);
	}
}

static void
patterns_answer_as_written(void **state)
{
	(void)state;
	run_cases(check_ours, true, true);
}

static void
postmap_answers_the_same(void **state)
{
	bool pcre = postmap_has("pcre"), regexp = postmap_has("regexp");

	(void)state;
	if (!pcre && !regexp)
		skip();
	run_cases(check_postmap, pcre, regexp);
}

/* Nesting and repetition that would take all the memory or time there is. */
static void
no_pattern_takes_all_there_is(void **state)
{
	static const char *const rules[] = { "/(?:(?:a?){100}){100}b/ y\n/./ next",
		"/^(?:a|a?)+$/ y\n/./ next", "/((a+)*)*c/ y\n/./ next", "/(?R)?a/ y\n/./ next",
		"/(.)(?1)*\\1{50}x/ y\n/./ next", "/((((a{1000}){1000}){1000}){1000})/ y\n/./ next",
		"/^(.*)*(.*)*(.*)*(.*)*x/ y\n/./ next" };

	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		struct buf found = BUF_INIT;
		char *name = alloc_printf("pcre:%s", rule_file);
		struct err err;

		print_message("%s\n", rules[i]);
		write_rules(rules[i]);
		captured_log_start();
		struct map *map = map_new(name, 0, &err);
		assert_non_null(map);
		assert_int_equal(map_get(map, SLOW_KEY SLOW_KEY SLOW_KEY, &found, &err), 1);
		map_free(map);
		free(name);
		buf_release(&found);
	}
}

static int
make_dir(void **state)
{
	(void)state;
	if (map_dir_make() < 0)
		return -1;
	rule_file = alloc_printf("%s/rule", map_dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	free(rule_file);
	buf_release(&captured_log);
	return map_dir_remove();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_answer_as_written),
		cmocka_unit_test(postmap_answers_the_same),
		cmocka_unit_test(no_pattern_takes_all_there_is),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
