/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"

#include <sys/wait.h>

#include "self_path.h"
#include "mail/map_list.h"
#include "tls/context.h"
#include "tls/loglevel.h"
#include "tls/option.h"

static struct fixture_cert server_cert;
static const char *key_and_cert; /* path */
static const char *cert_only;

static int
setup(void **state)
{
	int result = fixture_setup(state);
	char *pem;

	server_cert =
	    fixture_make((struct fixture_kind){ .cn = "server", .key = EVP_EC_gen("P-256"), .ca = true });
	pem = alloc_printf("%s%s", server_cert.key_pem, server_cert.cert_pem);
	key_and_cert = fixture_file("server.pem", pem);
	cert_only = fixture_file("cert.pem", server_cert.cert_pem);
	free(pem);
	return result;
}

static int
teardown(void **state)
{
	fixture_cert_release(&server_cert);
	return fixture_teardown(state);
}

static struct context_server_settings
good_settings(void)
{
	return (struct context_server_settings){
		.log_param = "smtpd_tls_loglevel",
		.log_level = "1",
		.verifydepth = 9,
		.always_issue_session_ids = true,
		.chain_files = key_and_cert,
		.protocols = ">=TLSv1",
		.eecdh_auto_curves = "X25519 X448 prime256v1 secp521r1 secp384r1",
		.fingerprint_digest = "sha256",
		.cipher_grades = { .high = "aNULL:-aNULL:HIGH:@STRENGTH",
		    .medium = "aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH",
		    .null = "eNULL:!aNULL" },
		.ciphers = "medium",
		.session_ticket_cipher = "aes-256-cbc",
		.cache_policy = { .cachable = true, .timeout_s = 3600 },
	};
}

static void
good_settings_make_a_complete_context(void **state)
{
	struct context_server_settings settings = good_settings();
	struct context *context;
	SSL_CTX *ctx;
	SSL *ssl;

	(void)state;
	fixture_log_clear();
	settings.ask_ccert = true;
	settings.CAfile = cert_only;
	settings.server_sni_maps = map_list_new("tls_server_sni_maps", "static:nothing", 0);
	context = context_new_server(&settings);
	map_list_unref(settings.server_sni_maps);
	assert_non_null(context);
	ctx = context_ssl_ctx(context);
	assert_int_equal(SSL_CTX_get_security_level(ctx), 0);
	assert_int_equal(SSL_CTX_get_verify_depth(ctx), 10);
	assert_int_equal(SSL_CTX_get_verify_mode(ctx), SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE);
	assert_int_equal(SSL_CTX_get_timeout(ctx), 7200);
	assert_int_equal(SSL_CTX_get_num_tickets(ctx), 1);
	assert_int_equal(SSL_CTX_get_session_cache_mode(ctx),
	    SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR);
	assert_false(SSL_CTX_get_options(ctx) & (SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE));
	assert_int_equal(SSL_CTX_get_min_proto_version(ctx), TLS1_VERSION);
	assert_int_equal(sk_X509_NAME_num(SSL_CTX_get_client_CA_list(ctx)), 1);
	assert_int_equal(sk_X509_NAME_num(SSL_CTX_get_client_CA_list(context_sni_ssl_ctx(context))), 1);
	assert_non_null(SSL_CTX_get0_certificate(ctx));
	assert_null(SSL_CTX_get0_certificate(context_sni_ssl_ctx(context)));
	assert_true(context_tickets(context));
	assert_int_equal(context_log_mask(context), LOGLEVEL_SUMMARY);
	ssl = context_new_ssl(context, "Client[1.2.3.4]");
	assert_non_null(ssl);
	assert_int_equal(SSL_get_security_level(ssl), 0);
	SSL_free(ssl);
	fixture_log_is("");
	assert_ptr_equal(context_ref(context), context);
	context_unref(context);
	context_unref(context);
	context_unref(NULL);
}

enum field {
	PROTOCOLS,
	DIGEST,
	CHAIN,
	CERT,
	CAFILE,
	CURVES,
	TICKET,
	LEVEL,
	DH_FILE,
	SSL_OPTIONS,
	WORKAROUNDS
};

