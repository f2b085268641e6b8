/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "captured_log.h"
#include "mail/maincf.h"
#include "mail/param.h"
#include "tsv.h"
#include "util/buf.h"
#include "util/err.h"
#include "vector_text.h"

union setting {
	char *string;
	int number;
	int64_t large;
	bool yes;
};

/* Rows of the table that are not tried, by what begins the type, and by value where only that one is. */
static const struct {
	const char *type;
	const char *value;
	const char *reason;
} left_out[] = {
	{ "host name syntax", NULL,
	    "no TLS program checks the host's name; `postfix check` of an installation does" },
	{ "login name", NULL, "looked up where rights are dropped, by the service skeleton" },
	{ "group name", NULL, "no program here is set-group-id" },
	{ "syslog facility", NULL, "a word of maillog, tried there" },
};

static const char *
why_left_out(const char *type, const char *value)
{
	for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
		if (strncmp(type, left_out[i].type, strlen(left_out[i].type)) == 0 &&
		    (left_out[i].value == NULL || strcmp(value, left_out[i].value) == 0))
			return left_out[i].reason;
	return NULL;
}

static void
row_from_words(struct param *row, const char *name, const char *words)
{
	const char *min = strstr(words, "min "), *max = strstr(words, "max ");

	*row = (struct param){ .name = name, .type = PARAM_STRING };
	if (strncmp(words, "time", 4) == 0)
		row->type = PARAM_TIME;
	else if (strncmp(words, "int", 3) == 0)
		row->type = PARAM_INT;
	else if (strncmp(words, "long", 4) == 0)
		row->type = PARAM_LONG;
	else if (strcmp(words, "bool") == 0 || strcmp(words, "nbool") == 0)
		row->type = PARAM_BOOL;
	if (min != NULL)
		row->min = atoi(min + strcspn(min, "0123456789"));
	if (max != NULL)
		row->max = atoi(max + strcspn(max, "0123456789"));
}

static bool
row_agrees(const struct tsv *row)
{
	struct param rows[2] = { { 0 }, PARAM_END };
	union setting setting = { 0 };
	struct buf value = BUF_INIT, text = BUF_INIT, messages = BUF_INIT;
	struct err err = { 0 };
	struct maincf *cf = maincf_new("@CONFIG@", param_default);

	captured_log_start();
	vector_text_decode(&value, row->column[2]);
	vector_text_messages(&messages, row->column[4]);
	buf_printf(&text, "x = 7\n%s = %s\n", row->column[0], buf_str(&value));
	row_from_words(&rows[0], row->column[0], row->column[1]);
	assert_int_equal(maincf_parse(cf, buf_str(&text), text.len, &err), 0);
	/* The level is no type: every program checks it. */
	bool is_level = strcmp(row->column[1], "level") == 0;
	int result = param_load(cf, is_level ? &rows[1] : rows, &setting, &err);
	if (result < 0)
		buf_printf(&captured_log, "fatal: %s\n", err.text);
	bool agrees = (result < 0) == (row->column[3][0] == '1') &&
		      captured_log_same(buf_str(&captured_log), buf_str(&messages));
	if (!agrees)
		print_error(
		    "%s = %s: %d, %s", row->column[0], buf_str(&value), result, buf_str(&captured_log));
	if (result == 0 && !is_level)
		param_release(rows, &setting);
	maincf_free(cf);
	buf_release(&value);
	buf_release(&text);
	buf_release(&messages);
	return agrees;
}

static void
values_are_accepted_as_postfix_does(void **state)
{
	struct tsv row;
	int rows = 0, wrong = 0, left = 0;

	(void)state;
	assert_true(tsv_open(&row, "typed-values"));
	assert_true(tsv_next(&row));
	while (tsv_next(&row)) {
		const char *reason = why_left_out(row.column[1], row.column[2]);

		if (reason != NULL) {
			print_message("%s = %s left out: %s\n", row.column[0], row.column[2], reason);
			left++;
			continue;
		}
		rows++;
		wrong += !row_agrees(&row);
	}
	print_message("%d rows tried, %d left out\n", rows, left);
	assert_int_equal(wrong, 0);
	assert_true(rows > 70);
	buf_release(&captured_log);
}

struct settings {
	char *text;
	char *raw;
	int number;
	int64_t large;
	int seconds;
	bool yes;
};

