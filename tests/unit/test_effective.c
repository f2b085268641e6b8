/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"

#include "tlscheck/effective.h"
#include "tlscheck/finding.h"
#include "tlscheck/scope.h"
#include "util/err.h"
#include "util/table.h"

static struct table *defaults;

static struct effective *
read_text(const char *main_cf, const char *master_cf)
{
	static struct effective_site site;
	struct effective *effective;
	struct err err;

	fixture_file("main.cf", main_cf);
	fixture_file("master.cf", master_cf);
	site = (struct effective_site){ .config_directory = fixture_dir, .option = "", .defaults = defaults };
	effective = effective_new(&site, &err);
	if (!effective)
		fail_msg("%s", err.text);
	return effective;
}

static void
where_is(struct scope *scope, const char *name, const char *expected)
{
	char *where = scope_where(scope, name);

	assert_string_equal(where + strlen(fixture_dir) + 1, expected);
	free(where);
}

static void
service_has_its_own_settings_over_those_of_main_cf(void **state)
{
	struct effective *effective = read_text("a = 1\n# comment\nsmtpd_tls_cert_file = /x\n",
	    "smtp inet n - n - - smtpd\n25 inet n - n - - smtpd\n -o smtpd_tls_cert_file=/y "
	    "-osmtpd_tls_loglevel=2\n"
	    " -o { my_words = a b }\n");
	struct scope *first = effective_scope(effective, 1), *second = effective_scope(effective, 2);

	(void)state;
	assert_int_equal(effective_count(effective), 3);
	assert_string_equal(scope_program(first), "smtpd");
	assert_string_equal(scope_value(first, "smtpd_tls_key_file"), "/x");
	assert_string_equal(scope_value(second, "smtpd_tls_key_file"), "/y");
	assert_string_equal(scope_value(second, "smtpd_tls_loglevel"), "2");
	assert_string_equal(scope_value(second, "my_words"), "a b");
	assert_string_equal(scope_value(first, "my_words"), "");
	where_is(first, "smtpd_tls_key_file", "main.cf:3");
	where_is(second, "smtpd_tls_key_file", "master.cf:2");
	where_is(second, "smtpd_tls_ciphers", "main.cf");
	assert_string_equal(scope_source(second, "tlsproxy_tls_key_file"), "smtpd_tls_cert_file");
	assert_true(scope_overrides(second, "smtpd_tls_loglevel"));
	assert_false(scope_overrides(first, "smtpd_tls_cert_file"));
	effective_free(effective);
}

static void
defaults_of_the_installation_count(void **state)
{
	struct effective *effective = read_text("x = 1\n", "");
	struct scope *scope = effective_scope(effective, 0);

	(void)state;
	assert_string_equal(scope_value(scope, "smtp_tls_security_level"), "may");
	assert_true(effective_knows(effective, "of_later_times"));
	assert_false(effective_knows(effective, "of_no_time"));
	effective_free(effective);
}

static void
commands_change_what_they_are_about(void **state)
{
	struct effective *effective =
	    read_text("smtpd_use_tls = yes\n", "smtp inet n - n - - smtpd -o smtpd_tls_loglevel=9\n");
	struct finding_list *findings = finding_list_new();
	struct finding *found = finding_add(findings, "legacy-level", "here", "what's %d", 1);
	struct scope *global = effective_scope(effective, 0), *service = effective_scope(effective, 1);

	(void)state;
	scope_mend_set(global, found, "smtpd_tls_security_level", "may", true);
	scope_mend_remove(global, found, "smtpd_use_tls", true);
	scope_mend_set(service, found, "smtpd_tls_loglevel", "it's", true);
	assert_string_equal(found->command,
	    "postconf -e 'smtpd_tls_security_level = may' && postconf -X smtpd_use_tls && "
	    "postconf -P 'smtp/inet/smtpd_tls_loglevel=it'\\''s'");
	/* All three are for --fix. */
	assert_int_equal(found->step_count, 3);
	assert_null(finding_add(findings, "legacy-level", "here", "what's %d", 1));
	assert_non_null(finding_add(findings, "legacy-level", "there", "what's %d", 1));
	assert_non_null(finding_add(findings, "map-missing", "there", "nothing"));
	finding_list_sort(findings);
	assert_int_equal(finding_list_at(findings, 0)->severity, FINDING_ERROR);
	assert_int_equal(finding_list_of(findings, FINDING_WARNING), 2);
	finding_mend(NULL, "nothing is mended in a repetition");
	finding_list_free(findings);
	effective_free(effective);
}

static void
what_cannot_be_read_is_said(void **state)
{
	static struct effective_site site;
	struct err err;

	(void)state;
	fixture_file("main.cf", "no assignment\n");
	site = (struct effective_site){ .config_directory = fixture_dir, .option = "", .defaults = defaults };
	assert_null(effective_new(&site, &err));
	assert_non_null(strstr(err.text, "main.cf:1: missing '='"));
}

static int
set_up(void **state)
{
	defaults = table_new(NULL);
	table_put(defaults, "smtp_tls_security_level", (void *)(uintptr_t) "may");
	table_put(defaults, "of_later_times", (void *)(uintptr_t) "1");
	return fixture_setup(state);
}

static int
tear_down(void **state)
{
	table_free(defaults);
	return fixture_teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_has_its_own_settings_over_those_of_main_cf),
		cmocka_unit_test(defaults_of_the_installation_count),
		cmocka_unit_test(commands_change_what_they_are_about),
		cmocka_unit_test(what_cannot_be_read_is_said),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
