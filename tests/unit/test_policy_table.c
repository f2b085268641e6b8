/* SPDX-License-Identifier: ISC */
/* policy_table: right-hand sides with their attributes, what main.cf adds to them, and DANE. */
#include "policy_world.h"
#include "tsv.h"

#include "util/alloc.h"

#define PREFIX "smtp_tls_policy_maps, next-hop destination \"a.test\": "

static void
find(const char *right)
{
	struct err err = { 0 };

	world.settings.tls_policy_maps = world_text("inline:{}");
	world.entries[0] = (struct world_entry){ "a.test", right };
	assert_int_equal(world_find("a.test", NULL, &err), 0);
}

/* Words in angle brackets are files and digests; NEXTHOP is ours. Freed by the caller. */
static char *
filled_in(const char *field)
{
	struct buf text = BUF_INIT;

	while (*field) {
		if (*field == '<' && strchr(field, '>')) {
			size_t len = strcspn(field, ">") + 1;

			buf_add_str(&text, strncmp(field + len - 4, "pem", 3) == 0 ? "/ca.pem" : "00:AA:bb");
			field += len;
		} else if (strncmp(field, "NEXTHOP", 7) == 0) {
			buf_add_str(&text, "a.test");
			field += 7;
		} else {
			buf_add_byte(&text, *field++);
		}
	}
	return buf_detach(&text);
}

/* What the table calls warnings: those of the policy, and those of the session that can be foreseen. */
static char *
warnings_as_recorded(void)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < world.result.said[POLICY_WARNING].count; i++) {
		const char *line = world.result.said[POLICY_WARNING].word[i];

		if (strncmp(line, PREFIX, strlen(PREFIX)) == 0)
			line += strlen(PREFIX);
		if (strncmp(line, "TLS policy lookup for", 21) != 0)
			buf_printf(&text, "%s%s", text.len > 0 ? "; " : "", line);
	}
	for (size_t i = 0; i < world.result.said[POLICY_PROBLEM].count; i++)
		buf_printf(&text, "%sNAMADDR: %s", text.len > 0 ? "; " : "",
		    world.result.said[POLICY_PROBLEM].word[i]);
	if (text.len == 0)
		buf_add_str(&text, "-");
	return buf_detach(&text);
}

/* These depend on the library or the digest. */
static bool
is_foreseen(const char *warnings)
{
	return !strstr(warnings, "unusable TLSA RR") && !strstr(warnings, "error setting cipher grade") &&
	       !strstr(warnings, "invalid match name");
}

static void
check_row(const char *const *column)
{
	const char *name = column[0];
	char *right = filled_in(column[0]), *warnings = filled_in(column[3]), *said;

	world_begin();
	if (strncmp(column[1], "smtp_tls_fingerprint_cert_match=", 32) == 0)
		world.settings.tls_fingerprint_cert_match = world_text("00:AA:bb");
	find(right);
	CASE_TEXT(world_level(), column[2], name);
	said = warnings_as_recorded();
	if (is_foreseen(warnings))
		CASE_TEXT(said, warnings, name);
	CASE_IS((strcmp(column[6], "deferred 4.7.5 client TLS configuration problem") == 0) ==
		    (world.result.dsn != NULL),
	    name);
	free(said);
	world_end();
	free(warnings);
	free(right);
}

static void
attributes_are_read_as_in_postfix(void **state)
{
	struct tsv row;
	int rows = 0;

	(void)state;
	assert_true(tsv_open(&row, "policy-table-attributes"));
	for (; tsv_next(&row); rows++)
		check_row(row.column);
	assert_int_equal(rows, 40);
}

