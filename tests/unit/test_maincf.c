/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "captured_log.h"
#include "mail/logical_line.h"
#include "mail/maincf.h"
#include "mail/param.h"
#include "tsv.h"
#include "util/buf.h"
#include "util/err.h"
#include "vector_text.h"

/* Rows of the table that are not tried here, and why. */
static const struct {
	const char *id;
	const char *reason;
} left_out[] = {
	{ "242", "postconf hides what no value refers to; 10-postconf.t" },
};

struct html_settings {
	char *html_directory;
};

static const struct param html_rows[] = {
	{ "html_directory", PARAM_STRING, offsetof(struct html_settings, html_directory), .min = 1 },
	PARAM_END,
};

static struct maincf *
observed_host(const char *text, size_t len, struct err *err)
{
	struct maincf *cf = maincf_new("@CONFIG@", param_default);

	/* What the observed installation had compiled in, and its host. */
	maincf_set(cf, "queue_directory", "/var/spool/postfix");
	maincf_set(cf, "data_directory", "/var/lib/postfix");
	if (maincf_parse(cf, text, len, err) == 0)
		err->text[0] = '\0';
	if (maincf_raw(cf, "myhostname") == NULL)
		maincf_set(cf, "myhostname", "mx.example.test");
	return cf;
}

/* One row as a program sees it: html_directory loaded, with its messages. */
static bool
program_agrees(const struct tsv *row)
{
	struct html_settings settings = { 0 };
	struct buf text = BUF_INIT, value = BUF_INIT, messages = BUF_INIT;
	struct err err = { 0 };
	const char *actual = "(fatal)";

	captured_log_start();
	vector_text_decode(&text, row->column[1]);
	vector_text_decode(&value, row->column[6]);
	vector_text_messages(&messages, row->column[7]);
	if (strcmp(buf_str(&value), "@BUILD-DEFAULT@") == 0) {
		buf_clear(&value);
		buf_add_str(&value, param_default("html_directory"));
	}
	struct maincf *cf = observed_host(buf_str(&text), text.len, &err);
	if (err.text[0] != '\0' || param_load(cf, html_rows, &settings, &err) < 0)
		buf_printf(&captured_log, "fatal: %s\n", err.text);
	else
		actual = settings.html_directory;
	bool agrees = strcmp(actual, buf_str(&value)) == 0 &&
		      captured_log_same(buf_str(&captured_log), buf_str(&messages));
	if (!agrees)
		print_error("row %s: \"%s\", not \"%s\"\n%s, not\n%s\n", row->column[0], actual,
		    buf_str(&value), buf_str(&captured_log), buf_str(&messages));
	param_release(html_rows, &settings);
	maincf_free(cf);
	buf_release(&text);
	buf_release(&value);
	buf_release(&messages);
	return agrees;
}

/* One row that was observed with postconf alone: any parameter. */
static bool
postconf_agrees(const struct tsv *row)
{
	struct buf text = BUF_INIT, value = BUF_INIT, actual = BUF_INIT;
	struct err err = { 0 };

	captured_log_start();
	vector_text_decode(&text, row->column[1]);
	vector_text_decode(&value, row->column[4]);
	struct maincf *cf = observed_host(buf_str(&text), text.len, &err);
	maincf_behave_as_postconf(cf);
	if (maincf_lookup(cf, row->column[2], &actual, &err) == 0)
		buf_add_str(&actual, "(none)");
	bool agrees = strcmp(buf_str(&actual), buf_str(&value)) == 0;
	if (!agrees)
		print_error(
		    "row %s: \"%s\", not \"%s\"\n", row->column[0], buf_str(&actual), buf_str(&value));
	maincf_free(cf);
	buf_release(&text);
	buf_release(&value);
	buf_release(&actual);
	return agrees;
}

static bool
is_left_out(const char *id)
{
	for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
		if (strcmp(left_out[i].id, id) == 0) {
			print_message("row %s left out: %s\n", id, left_out[i].reason);
			return true;
		}
	return false;
}

static void
values_are_what_postfix_makes_of_them(void **state)
{
	struct tsv row;
	int rows = 0, wrong = 0;

	(void)state;
	assert_true(tsv_open(&row, "main-cf-expansion"));
	assert_true(tsv_next(&row));
	while (tsv_next(&row)) {
		if (is_left_out(row.column[0]))
			continue;
		rows++;
		wrong += strcmp(row.column[6], "n/a") == 0 ? !postconf_agrees(&row) : !program_agrees(&row);
	}
	print_message("%d rows tried\n", rows);
	assert_int_equal(wrong, 0);
	assert_true(rows > 200);
	buf_release(&captured_log);
}