static const struct param rows[] = {
	{ "tlsproxy_tls_key_file", PARAM_STRING, offsetof(struct settings, text), .max = 10 },
	{ "tls_random_exchange_name", PARAM_RAW, offsetof(struct settings, raw), .min = 3 },
	{ "tls_random_bytes", PARAM_INT, offsetof(struct settings, number), .min = 1 },
	{ "tls_daemon_random_bytes", PARAM_LONG, offsetof(struct settings, large), .max = 0 },
	{ "smtpd_starttls_timeout", PARAM_TIME, offsetof(struct settings, seconds), .min = 1 },
	{ "smtpd_tls_wrappermode", PARAM_BOOL, offsetof(struct settings, yes), .min = 0 },
	PARAM_END,
};

static int
load(const char *text, struct settings *settings, struct err *err)
{
	struct maincf *cf = maincf_new("/nowhere", param_default);
	int result;

	assert_int_equal(maincf_parse(cf, text, strlen(text), err), 0);
	result = param_load(cf, rows, settings, err);
	maincf_free(cf);
	return result;
}

static void
defaults_and_settings_reach_the_struct(void **state)
{
	struct settings settings;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(load("", &settings, &err), 0);
	assert_string_equal(settings.text, "");
	assert_string_equal(settings.raw, "${data_directory}/prng_exch");
	assert_int_equal(settings.number, 32);
	assert_int_equal(settings.large, 32);
	assert_int_equal(settings.seconds, 300);
	assert_false(settings.yes);
	param_release(rows, &settings);
	assert_null(settings.text);

	assert_int_equal(
	    load("smtpd_tls_cert_file = /c\ntls_random_exchange_name = $$x\ntls_random_bytes=64\n"
		 "tls_daemon_random_bytes = 8589934592\n"
		 "smtpd_starttls_timeout = 2m\nsmtpd_tls_wrappermode = YES\n",
		&settings, &err),
	    0);
	assert_string_equal(settings.text, "/c");
	assert_string_equal(settings.raw, "$$x");
	assert_int_equal(settings.number, 64);
	assert_true(settings.large == INT64_C(1) << 33);
	assert_int_equal(settings.seconds, 120);
	assert_true(settings.yes);
	param_release(rows, &settings);
}

static void
bad_value_frees_the_good_ones_before_it(void **state)
{
	struct settings settings;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(load("smtpd_tls_cert_file = /c\ntls_random_bytes = 0\n", &settings, &err), -1);
	assert_string_equal(err.text, "invalid tls_random_bytes parameter value 0 < 1");
	assert_null(settings.text);
	assert_int_equal(load("smtpd_tls_key_file = /12345678901\n", &settings, &err), -1);
	assert_string_equal(err.text, "bad string length 12 > 10: tlsproxy_tls_key_file = /12345678901");
	assert_int_equal(load("tls_random_exchange_name = $x\n", &settings, &err), -1);
	assert_string_equal(err.text, "bad string length (2 < 3): tls_random_exchange_name = $x");
}

static void
table_is_in_byte_order(void **state)
{
	const char *name, *last = "";

	(void)state;
	for (size_t i = 0; (name = param_name(i)) != NULL; i++) {
		assert_true(strcmp(last, name) < 0);
		assert_non_null(param_default(name));
		last = name;
	}
	assert_null(param_default("nosuch"));
}

static void
tls_defaults_are_those_of_postfix(void **state)
{
	struct tsv row;
	struct buf value = BUF_INIT;
	int compared = 0;

	(void)state;
	assert_true(tsv_open(&row, "tls-params"));
	assert_true(tsv_next(&row));
	while (tsv_next(&row)) {
		const char *known = param_default(row.column[0]);

		if (strcmp(row.column[2], "(absent)") == 0) {
			/* What only a later version has is nothing, unless it is set. */
			if (known != NULL)
				assert_string_equal(known, "");
			continue;
		}
		vector_text_decode(&value, row.column[2]);
		if (known == NULL || strcmp(known, buf_str(&value)) != 0)
			fail_msg("%s: %s", row.column[0], known != NULL ? known : "absent");
		compared++;
	}
	assert_true(compared > 150);
	buf_release(&value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_accepted_as_postfix_does),
		cmocka_unit_test(defaults_and_settings_reach_the_struct),
		cmocka_unit_test(bad_value_frees_the_good_ones_before_it),
		cmocka_unit_test(table_is_in_byte_order),
		cmocka_unit_test(tls_defaults_are_those_of_postfix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
