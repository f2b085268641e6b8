/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"
#include "log_capture.h"

#include "mail/mastercf.h"
#include "util/err.h"

static struct mastercf *
parse_with(const char *text, const struct mastercf_options *options, struct err *err)
{
	log_capture_start();
	return mastercf_parse("master.cf", text, strlen(text), options, err);
}

static struct mastercf *
parse(const char *text, struct err *err)
{
	const struct mastercf_options options = { .default_process_limit = 100, .disabled = "" };

	return parse_with(text, &options, err);
}

static void
fields_and_their_defaults(void **state)
{
	struct err err;
	struct mastercf *cf = parse("# comment\n"
				    "tlsmgr unix - - n 1000? 1 tlsmgr\r\n"
				    "\n"
				    "scan\tunix-dgram\tn\tn\ty\t10x\t10x\t/bin/scan -v\n"
				    "  # between\n"
				    "   -o a=b\n"
				    "in pass - - - - - in\n",
	    &err);
	const struct mastercf_entry *entry;

	(void)state;
	assert_non_null(cf);
	assert_int_equal(mastercf_count(cf), 3);
	entry = mastercf_entry(cf, 0);
	assert_string_equal(entry->name, "tlsmgr");
	assert_string_equal(entry->endpoint, "private/tlsmgr");
	assert_true(entry->is_private && entry->unprivileged && !entry->chroot && entry->wakeup_if_used);
	assert_int_equal(entry->wakeup_s, 1000);
	assert_int_equal(entry->process_limit, 1);
	assert_int_equal(entry->line, 2);
	assert_int_equal(entry->arg_count, 0);
	assert_null(entry->args[0]);
	assert_null(entry->host);

	entry = mastercf_entry(cf, 1);
	assert_int_equal(entry->type, MASTERCF_UNIX_DGRAM);
	assert_string_equal(entry->endpoint, "public/scan");
	assert_true(!entry->is_private && !entry->unprivileged && entry->chroot && !entry->wakeup_if_used);
	assert_int_equal(entry->wakeup_s, 10);
	assert_int_equal(entry->process_limit, 10);
	assert_int_equal(entry->arg_count, 3);
	assert_string_equal(entry->args[2], "a=b");

	entry = mastercf_entry(cf, 2);
	assert_int_equal(entry->process_limit, 100);
	assert_int_equal(entry->wakeup_s, 0);
	assert_ptr_equal(mastercf_find(cf, "in", MASTERCF_PASS), entry);
	assert_null(mastercf_find(cf, "in", MASTERCF_UNIX));
	assert_int_equal(log_capture.lines, 0);
	mastercf_free(cf);
}