static void
wrong_settings_warn_in_the_words_of_postfix(void **state)
{
	static const struct {
		enum field field;
		const char *value;
		bool active;
		const char *lines;
	} cases[] = {
		{ PROTOCOLS, "bogus", false,
		    "warning: Invalid TLS protocol list \"bogus\": disabling TLS support\n" },
		{ DIGEST, "bogus", false,
		    "warning: Digest algorithm \"bogus\" not found\nwarning: disabling TLS support\n" },
		{ CHAIN, "/nonexistent", true,
		    "warning: error opening chain file: /nonexistent: No such file or directory\n" },
		{ CERT, "/nonexistent", false,
		    "warning: error opening chain file: /nonexistent: No such file or directory\n" },
		{ CAFILE, "/nonexistent", false,
		    "cannot load Certification Authority data, CAfile=\"/nonexistent\", "
		    "CApath=\"/some/where\":"
		    " disabling TLS support\nwarning: TLS library problem: *\nwarning: TLS library problem: "
		    "*\n"
		    "warning: TLS library problem: *\n" },
		{ CURVES, "bogus,P-256", true,
		    "warning: ignoring unknown ECDHE curve \"bogus\"\nwarning: ignoring unknown ECDHE curve "
		    "\"bogus\"\n" },
		{ TICKET, "aes-128-gcm", true,
		    "warning: tls_session_ticket_cipher: invalid value: aes-128-gcm; session tickets "
		    "disabled\n" },
		{ TICKET, "bogus", true,
		    "warning: tls_session_ticket_cipher: invalid value: bogus; session tickets disabled\n" },
		{ TICKET, "AES-256-CBC-CTS", true,
		    "warning: tls_session_ticket_cipher: invalid value: AES-256-CBC-CTS; session tickets "
		    "disabled\n" },
		{ TICKET, "seed-cbc", true,
		    "warning: tls_session_ticket_cipher: invalid value: seed-cbc; session tickets "
		    "disabled\n" },
		{ TICKET, "aes-128-cbc-hmac-sha1", true,
		    "warning: tls_session_ticket_cipher: invalid value: aes-128-cbc-hmac-sha1; session "
		    "tickets disabled\n" },
		{ TICKET, "", true, "" },
		{ LEVEL, "bogus", true,
		    "warning: unknown smtpd_tls_loglevel value \"bogus\" in \"bogus\"\n" },
		{ LEVEL, "1,verbose", true, "initializing the server-side TLS engine\n" },
		{ DH_FILE, "/nonexistent", true,
		    "warning: error opening DH parameter file \"/nonexistent\": No such file or directory -- "
		    "using"
		    " compiled-in defaults\n" },
		{ SSL_OPTIONS, "no_ticket, bogus", true,
		    "warning: unknown tls_ssl_options value \"bogus\" in \"no_ticket, bogus\"\n" },
		{ WORKAROUNDS, "zzz CRYPTOPRO_TLSEXT_BUG", true,
		    "warning: unknown tls_disable_workarounds value \"zzz\" in \"zzz "
		    "CRYPTOPRO_TLSEXT_BUG\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct context_server_settings settings = good_settings();
		const char **const fields[] = {
			[PROTOCOLS] = &settings.protocols,
			[DIGEST] = &settings.fingerprint_digest,
			[CHAIN] = &settings.chain_files,
			[CERT] = &settings.cert_file,
			[CAFILE] = &settings.CAfile,
			[CURVES] = &settings.eecdh_auto_curves,
			[TICKET] = &settings.session_ticket_cipher,
			[LEVEL] = &settings.log_level,
			[DH_FILE] = &settings.dh1024_param_file,
			[SSL_OPTIONS] = &settings.ssl_options,
			[WORKAROUNDS] = &settings.disable_workarounds,
		};
		struct context *context;

		print_message("case %zu: \"%s\"\n", i, cases[i].value);
		*fields[cases[i].field] = cases[i].value;
		if (cases[i].field == CERT)
			settings.chain_files = NULL;
		if (cases[i].field == CAFILE)
			settings.CApath = "/some/where";
		fixture_log_clear();
		context = context_new_server(&settings);
		assert_int_equal(context != NULL, cases[i].active);
		fixture_log_is(cases[i].lines);
		if (context && (cases[i].field == TICKET || cases[i].field == SSL_OPTIONS)) {
			assert_false(context_tickets(context));
			assert_true(SSL_CTX_get_options(context_ssl_ctx(context)) & SSL_OP_NO_TICKET);
		}
		assert_int_equal(ERR_peek_error(), 0);
		context_unref(context);
	}
}

static void
only_the_first_failing_step_logs(void **state)
{
	struct context_server_settings settings = good_settings();

	(void)state;
	settings.chain_files = "/nonexistent";
	settings.fingerprint_digest = "bogus";
	fixture_log_clear();
	assert_null(context_new_server(&settings));
	fixture_log_is("warning: Digest algorithm \"bogus\" not found\n"
		       "warning: disabling TLS support\n");
	settings.protocols = "bogus";
	fixture_log_clear();
	assert_null(context_new_server(&settings));
	fixture_log_is("warning: Invalid TLS protocol list \"bogus\": disabling TLS support\n");
}

static void
bad_ciphers_show_when_a_session_starts(void **state)
{
	static const struct {
		const char *grade;
		const char *exclusions;
		const char *lines;
	} cases[] = {
		{ "bogus", "", "warning: client[1.2.3.4]: invalid cipher grade: \"bogus\"\n" },
		{ "high", "!aNULL",
		    "warning: client[1.2.3.4]: invalid unary '!+-@' in cipher exclusion: !aNULL\n" },
		{ "null", "aNULL eNULL",
		    "warning: client[1.2.3.4]: error setting cipher grade: \"null\"\n"
		    "warning: TLS library problem: error:0A0000B9:SSL routines::no cipher match:*\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct context_server_settings settings = good_settings();
		struct context *context;

		settings.ciphers = cases[i].grade;
		settings.exclude_ciphers = cases[i].exclusions;
		fixture_log_clear();
		context = context_new_server(&settings);
		assert_non_null(context);
		fixture_log_is("");
		for (int session = 0; session < 2; session++) {
			fixture_log_clear();
			assert_null(context_new_ssl(context, "CLIENT[1.2.3.4]"));
			fixture_log_is(cases[i].lines);
		}
		context_unref(context);
	}
}

static void
verbose_session_shows_its_cipher_list(void **state)
{
	struct context_server_settings settings = good_settings();
	struct context *context;
	SSL *ssl;

	(void)state;
	settings.log_level = "verbose";
	settings.exclude_ciphers = "aNULL";
	settings.require_ccert = true;
	context = context_new_server(&settings);
	assert_int_equal(context_log_mask(context), LOGLEVEL_VERBOSE | LOGLEVEL_UNTRUSTED);
	fixture_log_clear();
	ssl = context_new_ssl(context, "CLIENT[1.2.3.4]");
	fixture_log_is(
	    "setting up TLS connection from CLIENT[1.2.3.4]\n"
	    "CLIENT[1.2.3.4]: TLS cipher list \"aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH:!aNULL\"\n");
	assert_int_equal(SSL_get_security_level(ssl), 1);
	SSL_free(ssl);
	context_unref(context);
}

static void
cache_mode_follows_the_policy(void **state)
{
	struct context_server_settings settings = good_settings();
	struct context *context;

	(void)state;
	settings.cache_policy = (struct context_cache_policy){ 0 };
	settings.always_issue_session_ids = false;
	context = context_new_server(&settings);
	assert_false(context_tickets(context));
	assert_int_equal(SSL_CTX_get_session_cache_mode(context_ssl_ctx(context)), SSL_SESS_CACHE_OFF);
	context_unref(context);
	settings.always_issue_session_ids = true;
	context = context_new_server(&settings);
	assert_int_not_equal(SSL_CTX_get_session_cache_mode(context_ssl_ctx(context)), SSL_SESS_CACHE_OFF);
	context_unref(context);
}

static void
options_keep_what_is_not_for_the_administrator(void **state)
{
	uint64_t base = option_bits(NULL, NULL);

	(void)state;
	fixture_log_clear();
	assert_int_equal(base & SSL_OP_ALL, SSL_OP_ALL);
	assert_true(base & SSL_OP_IGNORE_UNEXPECTED_EOF);
	assert_int_equal(option_bits("", ""), base);
	assert_int_equal(
	    base & ~option_bits("tlsext_padding", ""), SSL_OP_TLSEXT_PADDING | SSL_OP_SAFARI_ECDHE_ECDSA_BUG);
	assert_int_equal(base & ~option_bits("0x10,CVE-2005-2969", ""), 0x10 | SSL_OP_SAFARI_ECDHE_ECDSA_BUG);
	assert_true(option_bits("0xffffffff", "") & SSL_OP_IGNORE_UNEXPECTED_EOF);
	assert_int_equal(
	    option_bits("", "0xffffffff") & (SSL_OP_NO_SSL_MASK | SSL_OP_CIPHER_SERVER_PREFERENCE), 0);
	assert_int_equal(option_bits("", "NO_COMPRESSION no_renegotiation") & ~base,
	    (SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION) & ~base);
	fixture_log_is("");
}

/* The library reads its configuration once a process, so each case gets one. */
static void
config_file_must_load_when_named(void **state)
{
	static const struct {
		const char *file;
		const char *name;
		bool active;
		const char *lines;
	} cases[] = {
		{ "default", "", true, "" },
		{ "none", "", true, "" },
		{ "relative", "", false,
		    "warning: non-default tls_config_file = relative is not an absolute pathname, disabling "
		    "TLS"
		    " support\n" },
		{ "/nonexistent", "", false,
		    "warning: error loading the 'global' settings from the /nonexistent OpenSSL "
		    "configuration file,"
		    " disabling TLS support\nwarning: TLS library problem: *\nwarning: TLS library problem: "
		    "*\n"
		    "warning: TLS library problem: *\n" },
		{ "default", "mail", true, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int status;
		char index[4];
		pid_t pid;

		print_message("tls_config_file = %s\n", cases[i].file);
		snprintf(index, sizeof index, "%zu", i);
		fflush(NULL);
		pid = fork();
		if (pid == 0) {
			execl(self_path(), "test_context", cases[i].file, cases[i].name,
			    cases[i].active ? "1" : "0", cases[i].lines, (char *)NULL);
			_exit(9);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

/* The child of the test above: nothing of the library was used yet. Starting without a certificate is enough.
 */
static int
try_config_file(char **argv)
{
	struct context_server_settings settings = good_settings();
	struct context *context;
	const char *got;

	settings.chain_files = NULL;
	settings.config_file = argv[1];
	settings.config_name = argv[2];
	fixture_log_clear();
	context = context_new_server(&settings);
	got = buf_str(&fixture_log);
	if ((context != NULL) != (*argv[3] == '1') || strcspn(got, "\n") != strcspn(argv[4], "\n") ||
	    strncmp(got, argv[4], strcspn(got, "\n")) != 0) {
		fprintf(stderr, "%s%s\n", got, context ? "active" : "off");
		return 1;
	}
	context_unref(context);
	buf_release(&fixture_log);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_settings_make_a_complete_context),
		cmocka_unit_test(wrong_settings_warn_in_the_words_of_postfix),
		cmocka_unit_test(only_the_first_failing_step_logs),
		cmocka_unit_test(bad_ciphers_show_when_a_session_starts),
		cmocka_unit_test(verbose_session_shows_its_cipher_list),
		cmocka_unit_test(cache_mode_follows_the_policy),
		cmocka_unit_test(options_keep_what_is_not_for_the_administrator),
		cmocka_unit_test(config_file_must_load_when_named),
	};

	if (argc == 5)
		return try_config_file(argv);
	return cmocka_run_group_tests(tests, setup, teardown);
}
