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

#define SKIPPED     ": skipping this rule\n"
#define NEED_INLINE "; need \"inline:{name=value...}\"\n"

/* Tables that are in the parameter itself, each asked for `key`. `seen` is what postmap prints, messages
 * first. */
static const struct {
	const char *table, *key, *seen;
} cases[] = {
	{ "regexp:{{/a(.)/ x$1}, {/b/ y}}", "ab", "xb\n" },
	{ "regexp:{{/a(.)/ x$1}, {/b/ y}}", "b", "y\n" },
	{ "regexp:{{/a(.)/ x$1}, {/b/ y}}", "c", "" },
	{ "regexp:{ {  /a/ x  } }", "a", "x\n" },
	{ "regexp:{{/a/ x} {/b/ y}}", "b", "y\n" },
	{ "regexp:{{/a/ x},,{/b/ y}}", "b", "y\n" },
	{ "regexp:{ {/^a{1}$/ x} }", "a", "x\n" },
	{ "regexp:{{/a/ {x y}}}", "a", "{x y}\n" },
	{ "regexp:{{!/b/ x}}", "a", "x\n" },
	{ "regexp:{{/a/ x$$}}", "a", "x$\n" },
	{ "regexp:{{/a/ x\n y}}", "a", "x y\n" },
	{ "regexp:{{#c},{/a/ x}}", "a", "x\n" },
	{ "regexp:{{IF /a/},{/a/ x},{ENDIF}}", "a", "x\n" },
	{ "regexp:{}", "a", "" },
	{ "regexp:{ }", "a", "" },
	{ "regexp:{{}}", "a", "" },
	{ "regexp:{{ }}", "a", "" },
	{ "cidr:{,}", "1.2.3.4", "" },
	{ "regexp:{{/a/ x}}y", "a", "fatal: regexp map: syntax error after '}' in \"{{/a/ x}}y\"\n" },
	{ "regexp:{{/a/ x}", "a", "fatal: regexp map: missing '}' in \"{{/a/ x}\"\n" },
	{ "regexp:{{/a/ x}{/b/ y}}", "a",
	    "fatal: regexp map: syntax error after '}' in \"{/a/ x}{/b/ y}\"\n" },
	{ "regexp:{{/a}/ x}}", "a", "fatal: regexp map: syntax error after '}' in \"{{/a}/ x}}\"\n" },
	{ "regexp:{/a/ x}", "a", "fatal: regexp map: no '{' at start of text in \"/a/\"\n" },
	{ "regexp:{{/q/ x}, bad}", "a", "fatal: regexp map: no '{' at start of text in \"bad\"\n" },
	{ "pcre:{a", "a", "fatal: pcre map: missing '}' in \"{a\"\n" },
	{ "cidr:{", "1.2.3.4", "fatal: cidr map: missing '}' in \"{\"\n" },
	{ "cidr:{1.0.0.0/8 x}", "1.2.3.4", "fatal: cidr map: no '{' at start of text in \"1.0.0.0/8\"\n" },
	{ "regexp:{{/a/ x}, {bad}, {/b/ x$9}}", "a",
	    "warning: regexp map {{/a/ x}, {bad}, {/b/ x$9}}, line 2: ignoring unrecognized request\n"
	    "warning: regexp map {{/a/ x}, {bad}, {/b/ x$9}}, line 3: out of range replacement index "
	    "\"9\"" SKIPPED "x\n" },
	{ "regexp:{{/a/ x}, {IF /b/ } {/c/ d}}", "a",
	    "warning: regexp map {{/a/ x}, {IF /b/ } {/c/ d}}, line 2: IF has no matching ENDIF\nx\n" },
	{ "pcre:{{/a(.)/ x$1}}", "ab", "xb\n" },
	{ "pcre:{{/(a/ x},{/a/ y}}", "a",
	    "warning: pcre map {{/(a/ x},{/a/ y}}, line 1: error in regex at offset 2: missing closing "
	    "parenthesis\ny\n" },
	{ "cidr:{{1.2.3.0/24 yes}}", "1.2.3.4", "yes\n" },
	{ "cidr:{{1.2.3.0/24 yes}, {::/0 six}}", "::1", "six\n" },
	{ "cidr:{{1.0.0.0/8 x}, {bad}}", "1.2.3.4",
	    "warning: cidr map {{1.0.0.0/8 x}, {bad}}, line 2: bad address pattern: \"bad\"" SKIPPED "x\n" },
	{ "cidr:{{1.0.0.0/8}}", "1.2.3.4",
	    "warning: cidr map {{1.0.0.0/8}}, line 1: no lookup result" SKIPPED },
	{ "inline:{a=b}", "a", "b\n" },
	{ "inline:{{ab = x}}", "ab", "x\n" },
	{ "inline:{{a=b},{a=c}}", "a", "c\n" },
	{ "inline:{a=b,a=c}", "a", "c\n" },
	{ "inline:{a={x y}}", "a", "{x y}\n" },
	{ "inline:{ {a = {x y} } }", "a", "{x y}\n" },
	{ "inline:{a=b,}", "a", "b\n" },
	{ "inline:{a==b}", "a", "=b\n" },
	{ "inline:{=c}", "a", "" },
	{ "inline:{{ = c}, a=d}", "a", "d\n" },
	{ "inline:{a=b}c", "a", "fatal: bad syntax: \"inline:{a=b}c\"" NEED_INLINE },
	{ "inline:{a=b", "a", "fatal: bad syntax: \"inline:{a=b\"" NEED_INLINE },
	{ "inline:a=b", "a", "fatal: bad syntax: \"inline:a=b\"" NEED_INLINE },
	{ "inline:{}", "a", "fatal: bad syntax: \"inline:{}\"" NEED_INLINE },
	{ "inline:{ }", "a", "fatal: empty table: \"inline:{ }\"" NEED_INLINE },
	{ "inline:{,}", "a", "fatal: empty table: \"inline:{,}\"" NEED_INLINE },
	{ "inline:{{a=b}x}", "a",
	    "fatal: syntax error after '}' in \"{a=b}x\": \"inline:{{a=b}x}\"" NEED_INLINE },
	{ "inline:{a}", "a", "fatal: missing '=' after attribute name: \"inline:{a}\"" NEED_INLINE },
	{ "inline:{a b=c}", "a", "fatal: missing '=' after attribute name: \"inline:{a b=c}\"" NEED_INLINE },
	{ "inline:{{a b=c}}", "a",
	    "fatal: missing '=' after attribute name: \"inline:{{a b=c}}\"" NEED_INLINE },
	{ "static:{a b}", "x", "a b\n" },
	{ "static: a", "x", " a\n" },
	{ "static:{a b", "x", "fatal: bad static:name syntax: missing '}' in \"{a b\"\n" },
	{ "static:{ a } b", "x", "fatal: bad static:name syntax: syntax error after '}' in \"{ a } b\"\n" },
	/* There is no such thing as a texthash: table in braces; the text is the name of a file. */
	{ "texthash:{{a b}}", "a", "fatal: open database {{a b}}: No such file or directory\n" },
	{ "texthash:{a b}", "a", "fatal: open database {a b}: No such file or directory\n" },
	{ "randmap:{{a b}}", "x", "{a b}\n" },
	{ "randmap:{a,b", "x", "fatal: bad syntax: \"randmap:{a,b\"; need \"randmap:{value...}\"\n" },
	{ "randmap:{ }", "x", "fatal: bad syntax: \"randmap:{ }\"; need \"randmap:{value...}\"\n" },
	{ "pipemap:{regexp:{{/a/ b}},inline:{b=c}}", "a", "c\n" },
	{ "pipemap:{static:{a b},inline:{{c=d}}}", "x", "" },
	{ "pipemap:{x}", "a", "fatal: bad syntax: \"pipemap:{x}\"; need \"pipemap:{type:name...}\"\n" },
	{ "pipemap:{static:a}x", "a",
	    "fatal: bad syntax: \"pipemap:{static:a}x\"; need \"pipemap:{type:name...}\"\n" },
	{ "unionmap:{static:{a b},inline:{a=c}}", "a", "a b,c\n" },
	{ "unionmap:{,}", "a", "fatal: bad syntax: \"unionmap:{,}\"; need \"unionmap:{type:name...}\"\n" },
};

