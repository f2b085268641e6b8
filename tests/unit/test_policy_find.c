/* SPDX-License-Identifier: ISC */
/* policy_find: the level of a destination, from the recorded tables of what Postfix does. */
#include "policy_world.h"
#include "tsv.h"

#include "util/alloc.h"

static bool
yes(const char *field)
{
	return strcmp(field, "yes") == 0;
}

static void
global_level_is_that_of_postfix(void **state)
{
	struct tsv row;
	int rows = 0;

	(void)state;
	assert_true(tsv_open(&row, "client-global-level"));
	while (tsv_next(&row)) {
		struct err err = { 0 };
		char level[64] = "";
		int result;

		world_begin();
		if (strcmp(row.column[0], "(empty)") != 0)
			sscanf(row.column[0], "%63s", level);
		world.settings.tls_security_level = level;
		world.settings.use_tls = yes(row.column[1]) || strcmp(row.column[1], "any") == 0;
		world.settings.enforce_tls = yes(row.column[2]) || strcmp(row.column[2], "any") == 0;
		world.settings.tls_enforce_peername = yes(row.column[3]);
		world.settings.tls_fingerprint_cert_match = world_text("00:11");
		result = world_find("example.test", NULL, &err);
		if (strncmp(row.column[4], "fatal: ", 7) == 0) {
			CASE_IS(result == -1, row.column[0]);
			CASE_TEXT(err.text, row.column[4] + 7, row.column[0]);
		} else {
			CASE_IS(result == 0, row.column[0]);
			CASE_TEXT(world_level(), row.column[4], row.column[0]);
		}
		world_end();
		rows++;
	}
	assert_int_equal(rows, 19);
}

/* --- the per-site table --- */

static void
set_entry(size_t at, const char *key, const char *value)
{
	if (strcmp(value, "-") != 0)
		world.entries[at] = (struct world_entry){ key, value };
}

static void
check_site_row(const char *const *column)
{
	struct err err = { 0 };
	char *name = alloc_printf(
	    "%s %s %s %s: %s %s", column[0], column[1], column[2], column[3], column[5], column[6]);
	bool by_nexthop = strcmp(column[5], "-") != 0;

	world_begin();
	world.settings.tls_security_level = world_setting(column[3]);
	world.settings.use_tls = yes(column[0]);
	world.settings.enforce_tls = yes(column[1]);
	world.settings.tls_enforce_peername = yes(column[2]);
	world.settings.tls_per_site = world_text("inline:{}");
	world.settings.tls_fingerprint_cert_match = world_text("00:11");
	set_entry(0, "[hop.test]:2500", column[5]);
	set_entry(by_nexthop, "hop.test", column[6]);
	CASE_IS(world_find("[hop.test]:2500", NULL, &err) == 0, name);
	CASE_TEXT(level_name(world.result.global_level), column[4], name);
	CASE_TEXT(world_level(), column[8], name);
	CASE_IS((world.result.level >= LEVEL_MAY) == yes(column[9]), name);
	CASE_IS(world.result.dsn == NULL, name);
	world_end();
	free(name);
}

static void
per_site_precedence_is_that_of_postfix(void **state)
{
	struct tsv row;
	int rows = 0;

	(void)state;
	assert_true(tsv_open(&row, "per-site-policy"));
	for (; tsv_next(&row); rows++)
		check_site_row(row.column);
	assert_int_equal(rows, 123);
}

/* --- keys --- */

