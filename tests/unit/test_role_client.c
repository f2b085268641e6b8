/* SPDX-License-Identifier: ISC */
/* role_client: what main.cf says about the client role. */
#include "tls_fixture.h"

#include "client_request.h"

#include "mail/maincf.h"
#include "mail/param.h"
#include "tls/context.h"
#include "tlsproxy/certfiles.h"
#include "tlsproxy/globals.h"
#include "tlsproxy/role_client.h"
#include "tlsproxy/role_files.h"
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
		struct role_client *role = role_client_new(&settings, &globals, false);
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
	struct role_client *role = role_client_new(&settings, &globals, false);
	assert_non_null(role);
	assert_int_equal(fixture_log_count("TLS client initialization failed"), 1);
	role_client_free(role);
	param_release(globals_params, &globals);
	param_release(role_client_params, &settings);
}

static struct context *
context_for(struct role_client *role, const struct tlsproxy_client_request *request)
{
	struct context *context = role_client_context(role, request);

	assert_non_null(context);
	context_unref(context); /* the role has another reference */
	return context;
}

static void
context_without_files_waits_for_the_first_request(void **state)
{
	static const struct {
		const char *main_cf;
		bool library_ready, waits;
	} cases[] = {
		{ "", true, true },
		{ "smtp_tls_loglevel = 1\n", true, true },
		{ "smtp_tls_loglevel = 2\n", true, false },
		{ "smtp_tls_CApath = /nonexistent\n", true, false },
		{ "", false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *main_cf = alloc_printf("smtp_tls_security_level = may\n%s", cases[i].main_cf);
		struct role_client_settings settings;
		struct globals globals;

		load(main_cf, &settings, &globals);
		struct role_client *role = role_client_new(&settings, &globals, cases[i].library_ready);
		struct tlsproxy_client_request request = client_request(37);

		if ((role_client_expected(role) == NULL) != cases[i].waits)
			fail_msg("waits is not %d with %s", cases[i].waits, main_cf);
		context_for(role, &request);
		assert_non_null(role_client_expected(role));
		/* One that says what the parameters say has the expected one. */
		request.init.log_level = settings.loglevel;
		request.init.verifydepth = settings.scert_verifydepth;
		request.init.CApath = settings.CApath;
		assert_ptr_equal(context_for(role, &request), role_client_expected(role));
		role_client_free(role);
		param_release(globals_params, &globals);
		param_release(role_client_params, &settings);
		free(main_cf);
	}
}

static void
late_failure_is_logged_once(void **state)
{
	struct role_client_settings settings;
	struct globals globals;

	(void)state;
	load("smtp_tls_security_level = may\nsmtp_tls_fingerprint_digest = bogus\n", &settings, &globals);
	fixture_log_clear();
	struct role_client *role = role_client_new(&settings, &globals, true);
	struct tlsproxy_client_request request = client_request(37);

	assert_int_equal(fixture_log_count("TLS client initialization failed"), 0);
	for (int i = 0; i < 2; i++)
		context_for(role, &request);
	assert_int_equal(fixture_log_count("TLS client initialization failed"), 1);
	assert_null(role_client_expected(role));
	role_client_free(role);
	param_release(globals_params, &globals);
	param_release(role_client_params, &settings);
}

static void
exchange_reaches_requests_that_name_the_same_files(void **state)
{
	struct fixture_cert cert =
	    fixture_make((struct fixture_kind){ .cn = "client", .key = EVP_EC_gen("P-256") });
	const char *path = fixture_file("client.crt", cert.cert_pem);
	char *main_cf = alloc_printf("smtp_tls_security_level = may\nsmtp_tls_loglevel = 1\n"
				     "smtp_tls_scert_verifydepth = 9\nsmtp_tls_CAfile = %s\n",
	    path);
	struct tlsproxy_client_request same[] = { client_request(37), client_request(312) };
	struct tlsproxy_client_request related = client_request(37), other = client_request(37);
	struct role_client_settings settings;
	struct globals globals;

	(void)state;
	load(main_cf, &settings, &globals);
	struct role_client *role = role_client_new(&settings, &globals, false);

	same[0].init.CAfile = same[1].init.CAfile = related.init.CAfile = path;
	related.init.verifydepth = 3;
	assert_non_null(role_client_expected(role));
	for (size_t i = 0; i < COUNT(same); i++)
		assert_ptr_equal(context_for(role, &same[i]), role_client_expected(role));

	struct context *was_related = role_client_context(role, &related);
	struct context *was_other = role_client_context(role, &other);
	struct context *new = role_client_rebuild(role, NULL, NULL);

	assert_ptr_not_equal(new, role_client_expected(role));
	role_client_exchange(role, new);
	for (size_t i = 0; i < COUNT(same); i++)
		assert_ptr_equal(context_for(role, &same[i]), new);
	assert_ptr_not_equal(context_for(role, &related), was_related);
	assert_ptr_equal(context_for(role, &other), was_other);
	context_unref(was_other);
	context_unref(was_related);
	role_client_free(role);
	param_release(globals_params, &globals);
	param_release(role_client_params, &settings);
	free(main_cf);
	fixture_cert_release(&cert);
}

/* In lists that differ, or under another parameter. */
static void
exchange_reaches_requests_that_share_a_file(void **state)
{
	struct fixture_cert cert =
	    fixture_make((struct fixture_kind){ .cn = "client", .key = EVP_EC_gen("P-256") });
	struct fixture_cert another = fixture_make(
	    (struct fixture_kind){ .cn = "client", .key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") });
	char *pem = alloc_printf("%s%s", cert.key_pem, cert.cert_pem);
	char *other_pem = alloc_printf("%s%s", another.key_pem, another.cert_pem);
	char *renewed = alloc_string(fixture_file("renewed.pem", pem));
	char *other = alloc_string(fixture_file("other.pem", other_pem));
	char *both = alloc_printf("%s, %s", other, renewed);
	char *main_cf = alloc_printf("smtp_tls_security_level = may\nsmtp_tls_chain_files = %s\n", renewed);
	struct tlsproxy_client_request requests[] = { client_request(37), client_request(37),
		client_request(37) };
	struct context *before[COUNT(requests)];
	struct role_client_settings settings;
	struct globals globals;

	(void)state;
	load(main_cf, &settings, &globals);
	struct role_client *role = role_client_new(&settings, &globals, false);

	requests[0].init.chain_files = both;
	requests[1].init.cert_file = requests[1].init.key_file = renewed;
	requests[2].init.chain_files = other;
	for (size_t i = 0; i < COUNT(requests); i++) {
		before[i] = role_client_context(role, &requests[i]);
		assert_non_null(before[i]);
	}
	role_client_exchange(role, role_client_rebuild(role, NULL, NULL));
	assert_ptr_not_equal(context_for(role, &requests[0]), before[0]);
	assert_ptr_not_equal(context_for(role, &requests[1]), before[1]);
	assert_ptr_equal(context_for(role, &requests[2]), before[2]);

	for (size_t i = 0; i < COUNT(requests); i++)
		context_unref(before[i]);
	role_client_free(role);
	param_release(globals_params, &globals);
	param_release(role_client_params, &settings);
	free(main_cf);
	free(both);
	free(other);
	free(renewed);
	free(other_pem);
	free(pem);
	fixture_cert_release(&another);
	fixture_cert_release(&cert);
}

static void
files_are_all_that_a_context_is_made_of(void **state)
{
	static const struct {
		const char *main_cf;
		const char *files; /* each with "!" if it is needed */
		bool certificates;
	} cases[] = {
		{ "", "", false },
		{ "smtp_tls_CAfile = /ca\n", "/ca!", false },
		{ "smtp_tls_CApath = /path\nsmtp_tls_CAfile = /ca\n", "/ca! /path", false },
		{ "smtp_tls_cert_file = /c\nsmtp_tls_eccert_file = /e\nsmtp_tls_eckey_file = /k\n",
		    "/c! /e! /k!", true },
		{ "smtp_tls_chain_files = /a, /b\nsmtp_tls_cert_file = /c\n", "/a! /b!", true },
		{ "smtp_tls_CAfile = /ca\ntlsproxy_client_security_level = none\n", "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *main_cf = alloc_printf("smtp_tls_security_level = may\n%s", cases[i].main_cf);
		struct buf words = BUF_INIT;
		struct role_client_settings settings;
		struct role_files files;
		struct globals globals;

		load(main_cf, &settings, &globals);
		role_files_of_client(&files, &settings, &globals);
		for (size_t j = 0; j < files.count; j++)
			buf_printf(&words, "%s%s%s", j > 0 ? " " : "", files.names[j].path,
			    files.names[j].needed ? "!" : "");
		assert_string_equal(buf_str(&words), cases[i].files);
		assert_int_equal(files.certificates, cases[i].certificates);
		buf_release(&words);
		role_files_release(&files);
		param_release(globals_params, &globals);
		param_release(role_client_params, &settings);
		free(main_cf);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(role_is_on_when_main_cf_says_so),
		cmocka_unit_test(defaults_are_those_of_smtp),
		cmocka_unit_test(bad_certificate_does_not_turn_the_role_off),
		cmocka_unit_test(context_without_files_waits_for_the_first_request),
		cmocka_unit_test(late_failure_is_logged_once),
		cmocka_unit_test(exchange_reaches_requests_that_name_the_same_files),
		cmocka_unit_test(exchange_reaches_requests_that_share_a_file),
		cmocka_unit_test(files_are_all_that_a_context_is_made_of),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