static void
arguments_are_words_or_braces(void **state)
{
	static const struct {
		const char *text;
		size_t count;
		const char *first, *last;
	} cases[] = {
		{ "-v", 1, "-v", "-v" },
		{ "-o { name = a b c }", 2, "-o", "name = a b c" },
		{ "{ -o name = a b c }", 1, "-o name = a b c", "-o name = a b c" },
		{ "{}", 1, "", "" },
		{ "{a {b} c} d", 2, "a {b} c", "d" },
		{ "a{b} \"c d\"", 3, "a{b}", "d\"" },
		{ "a}b", 1, "a}b", "a}b" },
		{ "-o a={b c}", 2, "-o", "a={b c}" },
		{ "a={b {c d} e}x y", 2, "a={b {c d} e}x", "y" },
		{ "a}b{c d} e", 2, "a}b{c d}", "e" },
		{ "a} b{c d", 2, "a}", "b{c d" },
		{ "x{a b {c", 1, "x{a b {c", "x{a b {c" },
		{ "{ {a} } } b", 3, "{a}", "b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err;
		char line[256];
		const struct mastercf_entry *entry;

		snprintf(line, sizeof line, "x unix - - n - 1 cmd %s\n", cases[i].text);
		struct mastercf *cf = parse(line, &err);
		CASE_IS(cf != NULL, cases[i].text);
		entry = mastercf_entry(cf, 0);
		CASE_IS(entry->arg_count == cases[i].count, cases[i].text);
		CASE_TEXT(entry->args[0], cases[i].first, cases[i].text);
		CASE_TEXT(entry->args[entry->arg_count - 1], cases[i].last, cases[i].text);
		mastercf_free(cf);
	}
}

static void
inet_names_become_host_and_port(void **state)
{
	static const struct {
		const char *name, *host, *port, *endpoint;
	} cases[] = {
		{ "25", "", "25", "25" },
		{ "smtp", "", "smtp", "smtp" },
		{ ":25", "", "25", "25" },
		{ "127.0.0.1:2525", "127.0.0.1", "2525", "[127.0.0.1]:2525" },
		{ "[127.0.0.1]:2525", "127.0.0.1", "2525", "[127.0.0.1]:2525" },
		{ "[::1]:25", "::1", "25", "[::1]:25" },
		{ "::1:25", "::1", "25", "[::1]:25" },
		{ "mx.example.com:submission", "mx.example.com", "submission",
		    "[mx.example.com]:submission" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err;
		char line[256];

		snprintf(line, sizeof line, "%s inet n - n - 1 cmd\n", cases[i].name);
		struct mastercf *cf = parse(line, &err);
		CASE_IS(cf != NULL, cases[i].name);
		CASE_TEXT(mastercf_entry(cf, 0)->host, cases[i].host, cases[i].name);
		CASE_TEXT(mastercf_entry(cf, 0)->port, cases[i].port, cases[i].name);
		CASE_TEXT(mastercf_entry(cf, 0)->endpoint, cases[i].endpoint, cases[i].name);
		mastercf_free(cf);
	}
}

/* The texts are those the master of Postfix 3.7.11 logs, the port range apart, which it does not check. */
static void
errors_name_file_line_and_reason(void **state)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{ "foo", "missing \"transport type\" field" },
		{ "foo unix", "missing \"private\" field" },
		{ "foo unix -", "missing \"unprivileged\" field" },
		{ "foo unix - -", "missing \"chroot\" field" },
		{ "foo unix - - n", "missing \"wakeup_time\" field" },
		{ "foo unix - - n -", "missing \"max_proc\" field" },
		{ "foo unix - - n - 1", "missing \"command\" field" },
		{ "foo unix - - n - 1 -", "field \"command\" has no default value" },
		{ "foo UNIX - - n - 1 x", "bad transport type: UNIX" },
		{ "foo - - - n - 1 x", "bad transport type: -" },
		{ "foo unix x - n - 1 x", "field \"private\": bad value: \"x\"" },
		{ "foo unix - Y n - 1 x", "field \"unprivileged\": bad value: \"Y\"" },
		{ "foo unix - - no - 1 x", "field \"chroot\": bad value: \"no\"" },
		{ "foo unix - - n x 1 x", "field \"wakeup_time\": bad value: \"x\"" },
		{ "foo unix - - n -1 1 x", "field \"wakeup_time\": bad value: \"-1\"" },
		{ "foo unix - - n - ten x", "field \"max_proc\": bad value: \"ten\"" },
		{ "foo unix - - n - 99999999999 x", "field \"max_proc\": bad value: \"99999999999\"" },
		{ "25 inet - - n - 1 x", "inet service cannot be private" },
		{ "25 inet y - n - 1 x", "inet service cannot be private" },
		{ "foo unix - - n - 1 x {a", "missing '}' in \"{a\"" },
		{ "foo unix - - n - 1 x {a}b", "syntax error after '}' in \"{a}b\"" },
		{ "foo unix - - n - 1 x {a}b c", "syntax error after '}' in \"{a}b\"" },
		{ "foo unix - - n - 1 x {a}{b c} d", "syntax error after '}' in \"{a}{b c}\"" },
		{ "127.0.0.1:99x inet n - n - 1 x", "garbage after numerical service in \"127.0.0.1:99x\"" },
		{ "25smtp inet n - n - 1 x", "garbage after numerical service in \"25smtp\"" },
		{ "[127.0.0.1]x:25 inet n - n - 1 x", "garbage after \"]\" in \"[127.0.0.1]x:25\"" },
		{ "[127.0.0.1:25 inet n - n - 1 x", "missing \"]\" in \"[127.0.0.1:25\"" },
		{ "127.0.0.1: inet n - n - 1 x", "missing service information in \"127.0.0.1:\"" },
		{ "[]:25 inet n - n - 1 x", "valid hostname or network address required in \"[]:25\"" },
		{ "1.2.3:25 inet n - n - 1 x", "valid hostname or network address required in \"1.2.3:25\"" },
		{ "70000 inet n - n - 1 x", "port number out of range in \"70000\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { .text = "" };
		char file[256], wanted[256];

		snprintf(file, sizeof file, "# comment\nok unix - - n - 1 ok\n\n%s\n", cases[i].line);
		snprintf(wanted, sizeof wanted, "master.cf: line 4: %s", cases[i].text);
		CASE_IS(parse(file, &err) == NULL, cases[i].line);
		CASE_TEXT(err.text, wanted, cases[i].line);
	}
}

static void
last_of_two_entries_counts(void **state)
{
	struct err err;
	struct mastercf *cf = parse("a unix - - n - 1 first\n"
				    "b unix - - n - 1 b\n"
				    "a unix n - n - 1 public\n"
				    "a unix - - n - 2 second\n",
	    &err);

	(void)state;
	assert_non_null(cf);
	assert_int_equal(mastercf_count(cf), 3);
	assert_string_equal(mastercf_entry(cf, 0)->command, "second");
	assert_string_equal(log_capture.text,
	    "warning: duplicate master.cf entry for service \"a\" (private/a) -- using the last entry\n");
	mastercf_free(cf);
}

static void
disabled_services_are_left_out(void **state)
{
	static const struct {
		const char *list;
		bool disabled;
	} cases[] = {
		{ "", false },
		{ "unix", true },
		{ "inet", false },
		{ "foo/unix", true },
		{ "foo.unix", true },
		{ "foo/inet", false },
		{ "foo", false },
		{ "!foo/unix, unix", false },
		{ "unix, !foo/unix", true },
		{ "inet fifo,unix", true },
		{ "!", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct mastercf_options options = { .default_process_limit = 100,
			.disabled = cases[i].list };
		struct err err;
		struct mastercf *cf = parse_with("foo unix - - n - 1 foo\n", &options, &err);

		CASE_IS((mastercf_count(cf) == 0) == cases[i].disabled, cases[i].list);
		mastercf_free(cf);
	}
}

static void
old_systems_are_told_of_chroot(void **state)
{
	const struct mastercf_options options = {
		.default_process_limit = 100, .chroot_default = true, .disabled = ""
	};
	struct err err;
	struct mastercf *cf = parse_with("a unix - - - - 1 a\nb unix - - n - 1 b\n", &options, &err);

	(void)state;
	assert_true(mastercf_entry(cf, 0)->chroot);
	assert_false(mastercf_entry(cf, 1)->chroot);
	assert_string_equal(
	    log_capture.text, "master.cf: line 1: using backwards-compatible default setting chroot=y\n");
	mastercf_free(cf);
}

static void
taken_entries_survive(void **state)
{
	struct err err;
	struct mastercf *cf = parse("a unix - - n - 1 a\n", &err);
	struct mastercf_entry *entry = mastercf_take(cf, 0);

	(void)state;
	assert_null(mastercf_entry(cf, 0));
	assert_null(mastercf_take(cf, 1));
	mastercf_free(cf);
	assert_string_equal(entry->command, "a");
	mastercf_entry_free(entry);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_and_their_defaults),
		cmocka_unit_test(arguments_are_words_or_braces),
		cmocka_unit_test(inet_names_become_host_and_port),
		cmocka_unit_test(errors_name_file_line_and_reason),
		cmocka_unit_test(last_of_two_entries_counts),
		cmocka_unit_test(disabled_services_are_left_out),
		cmocka_unit_test(old_systems_are_told_of_chroot),
		cmocka_unit_test(taken_entries_survive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