static void
see_ours(const char *table, const char *key, struct buf *seen)
{
	struct buf value = BUF_INIT;
	struct err err = { 0 };

	captured_log_start();
	struct map *map = map_new(table, MAP_FOLD, &err);
	int result = map ? map_get(map, key, &value, &err) : -1;
	buf_add_str(seen, buf_str(&captured_log));
	if (result < 0)
		buf_printf(seen, "fatal: %s\n", err.text);
	else if (result > 0)
		buf_printf(seen, "%s\n", buf_str(&value));
	map_free(map);
	buf_release(&value);
}

static void
see_postmap(const char *table, const char *key, struct buf *seen)
{
	char *command = alloc_printf("/usr/sbin/postmap -c %s -q '%s' \"$TABLE\" 2>&1 >%s/found | "
				     "sed 's/^postmap: //' >%s/seen; cat %s/found >>%s/seen",
	    map_dir, key, map_dir, map_dir, map_dir, map_dir);
	char *path = alloc_printf("%s/seen", map_dir);
	struct err err;

	assert_int_equal(setenv("TABLE", table, 1), 0);
	assert_true(system(command) >= 0);
	assert_int_equal(file_read(path, 1 << 20, seen, &err), 0);
	free(path);
	free(command);
}

static void
run_cases(void (*see)(const char *table, const char *key, struct buf *seen), bool with_pcre)
{
	int wrong = 0;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf seen = BUF_INIT;

		if (!with_pcre && strncmp(cases[i].table, "pcre:", 5) == 0)
			continue;
		see(cases[i].table, cases[i].key, &seen);
		if (strcmp(buf_str(&seen), cases[i].seen) != 0) {
			print_error("%s, %s: saw\n%swanted\n%s", cases[i].table, cases[i].key, buf_str(&seen),
			    cases[i].seen);
			wrong++;
		}
		buf_release(&seen);
	}
	assert_int_equal(wrong, 0);
}

static void
tables_in_braces_answer_as_written(void **state)
{
	(void)state;
	run_cases(see_ours, true);
}

static bool
said_yes(const char *question)
{
	char *command = alloc_printf("MAIL_CONFIG=%s; export MAIL_CONFIG; %s", map_dir, question);
	bool yes = system(command) == 0;

	free(command);
	return yes;
}

static void
postmap_answers_the_same(void **state)
{
	(void)state;
	if (!said_yes("/usr/sbin/postconf -dh mail_version 2>/dev/null | grep -q '^3\\.[7-9]'")) {
		print_message("no postmap 3.7\n");
		skip();
	}
	run_cases(see_postmap, said_yes("/usr/sbin/postconf -m 2>/dev/null | grep -qx pcre"));
}

static int
make_dir(void **state)
{
	(void)state;
	return map_dir_make();
}

static int
remove_dir(void **state)
{
	(void)state;
	buf_release(&captured_log);
	return map_dir_remove();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_in_braces_answer_as_written),
		cmocka_unit_test(postmap_answers_the_same),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