static void
complaints_come_in_the_order_of_postfix(void **state)
{
	static const struct {
		const char *right, *level, *warnings;
	} cases[] = {
		{ "none ,", "none", "-" },
		{ ",", "invalid", "invalid empty policy" },
		{ "none ciphers=high foo =x", "none",
		    "ignoring attribute \"ciphers=high\" with TLS disabled; "
		    "ignoring attribute \"foo\" with TLS disabled; ignoring attribute \"=x\" with TLS "
		    "disabled" },
		{ "may match=", "invalid", "attribute \"match\" has empty value" },
		{ "may tafile=", "invalid", "attribute \"tafile\" invalid at security level \"may\"" },
		{ "dane match=foo", "invalid", "attribute \"match\" invalid at security level \"dane\"" },
		{ "verify match=:", "verify", "NAMADDR: could not configure peer name checks" },
		{ "fingerprint match=|", "invalid",
		    "nexthop domain a.test: configured at fingerprint security level, but with no "
		    "fingerprints to "
		    "match." },
		{ "fingerprint match=zz match=11:22", "fingerprint", "malformed fingerprint value: zz" },
		{ "fingerprint match=1122", "fingerprint", "-" },
		{ "verify match=hostname match=", "invalid", "attribute \"match\" has empty value" },
		{ "may connection_reuse=", "invalid", "attribute \"connection_reuse\" has bad value: \"\"" },
		{ "may connection_reuse=yes connection_reuse=bad", "invalid",
		    "attribute \"connection_reuse\" has bad value: \"bad\"" },
		{ "may ciphers=high ciphers=", "invalid", "attribute \"ciphers\" has empty value" },
		{ "may protocols=TLSv1 protocols=", "invalid",
		    "attribute \"protocols\" is specified multiple times" },
		{ "may servername=foo_bar.test", "may", "-" },
		{ "may servername=-foo.test", "invalid",
		    "\"servername=-foo.test\" specifies an invalid hostname" },
		{ "may servername=foo.test.", "invalid",
		    "\"servername=foo.test.\" specifies an invalid hostname" },
		{ "may servername=1.2.3.4", "invalid",
		    "\"servername=1.2.3.4\" specifies an invalid hostname" },
		{ "may,,CIPHERS=high,", "may", "-" },
		{ "verify tafile=/nonexistent match=", "invalid",
		    "error opening trust anchor file: /nonexistent: No such file or directory" },
		{ "verify tafile=/empty", "invalid", "-" },
		{ "may foo= bar", "invalid", "invalid attribute name: \"foo\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *said;

		world_begin();
		find(cases[i].right);
		said = warnings_as_recorded();
		CASE_TEXT(world_level(), cases[i].level, cases[i].right);
		CASE_TEXT(said, cases[i].warnings, cases[i].right);
		free(said);
		world_end();
	}
}

/* --- what main.cf adds --- */

static char *
words(const struct policy_words *list)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < list->count; i++)
		buf_printf(&text, "%s%s", i > 0 ? " " : "", list->word[i]);
	buf_add_str(&text, "");
	return buf_detach(&text);
}