static void
check_keys_row(const char *const *column)
{
	static const struct world_entry maps[WORLD_ENTRIES] = {
		{ "ex1.test", "encrypt" },
		{ ".ex1.test", "may" },
		{ "[ex1.test]", "none" },
		{ "[ex1.test]:25", "fingerprint match=00:11" },
		{ "ex1.test:25", "encrypt ciphers=high" },
		{ "[127.0.0.2]", "encrypt" },
		{ ".sub2.ex1.test", "none" },
	};
	static const struct world_entry per_site[WORLD_ENTRIES] = {
		{ "ex1.test", "MUST_NOPEERMATCH" },
		{ ".ex1.test", "MAY" },
		{ "[ex1.test]", "NONE" },
		{ "[ex1.test]:25", "MAY" },
		{ "[h3.test]", "MAY" },
		{ "h4.test", "MUST_NOPEERMATCH" },
		{ "h5.test", "may" },
		{ "h6.test", "bogus" },
		{ "h7.test", "NONE extra" },
	};
	bool is_maps = strcmp(column[0], "smtp_tls_policy_maps") == 0;
	struct err err = { 0 };

	world_begin();
	if (is_maps)
		world.settings.tls_policy_maps = world_text("inline:{}");
	else
		world.settings.tls_per_site = world_text("inline:{}");
	memcpy(world.entries, is_maps ? maps : per_site, sizeof maps);
	CASE_IS(world_find(column[1], NULL, &err) == 0, column[1]);
	CASE_TEXT(buf_str(&world.asked), column[2], column[1]);
	if (strncmp(column[3], "invalid", 7) == 0) {
		CASE_TEXT(world_level(), "invalid", column[1]);
		CASE_TEXT(world.result.dsn, "4.7.5", column[1]);
		CASE_TEXT(world.result.said[POLICY_WARNING].word[0], column[4], column[1]);
	} else {
		CASE_TEXT(world_level(), column[3], column[1]);
		CASE_IS(world.result.said[POLICY_WARNING].count == 0, column[1]);
	}
	world_end();
}

static void
tables_are_asked_for_the_keys_of_postfix(void **state)
{
	struct tsv row;
	int rows = 0;

	(void)state;
	assert_true(tsv_open(&row, "policy-lookup-keys"));
	for (; tsv_next(&row); rows++)
		check_keys_row(row.column);
	assert_int_equal(rows, 28);
}

static void
only_a_mere_name_has_parents(void **state)
{
	static const struct {
		const char *nexthop, *asked;
	} cases[] = {
		{ "a_b.test", "a_b.test(miss) .test(miss)" },
		{ "-a.test", "-a.test(miss)" },
		{ "a-.test", "a-.test(miss)" },
		{ "a..test", "a..test(miss)" },
		{ "a.test.", "a.test.(miss)" },
		{ ".a.test", ".a.test(miss)" },
		{ "1.2.3.4", "1.2.3.4(miss)" },
		{ "1.2.3.test", "1.2.3.test(miss) .2.3.test(miss) .3.test(miss) .test(miss)" },
		{ "localhost", "localhost(miss)" },
		{ "b\xc3\xbc"
		  "cher.test",
		    "b\xc3\xbc"
		    "cher.test(miss) .test(miss)" },
		{ "b\xff.test", "b\xff.test(miss)" },
		{ "inet:[a.test]:24", "[a.test]:24(miss)" },
		{ "unix:/run/a.b", "/run/a.b(miss)" },
		{ "[a.test", "[a.test(miss)" },
		{ "", "(miss)" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };

		world_begin();
		world.settings.tls_policy_maps = world_text("inline:{}");
		CASE_IS(world_find(cases[i].nexthop, NULL, &err) == 0, cases[i].nexthop);
		CASE_TEXT(buf_str(&world.asked), cases[i].asked, cases[i].nexthop);
		world_end();
	}
}

