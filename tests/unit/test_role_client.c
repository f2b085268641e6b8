/* SPDX-License-Identifier: ISC */
/* role_client: what main.cf says about the client role. */
#include "tls_fixture.h"

#include "mail/maincf.h"
#include "mail/param.h"
#include "tlsproxy/globals.h"
#include "tlsproxy/role_client.h"
#include "util/err.h"

static void
load(const char *main_cf, struct role_client_settings *settings, struct globals *globals)
{
	struct maincf *cf = maincf_new("", param_default);
	char *text = alloc_printf("compatibility_level = 3.6\ntls_config_file = none\n%s", main_cf);
	struct err err;

	assert_int_equal(maincf_parse(cf, text, strlen(text), &err), 0);
	assert_int_equal(param_load(cf, globals_params, globals, &err), 0);
	assert_int_equal(param_load(cf, role_client_params, settings, &err), 0);
	maincf_free(cf);
	free(text);
}

static void
role_is_on_when_main_cf_says_so(void **state)
{
	static const struct {
		const char *main_cf;
		bool on;
	} cases[] = {
		{ "", false },
		{ "smtp_tls_security_level = may\n", true },
		{ "smtp_tls_security_level = Encrypt\n", true },
		{ "smtp_tls_security_level = none\n", false },
		{ "smtp_tls_security_level = dane\n", true },
		{ "tlsproxy_client_security_level = dane-only\n", true },
		{ "smtp_tls_security_level = secure\ntlsproxy_client_security_level = none\n", false },
		{ "smtp_tls_security_level = none\nsmtp_tls_policy_maps = hash:/x\n", true },
		{ "smtp_tls_per_site = hash:/x\n", true },
		{ "smtp_use_tls = yes\n", true },
		{ "smtp_enforce_tls = yes\n", true },
		{ "smtp_use_tls = yes\nsmtp_tls_security_level = none\n", false },
		{ "tlsproxy_client_use_tls = no\nsmtp_use_tls = yes\n", false },
		/* The names of before 3.7: in this version they empty what replaced them. */
		{ "smtp_tls_security_level = may\ntlsproxy_client_level = encrypt\n", false },
		{ "smtp_tls_policy_maps = hash:/x\ntlsproxy_client_policy = hash:/y\n", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct role_client_settings settings;
		struct globals globals;

		load(cases[i].main_cf, &settings, &globals);
		struct role_client *role = role_client_new(&settings, &globals);
		if ((role != NULL) != cases[i].on)
			fail_msg("on is %d with %s", role != NULL, cases[i].main_cf);
		role_client_free(role);
		param_release(globals_params, &globals);
		param_release(role_client_params, &settings);
	}
}

static void
defaults_are_those_of_smtp(void **state)
{
	struct role_client_settings settings;
	struct globals globals;

	(void)state;
	load("smtp_tls_CAfile = /ca\nsmtp_tls_cert_file = /cert\nsmtp_tls_eccert_file = /ec\n"
	     "smtp_tls_loglevel = cache\nsmtp_tls_scert_verifydepth = 4\nsmtp_tls_fingerprint_digest = "
	     "sha512\n"
	     "tlsproxy_client_CApath = /path\n",
	    &settings, &globals);
	assert_string_equal(settings.CAfile, "/ca");
	assert_string_equal(settings.CApath, "/path");
	assert_string_equal(settings.key_file, "/cert");
	assert_string_equal(settings.eckey_file, "/ec");
	assert_string_equal(settings.loglevel, "cache");
	assert_string_equal(settings.loglevel_parameter, "smtp_tls_loglevel");
	assert_string_equal(settings.fingerprint_digest, "sha512");
	assert_int_equal(settings.scert_verifydepth, 4);
	param_release(globals_params, &globals);
	param_release(role_client_params, &settings);
}

static void
bad_certificate_does_not_turn_the_role_off(void **state)
{
	struct role_client_settings settings;
	struct globals globals;

	(void)state;
	load("smtp_tls_security_level = may\nsmtp_tls_cert_file = /nonexistent\n", &settings, &globals);
	fixture_log_clear();
	struct role_client *role = role_client_new(&settings, &globals);
	assert_non_null(role);
	assert_int_equal(fixture_log_count("TLS client initialization failed"), 1);
	role_client_free(role);
	param_release(globals_params, &globals);
	param_release(role_client_params, &settings);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(role_is_on_when_main_cf_says_so),
		cmocka_unit_test(defaults_are_those_of_smtp),
		cmocka_unit_test(bad_certificate_does_not_turn_the_role_off),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
