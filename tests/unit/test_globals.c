/* SPDX-License-Identifier: ISC */
/* globals: parameters that both roles use. */
#include "tls_fixture.h"

#include "mail/maincf.h"
#include "mail/param.h"
#include "mail/tlsproxy_proto_client.h"
#include "mail/tlsproxy_proto_server.h"
#include "tls/context.h"
#include "tlsproxy/globals.h"
#include "tlsproxy/role_client.h"
#include "tlsproxy/role_server.h"
#include "util/err.h"

static struct globals globals;
static struct role_client_settings client_settings;
static struct role_server_settings server_settings;

static void
load(const char *main_cf)
{
	struct maincf *cf = maincf_new("", param_default);
	char *text = alloc_printf("compatibility_level = 3.6\n"
				  "tls_config_file = none\n"
				  "smtp_tls_security_level = may\n"
				  "smtpd_tls_security_level = may\n"
				  "smtpd_tls_cert_file = none\n%s",
	    main_cf);
	struct err err;

	assert_int_equal(maincf_parse(cf, text, strlen(text), &err), 0);
	assert_int_equal(param_load(cf, globals_params, &globals, &err), 0);
	assert_int_equal(param_load(cf, role_client_params, &client_settings, &err), 0);
	assert_int_equal(param_load(cf, role_server_params, &server_settings, &err), 0);
	maincf_free(cf);
	free(text);
}

static void
unload(void)
{
	param_release(globals_params, &globals);
	param_release(role_client_params, &client_settings);
	param_release(role_server_params, &server_settings);
}

static void
lists_of_groups_are_read_as_by_who_has_the_parameters(void **state)
{
	static const struct {
		const char *main_cf;
		const char *warning; /* "": none at all */
	} cases[] = {
		{ "tls_eecdh_auto_curves = X25519:P-256\n", "ignoring unknown ECDHE curve \"X25519:P-256\"" },
		{ "tls_eecdh_auto_curves = X25519:P-256\ntls_ffdhe_auto_groups = ffdhe2048\n", "" },
		{ "tls_eecdh_auto_curves = bogus\ntls_ffdhe_auto_groups = nonsense\n",
		    "none of the configured key exchange groups are supported" },
		{ "tls_eecdh_auto_curves = bogus\ntls_ffdhe_auto_groups = ffdhe2048\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		/* With the newer parameter a second line says what is done about it. */
		int lines = !*cases[i].warning ? 0 : strstr(cases[i].main_cf, "ffdhe") ? 2 : 1;

		load(cases[i].main_cf);
		fixture_log_clear();
		struct role_client *client = role_client_new(&client_settings, &globals, false);
		assert_non_null(client);
		role_client_free(client);
		if (fixture_log_count("warning: ") != lines ||
		    (lines > 0 && fixture_log_count(cases[i].warning) != 1))
			fail_msg("client role with %s", cases[i].main_cf);

		/* The server has two contexts, and warns for each. */
		fixture_log_clear();
		struct context *server = role_server_context(&server_settings, &globals);
		assert_non_null(server);
		context_unref(server);
		if (fixture_log_count("warning: ") != 2 * lines ||
		    (lines > 0 && fixture_log_count(cases[i].warning) != 2))
			fail_msg("server role with %s", cases[i].main_cf);
		unload();
	}
}

/* A caller of a version that has the parameter is not compared with one that does not. */
static void
groups_are_compared_when_they_are_set(void **state)
{
	struct tlsproxy_client_params client, caller;
	struct tlsproxy_server_params server;
	struct buf words = BUF_INIT;

	(void)state;
	load("");
	globals_as_client_params(&globals, &client);
	globals_as_server_params(&globals, &server);
	assert_null(client.ffdhe_auto_groups);
	assert_null(server.ffdhe_auto_groups);
	caller = client;
	caller.ffdhe_auto_groups = "ffdhe2048 ffdhe3072 ";
	assert_false(tlsproxy_proto_client_params_differ(&words, &client, &caller));
	unload();

	load("tls_ffdhe_auto_groups = ffdhe2048\n");
	globals_as_client_params(&globals, &client);
	globals_as_server_params(&globals, &server);
	caller = client;
	caller.ffdhe_auto_groups = "ffdhe2048 ffdhe3072 ";
	assert_string_equal(server.ffdhe_auto_groups, "ffdhe2048");
	assert_true(tlsproxy_proto_client_params_differ(&words, &client, &caller));
	assert_string_equal(buf_str(&words), "(server) 'tls_ffdhe_auto_groups=ffdhe2048' != (client) "
					     "'tls_ffdhe_auto_groups=ffdhe2048 ffdhe3072 '");
	buf_release(&words);
	unload();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_groups_are_read_as_by_who_has_the_parameters),
		cmocka_unit_test(groups_are_compared_when_they_are_set),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