static void
check_value(const char *text, const char *name, const char *expected)
{
	struct err err = { 0 };
	struct buf value = BUF_INIT;
	struct maincf *cf = maincf_new("/nowhere", param_default);

	captured_log_start();
	assert_int_equal(maincf_parse(cf, text, strlen(text), &err), 0);
	assert_int_equal(maincf_lookup(cf, name, &value, &err), expected != NULL ? 1 : -1);
	if (expected != NULL)
		assert_string_equal(buf_str(&value), expected);
	buf_release(&value);
	maincf_free(cf);
	buf_release(&captured_log);
}

static void
condition_on_an_unset_parameter_sees_its_expanded_default(void **state)
{
	(void)state;
	check_value("a = ${smtpd_tls_key_file?{set}:{unset}}\n", "a", "unset");
	check_value("a = ${smtpd_tls_key_file?{set}:{unset}}\nsmtpd_tls_cert_file = /c\n", "a", "set");
}

static void
loops_and_explosions_end(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	check_value("a = ${{$a} == {x}}\n", "a", NULL);
	check_value("myhostname = a.$mydomain\n", "myhostname", "a.");
	check_value("mydomain = $myhostname\na = ${mydomain?ended}\n", "a", "ended");
	for (int i = 0; i < 60; i++)
		buf_printf(&text, "v%d = $v%d$v%d\n", i, i + 1, i + 1);
	check_value(buf_str(&text), "v0", NULL);
	buf_release(&text);
}

static void
options_go_over_the_file(void **state)
{
	static const char text[] = "a = file\nb = $a\n";
	struct err err = { 0 };
	struct buf value = BUF_INIT;
	struct maincf *cf = maincf_new("/nowhere", param_default);
	const char *expected[] = { "config_directory", "a", "b", "c" };
	size_t at = 0;

	(void)state;
	maincf_set(cf, "a", "first");
	maincf_set(cf, "a", "option");
	maincf_set(cf, "c", "$b");
	assert_int_equal(maincf_parse(cf, text, strlen(text), &err), 0);
	assert_int_equal(maincf_lookup(cf, "c", &value, &err), 1);
	assert_string_equal(buf_str(&value), "option");
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(maincf_next(cf, &at), expected[i]);
	assert_null(maincf_next(cf, &at));
	assert_null(maincf_next(cf, &at));
	buf_clear(&value);
	assert_int_equal(maincf_lookup(cf, "nosuch", &value, &err), 0);
	assert_int_equal(value.len, 0);
	buf_release(&value);
	maincf_free(cf);
}

static void
long_values_are_read_whole(void **state)
{
	enum { LINES = 200000 };
	struct buf text = BUF_INIT, value = BUF_INIT;
	struct err err = { 0 };
	struct maincf *cf = maincf_new("/nowhere", param_default);

	(void)state;
	buf_add_str(&text, "a =\n");
	for (int i = 0; i < LINES; i++)
		buf_add_str(&text, " some text, and more of it\n# and a comment\n");
	buf_add_str(&text, "b = $a");
	assert_int_equal(maincf_parse(cf, buf_str(&text), text.len, &err), 0);
	assert_int_equal(maincf_lookup(cf, "b", &value, &err), 1);
	assert_int_equal(value.len, LINES * strlen(" some text, and more of it") - 1);
	buf_release(&text);
	buf_release(&value);
	maincf_free(cf);
}

static void
file_is_read_from_its_directory(void **state)
{
	char dir[] = "/tmp/test_maincf.XXXXXX", path[64];
	struct err err = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/main.cf", dir);
	struct maincf *cf = maincf_new(dir, NULL);
	assert_int_equal(maincf_load(cf, &err), -1);
	char expected[128];
	snprintf(expected, sizeof expected, "open %s: No such file or directory", path);
	assert_string_equal(err.text, expected);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs("a = 1", file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(maincf_load(cf, &err), 0);
	assert_string_equal(maincf_raw(cf, "a"), "1");
	maincf_free(cf);
	unlink(path);
	rmdir(dir);
}

static void
lines_know_where_they_began(void **state)
{
	static const char text[] = "# c\n\none\n# c\n two\n\nthree\0hidden\nfour";
	static const struct {
		int number;
		const char *text;
	} expected[] = { { 3, "one two" }, { 7, "three" }, { 8, "four" } };
	struct logical_line_reader in;
	struct buf line = BUF_INIT;
	int number;

	(void)state;
	logical_line_init(&in, "text", text, sizeof text - 1);
	for (size_t i = 0; i < 3; i++) {
		assert_true(logical_line_next(&in, &line, &number));
		assert_int_equal(number, expected[i].number);
		assert_string_equal(line.bytes, expected[i].text);
	}
	assert_false(logical_line_next(&in, &line, &number));
	buf_release(&line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_what_postfix_makes_of_them),
		cmocka_unit_test(condition_on_an_unset_parameter_sees_its_expanded_default),
		cmocka_unit_test(loops_and_explosions_end),
		cmocka_unit_test(options_go_over_the_file),
		cmocka_unit_test(long_values_are_read_whole),
		cmocka_unit_test(file_is_read_from_its_directory),
		cmocka_unit_test(lines_know_where_they_began),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