static void
names_come_out_of_the_next_hop(void **state)
{
	static const struct {
		const char *nexthop, *domain, *host;
	} cases[] = {
		{ "a.test", "a.test", "a.test" },
		{ "a.test:25", "a.test", "a.test" },
		{ "[a.test]", "a.test", "a.test" },
		{ "[a.test]:25", "a.test", "a.test" },
		{ "[::1]:25", "::1", "::1" },
		{ "unix:/run/lmtp", "mx.example.test", "mx.example.test" },
		{ "inet:[a.test]", "a.test", "a.test" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct policy_destination destination;

		policy_destination_init(&destination, cases[i].nexthop, NULL, "mx.example.test");
		CASE_TEXT(destination.domain, cases[i].domain, cases[i].nexthop);
		CASE_TEXT(destination.host, cases[i].host, cases[i].nexthop);
		policy_destination_release(&destination);
	}
}

/* --- errors --- */

/* "smtp_x=a, smtp_y=b" of the rows about main.cf. */
static void
set_main_cf(const char *text)
{
	if (strstr(text, "tls_security_level=may"))
		world.settings.tls_security_level = world_text("may");
	if (strstr(text, "tls_security_level=dane"))
		world.settings.tls_security_level = world_text("dane");
	if (strstr(text, "tls_servername=foo..bar"))
		world.settings.tls_servername = world_text("foo..bar");
	if (strstr(text, "tls_dane_insecure_mx_policy=bogus"))
		world.settings.tls_dane_insecure_mx_policy = world_text("bogus");
	world.settings.tls_wrappermode = strstr(text, "tls_wrappermode=yes") != NULL;
}

static void
check_errors_row(const char *const *column)
{
	struct err err = { 0 };
	char *warnings, *outcome;
	int result;

	world_begin();
	if (strcmp(column[0], "smtp_tls_per_site") == 0)
		world.settings.tls_per_site = world_text("inline:{}");
	if (strcmp(column[0], "smtp_tls_policy_maps") == 0)
		world.settings.tls_policy_maps = world_text("inline:{}");
	if (strcmp(column[0], "main.cf") == 0)
		set_main_cf(column[1]);
	world.broken = strstr(column[1], "unreachable") != NULL;
	world.entries[0] = (struct world_entry){ "[h4.test]:2600", "MUST_NOPEERMATCH" };
	world.entries[1] = (struct world_entry){ "h4.test", "bogus" };
	result = world_find(column[2], NULL, &err);
	warnings = world_said(POLICY_WARNING, " | ");
	if (strncmp(column[3], "fatal: ", 7) == 0) {
		CASE_IS(result == -1, column[1]);
		CASE_TEXT(err.text, column[3] + 7, column[1]);
	} else {
		outcome = alloc_printf("deferred %s %s", world.result.dsn, world.result.reason);
		CASE_IS(result == 0, column[1]);
		CASE_TEXT(warnings, column[3], column[1]);
		CASE_TEXT(outcome, column[4], column[1]);
		free(outcome);
	}
	free(warnings);
	world_end();
}

static void
errors_are_those_of_postfix(void **state)
{
	struct tsv row;
	int rows = 0;

	(void)state;
	assert_true(tsv_open(&row, "policy-errors"));
	for (; tsv_next(&row); rows++)
		check_errors_row(row.column);
	assert_int_equal(rows, 6);
}

static void
policy_table_hides_the_per_site_table(void **state)
{
	struct err err = { 0 };

	(void)state;
	world_begin();
	world.settings.tls_per_site = world.settings.tls_policy_maps = world_text("inline:{}");
	world.entries[0] = (struct world_entry){ "a.test", "encrypt" };
	assert_int_equal(world_find("a.test", "b.test", &err), 0);
	assert_string_equal(buf_str(&world.asked), "a.test(hit)");
	assert_string_equal(world.result.said[POLICY_WARNING].word[0],
	    "smtp_tls_per_site ignored when smtp_tls_policy_maps is not empty.");
	assert_string_equal(world_level(), "encrypt");
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(global_level_is_that_of_postfix),
		cmocka_unit_test(per_site_precedence_is_that_of_postfix),
		cmocka_unit_test(tables_are_asked_for_the_keys_of_postfix),
		cmocka_unit_test(only_a_mere_name_has_parents),
		cmocka_unit_test(names_come_out_of_the_next_hop),
		cmocka_unit_test(errors_are_those_of_postfix),
		cmocka_unit_test(policy_table_hides_the_per_site_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