static void
main_cf_completes_a_policy(void **state)
{
	static const struct {
		const char *right, *ciphers, *exclude, *protocols, *match, *servername;
	} cases[] = {
		{ "may", "low", "X", ">=TLSv1", "", "sni.test" },
		{ "may ciphers=high protocols= exclude=", "high", "", "", "", "sni.test" },
		{ "may exclude=A:B servername=b.test", "low", "A:B", ">=TLSv1", "", "b.test" },
		{ "encrypt", "high", "X Y eNULL", ">=TLSv1.2", "", "sni.test" },
		{ "encrypt exclude=A", "high", "A eNULL", ">=TLSv1.2", "", "sni.test" },
		{ "fingerprint", "high", "X Y aNULL", ">=TLSv1.2", "00:11 22:33", "sni.test" },
		{ "fingerprint match=44|55:66 match=77", "high", "X Y aNULL", ">=TLSv1.2", "44 55:66 77",
		    "sni.test" },
		{ "verify", "high", "X Y aNULL", ">=TLSv1.2", "hostname", "sni.test" },
		{ "secure exclude=", "high", "aNULL", ">=TLSv1.2", "nexthop dot-nexthop", "sni.test" },
		{ "secure match=a:.b match=nexthop", "high", "X Y aNULL", ">=TLSv1.2", "a .b nexthop",
		    "sni.test" },
		{ "dane", "high", "X Y aNULL", ">=TLSv1.2", "", "sni.test" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *match;

		world_begin();
		world.settings.tls_ciphers = world_text("low");
		world.settings.tls_mandatory_ciphers = world_text("high");
		world.settings.tls_exclude_ciphers = world_text("X");
		world.settings.tls_mandatory_exclude_ciphers = world_text("Y");
		world.settings.tls_mandatory_protocols = world_text(">=TLSv1.2");
		world.settings.tls_servername = world_text("sni.test");
		world.settings.tls_fingerprint_cert_match = world_text("00:11, 22:33");
		find(cases[i].right);
		match = words(&world.result.match);
		CASE_TEXT(world.result.ciphers, cases[i].ciphers, cases[i].right);
		CASE_TEXT(world.result.exclude, cases[i].exclude, cases[i].right);
		CASE_TEXT(world.result.protocols, cases[i].protocols, cases[i].right);
		CASE_TEXT(match, cases[i].match, cases[i].right);
		CASE_TEXT(world.result.servername, cases[i].servername, cases[i].right);
		free(match);
		world_end();
	}
}

static void
anchors_of_the_table_replace_those_of_main_cf(void **state)
{
	static const struct {
		const char *right, *files;
	} cases[] = {
		{ "verify", "/main.pem" },
		{ "secure tafile=/a.pem tafile=/b.pem", "/a.pem /b.pem" },
		{ "encrypt", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *files;

		world_begin();
		world.settings.tls_trust_anchor_file = world_text("/main.pem");
		find(cases[i].right);
		files = words(&world.result.anchor_files);
		CASE_TEXT(files, cases[i].files, cases[i].right);
		free(files);
		world_end();
	}
}

/* --- DANE, as in tests/vectors/dane-policy.tsv; its rows about the engine are in test_dane --- */

static void
dns_decides_at_dane_levels(void **state)
{
	static const struct {
		const char *name, *level, *insecure;
		enum policy_mx mx;
		enum policy_tlsa tlsa;
		const char *result, *reason;
	} cases[] = {
		{ "usable", "dane", "dane", POLICY_MX_SECURE, POLICY_TLSA_USABLE, "dane", NULL },
		{ "none", "dane", "dane", POLICY_MX_SECURE, POLICY_TLSA_ABSENT, "may", NULL },
		{ "none, only", "dane-only", "dane", POLICY_MX_SECURE, POLICY_TLSA_ABSENT, "invalid",
		    "no TLSA records found" },
		{ "unusable", "dane", "dane", POLICY_MX_SECURE, POLICY_TLSA_UNUSABLE, "encrypt", NULL },
		{ "unusable, only", "dane-only", "dane", POLICY_MX_SECURE, POLICY_TLSA_UNUSABLE, "invalid",
		    "TLSA records unusable" },
		{ "failed", "dane", "dane", POLICY_MX_SECURE, POLICY_TLSA_FAILED, "invalid",
		    "TLSA lookup error for a.test" },
		{ "insecure, may", "dane", "may", POLICY_MX_INSECURE, POLICY_TLSA_USABLE, "may", NULL },
		{ "insecure, encrypt", "dane", "encrypt", POLICY_MX_INSECURE, POLICY_TLSA_USABLE, "encrypt",
		    NULL },
		{ "insecure, dane", "dane", "dane", POLICY_MX_INSECURE, POLICY_TLSA_USABLE, "halfdane",
		    NULL },
		{ "insecure, none", "dane", "dane", POLICY_MX_INSECURE, POLICY_TLSA_ABSENT, "may", NULL },
		{ "insecure, only", "dane-only", "dane", POLICY_MX_INSECURE, POLICY_TLSA_USABLE, "invalid",
		    "non DNSSEC destination" },
		{ "unknown", "dane", "dane", POLICY_MX_UNKNOWN, POLICY_TLSA_UNKNOWN, "dane", NULL },
		{ "unknown, only", "dane-only", "dane", POLICY_MX_UNKNOWN, POLICY_TLSA_UNKNOWN, "dane-only",
		    NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		world_begin();
		world.settings.tls_dane_insecure_mx_policy = world_text(cases[i].insecure);
		world.request.mx = cases[i].mx;
		world.request.tlsa = cases[i].tlsa;
		find(cases[i].level);
		CASE_TEXT(world_level(), cases[i].result, cases[i].name);
		CASE_IS((world.result.reason != NULL) == (cases[i].reason != NULL), cases[i].name);
		if (cases[i].reason)
			CASE_TEXT(world.result.reason, cases[i].reason, cases[i].name);
		world_end();
	}
}

static void
what_dns_may_say_is_foretold(void **state)
{
	char *said;

	(void)state;
	world_begin();
	world.settings.tls_dane_insecure_mx_policy = world_text("encrypt");
	world.request.mx = POLICY_MX_UNKNOWN;
	world.request.tlsa = POLICY_TLSA_UNKNOWN;
	find("dane");
	said = world_said(POLICY_WHY, "\n");
	assert_non_null(strstr(said, "with insecure MX records dane becomes encrypt at most"));
	assert_non_null(strstr(said, "without secure TLSA records dane becomes may"));
	free(said);
	world_end();
}

static void
settings_stand_in_the_way_of_dane(void **state)
{
	static const struct {
		const char *level, *support, *lookup, *options;
		bool ignore;
		const char *result, *warning;
	} cases[] = {
		{ "dane", "enabled", "dns", "", false, "may",
		    "a.test: dane configured with dnssec lookups disabled" },
		{ "dane", "dnssec", "native", "", false, "may",
		    "a.test: dane configured with dnssec lookups disabled" },
		{ "dane-only", "", "dns", "", false, "invalid",
		    "a.test: dane-only configured with dnssec lookups disabled" },
		{ "dane", "dnssec", "native, dns", "", true, "may",
		    "a.test: dane configured with MX lookup errors ignored" },
		{ "dane", "dnssec", "dns", "res_defnames", false, "may",
		    "a.test: dns resolver options incompatible with dane TLS" },
		{ "dane-only", "dnssec", "dns", "res_dnsrch", false, "invalid",
		    "a.test: dns resolver options incompatible with dane-only TLS" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		world_begin();
		world.settings.dns_support_level = world_text(cases[i].support);
		world.settings.host_lookup = world_text(cases[i].lookup);
		world.settings.dns_resolver_options = world_text(cases[i].options);
		world.settings.ignore_mx_lookup_error = cases[i].ignore;
		find(cases[i].level);
		CASE_TEXT(world_level(), cases[i].result, cases[i].warning);
		CASE_TEXT(world.result.said[POLICY_WARNING].word[0], cases[i].warning, cases[i].warning);
		world_end();
	}
}

static void
sockets_have_all_or_nothing(void **state)
{
	static const struct {
		const char *level, *result, *warning;
	} cases[] = {
		{ "may", "none",
		    "smtp_connect_local: opportunistic TLS encryption is not appropriate for unix-domain "
		    "destinations." },
		{ "encrypt", "encrypt", NULL },
		{ "dane", "invalid",
		    "/run/lmtp: the \"dane\" security level is invalid for delivery via unix-domain "
		    "sockets" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };

		world_begin();
		world.settings.client = "lmtp";
		world.settings.tls_security_level = world_text(cases[i].level);
		CASE_IS(world_find("unix:/run/lmtp", NULL, &err) == 0, cases[i].level);
		CASE_TEXT(world_level(), cases[i].result, cases[i].level);
		CASE_IS((world.result.said[POLICY_WARNING].count > 0) == (cases[i].warning != NULL),
		    cases[i].level);
		if (cases[i].warning)
			CASE_TEXT(
			    world.result.said[POLICY_WARNING].word[0], cases[i].warning, cases[i].level);
		world_end();
	}
}

/* --- advice --- */

static void
loopholes_in_dns_are_pointed_out(void **state)
{
	static const struct {
		const char *nexthop, *key, *value;
		bool cname;
		size_t count;
	} cases[] = {
		{ "[a.test]:587", "[a.test]:587", "MUST", false, 0 },
		{ "[a.test]:587", "[a.test]:587", "MUST", true, 1 },
		{ "a.test", "a.test", "MUST", false, 1 },
		{ "a.test", "mx.a.test", "MUST", false, 2 },
		{ "a.test", "mx.a.test", "MUST_NOPEERMATCH", false, 1 },
		{ "a.test", "a.test", "MUST_NOPEERMATCH", false, 0 },
		{ "a.test", "a.test", "NONE", true, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct err err = { 0 };
		char *said;

		world_begin();
		world.settings.tls_per_site = world_text("inline:{}");
		world.settings.cname_overrides_servername = cases[i].cname;
		world.entries[0] = (struct world_entry){ cases[i].key, cases[i].value };
		CASE_IS(world_find(cases[i].nexthop, "mx.a.test", &err) == 0, cases[i].nexthop);
		said = world_said(POLICY_ADVICE, "\n");
		print_message("%s: %s\n", cases[i].nexthop, said);
		CASE_IS(world.result.said[POLICY_ADVICE].count == cases[i].count, cases[i].value);
		free(said);
		world_end();
	}
}

static void
dead_parameters_change_nothing_and_are_named(void **state)
{
	struct err err = { 0 };

	(void)state;
	world_begin();
	world.settings.has_cipherlist = true;
	world.settings.use_tls = true;
	world.settings.tls_security_level = world_text("encrypt");
	assert_int_equal(world_find("a.test", NULL, &err), 0);
	assert_string_equal(world.result.ciphers, "medium");
	assert_int_equal(world.result.said[POLICY_ADVICE].count, 2);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_read_as_in_postfix),
		cmocka_unit_test(complaints_come_in_the_order_of_postfix),
		cmocka_unit_test(main_cf_completes_a_policy),
		cmocka_unit_test(anchors_of_the_table_replace_those_of_main_cf),
		cmocka_unit_test(dns_decides_at_dane_levels),
		cmocka_unit_test(what_dns_may_say_is_foretold),
		cmocka_unit_test(settings_stand_in_the_way_of_dane),
		cmocka_unit_test(sockets_have_all_or_nothing),
		cmocka_unit_test(loopholes_in_dns_are_pointed_out),
		cmocka_unit_test(dead_parameters_change_nothing_and_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
