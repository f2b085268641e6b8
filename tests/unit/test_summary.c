/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"

#include "tls/context.h"
#include "tls/loglevel.h"
#include "tls/summary.h"
#include "tls/verify.h"

static struct fixture_cert ca, middle, rsa, ec, ed, client, client_ec, stranger, expired, future, server_only,
    deep;
static const char *ca_path;

static int
setup(void **state)
{
	int result = fixture_setup(state);
	struct fixture_kind of_ca = { .issuer = &ca };

	ca = fixture_make((struct fixture_kind){ .cn = "the ca", .key = EVP_EC_gen("P-256"), .ca = true });
	of_ca.cn = "middle", of_ca.key = EVP_EC_gen("P-256"), of_ca.ca = true;
	middle = fixture_make(of_ca);
	of_ca.ca = false;
	of_ca.cn = "rsa", of_ca.key = fixture_key("rsa.key");
	rsa = fixture_make(of_ca);
	of_ca.cn = "ec", of_ca.key = EVP_EC_gen("P-256");
	ec = fixture_make(of_ca);
	of_ca.cn = "ed", of_ca.key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	ed = fixture_make(of_ca);
	of_ca.cn = "client", of_ca.key = fixture_key("rsa2.key");
	client = fixture_make(of_ca);
	of_ca.cn = "client", of_ca.key = EVP_EC_gen("P-384");
	client_ec = fixture_make(of_ca);
	of_ca.cn = "old", of_ca.key = EVP_EC_gen("P-256"), of_ca.from_s = -7200, of_ca.to_s = -3600;
	expired = fixture_make(of_ca);
	of_ca.cn = "young", of_ca.key = EVP_EC_gen("P-256"), of_ca.from_s = 3600, of_ca.to_s = 7200;
	future = fixture_make(of_ca);
	of_ca.from_s = of_ca.to_s = 0;
	of_ca.cn = "web", of_ca.key = EVP_EC_gen("P-256"), of_ca.purpose = "serverAuth";
	server_only = fixture_make(of_ca);
	stranger = fixture_make((struct fixture_kind){ .cn = "stranger", .key = EVP_EC_gen("P-256") });
	deep = fixture_make(
	    (struct fixture_kind){ .cn = "deep", .key = EVP_EC_gen("P-256"), .issuer = &middle });
	ca_path = fixture_file("ca.pem", ca.cert_pem);
	return result;
}

static int
teardown(void **state)
{
	struct fixture_cert *all[] = { &ca, &middle, &rsa, &ec, &ed, &client, &client_ec, &stranger, &expired,
		&future, &server_only, &deep };

	for (size_t i = 0; i < COUNT(all); i++)
		fixture_cert_release(all[i]);
	return fixture_teardown(state);
}

struct trial {
	const struct fixture_cert *server;        /* NULL: anonymous */
	const struct fixture_cert *client;        /* NULL: without certificate */
	const struct fixture_cert *client_issuer; /* sent along */
	const char *level;
	const char *curves; /* NULL: X25519 */
	const char *groups; /* of the client; NULL: the library's */
	int version;
	int depth;
	const char *sni;
	bool no_ca;
};

/* Runs one handshake, or two of which the second resumes the first, and leaves summary and log of the last.
 */
static void
run(struct trial trial, bool resume, struct summary *summary)
{
	char *chain =
	    trial.server ? alloc_printf("%s%s", trial.server->key_pem, trial.server->cert_pem) : NULL;
	struct context_server_settings settings = {
		.log_level = trial.level,
		.log_param = "smtpd_tls_loglevel",
		.verifydepth = trial.depth,
		.chain_files = chain ? fixture_file("chain.pem", chain) : NULL,
		.CAfile = trial.no_ca ? NULL : ca_path,
		.eecdh_auto_curves = trial.curves ? trial.curves : "X25519",
		.ffdhe_auto_groups = trial.groups,
		.fingerprint_digest = "sha256",
		.ask_ccert = trial.server != NULL,
		.cipher_grades = { .medium = "aNULL:-aNULL:HIGH:MEDIUM:@STRENGTH" },
		.ciphers = "medium",
		.session_ticket_cipher = "aes-256-cbc",
		.cache_policy = { .timeout_s = 3600 },
	};
	struct context *context = context_new_server(&settings);
	SSL_CTX *client_ctx = SSL_CTX_new(TLS_client_method());
	SSL_SESSION *session = NULL;

	assert_non_null(context);
	SSL_CTX_set_security_level(client_ctx, 0);
	SSL_CTX_set_cipher_list(client_ctx, trial.server ? "ECDHE" : "ALL:aNULL");
	SSL_CTX_set_max_proto_version(client_ctx, trial.version);
	if (trial.groups)
		assert_true(SSL_CTX_set1_groups_list(client_ctx, trial.groups));
	if (trial.client)
		assert_true(
		    SSL_CTX_use_cert_and_key(client_ctx, trial.client->cert, trial.client->key, NULL, 1));
	if (trial.client_issuer)
		SSL_CTX_add1_chain_cert(client_ctx, trial.client_issuer->cert);
	for (int round = 0; round <= resume; round++) {
		SSL *server = context_new_ssl(context, "Host.Example[1.2.3.4]");
		SSL *ssl = SSL_new(client_ctx);
		struct summary_input input = {
			.namaddr = "Host.Example[1.2.3.4]",
			.sni = trial.sni,
			.ticket_used = round > 0,
			.log_mask = context_log_mask(context),
		};
		struct verify verify;

		verify_init(&verify, "host.example[1.2.3.4]", context_log_mask(context));
		assert_int_equal(verify_attach(&verify, server), 0);
		if (session)
			SSL_set_session(ssl, session);
		fixture_log_clear();
		assert_true(fixture_handshake(server, ssl));
		if (round > 0) {
			summary_release(summary);
			assert_true(SSL_session_reused(server));
		}
		summary_from_server(summary, server, context, &verify, &input);
		if (input.log_mask & LOGLEVEL_SUMMARY)
			summary_log(summary);
		verify_release(&verify);
		SSL_SESSION_free(session);
		session = SSL_get1_session(ssl);
		SSL_shutdown(ssl);
		SSL_free(server);
		SSL_free(ssl);
	}
	SSL_SESSION_free(session);
	SSL_CTX_free(client_ctx);
	context_unref(context);
	free(chain);
}

#define HEAD  " TLS connection established from host.example[1.2.3.4]"
#define TLS13 ": TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)"

static void
summary_line_is_exact(void **state)
{
	static const struct {
		const char *name;
		struct trial trial;
		bool resume;
		const char *line;
	} cases[] = {
		{ "TLS 1.2 RSA", { .server = &rsa, .version = TLS1_2_VERSION }, false,
		    "Anonymous" HEAD ": TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)\n" },
		{ "TLS 1.3 RSA", { .server = &rsa, .version = TLS1_3_VERSION }, false,
		    "Anonymous" HEAD TLS13
		    " key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest"
		    "*\n" },
		{ "TLS 1.3 ECDSA with client certificate",
		    { .server = &ec, .client = &client, .version = TLS1_3_VERSION }, false,
		    "Trusted" HEAD TLS13
		    " key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256"
		    " client-signature RSA-PSS (2048 bits) client-digest SHA256\n" },
		{ "ECDSA client", { .server = &ec, .client = &client_ec, .version = TLS1_3_VERSION }, false,
		    "Trusted" HEAD TLS13
		    " key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256"
		    " client-signature ECDSA (secp384r1) client-digest SHA384\n" },
		{ "Ed25519, SNI", { .server = &ed, .version = TLS1_3_VERSION, .sni = "mx.example" }, false,
		    "Anonymous" HEAD " to mx.example" TLS13
		    " key-exchange X25519 server-signature ED25519\n" },
		{ "NIST curve", { .server = &ed, .version = TLS1_3_VERSION, .curves = "prime256v1" }, false,
		    "Anonymous" HEAD TLS13 " key-exchange ECDHE (prime256v1) server-signature ED25519\n" },
		{ "X448", { .server = &ed, .version = TLS1_3_VERSION, .curves = "X448" }, false,
		    "Anonymous" HEAD TLS13 " key-exchange X448 server-signature ED25519\n" },
		{ "finite field",
		    { .server = &ed, .version = TLS1_3_VERSION, .curves = "", .groups = "ffdhe2048" }, false,
		    "Anonymous" HEAD TLS13 " key-exchange DHE (2048 bits) server-signature ED25519\n" },
		{ "resumed", { .server = &ec, .client = &client, .version = TLS1_3_VERSION }, true,
		    "Trusted" HEAD TLS13
		    " key-exchange X25519 server-signature ECDSA (prime256v1) client-signature"
		    " RSA-PSS (2048 bits)\n" },
		{ "untrusted",
		    { .server = &rsa, .client = &stranger, .version = TLS1_2_VERSION, .curves = "P-256" },
		    false,
		    "Untrusted" HEAD ": TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)\n" },
		{ "anonymous", { .version = TLS1_2_VERSION }, false,
		    "Anonymous" HEAD ": TLSv1.2 with cipher ADH-AES256-GCM-SHA384 (256/256 bits)\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct trial trial = cases[i].trial;
		struct summary summary;

		print_message("%s\n", cases[i].name);
		trial.level = "1";
		trial.depth = 9;
		run(trial, cases[i].resume, &summary);
		fixture_log_is(cases[i].line);
		assert_int_equal(summary.session_reused, cases[i].resume);
		summary_release(&summary);
	}
}

static void
fields_are_filled_for_the_caller(void **state)
{
	struct summary summary;

	(void)state;
	run(
	    (struct trial){
		.server = &rsa, .client = &client_ec, .level = "0", .version = TLS1_3_VERSION, .depth = 9 },
	    false, &summary);
	fixture_log_is("");
	assert_string_equal(summary.peer_CN, "client");
	assert_string_equal(summary.issuer_CN, "the ca");
	assert_int_equal(strlen(summary.peer_fingerprint), 95);
	assert_int_equal(strlen(summary.peer_pubkey_fingerprint), 95);
	assert_int_equal(summary.peer_status, SUMMARY_PRESENT | SUMMARY_TRUSTED);
	assert_int_equal(summary.level, 0);
	assert_string_equal(summary.protocol, "TLSv1.3");
	assert_string_equal(summary.cipher_name, "TLS_AES_256_GCM_SHA384");
	assert_int_equal(summary.cipher_usebits, 256);
	assert_int_equal(summary.cipher_algbits, 256);
	assert_string_equal(summary.key_exchange, "X25519");
	assert_string_equal(summary.key_exchange_curve, "");
	assert_string_equal(summary.clnt_signature.name, "ECDSA");
	assert_string_equal(summary.clnt_signature.curve, "secp384r1");
	assert_string_equal(summary.clnt_signature.digest, "SHA384");
	assert_string_equal(summary.srvr_signature.name, "RSA-PSS");
	assert_int_equal(summary.srvr_signature.bits, 2048);
	assert_string_equal(summary.namaddr, "host.example[1.2.3.4]");
	assert_null(summary.peer_sni);
	summary_release(&summary);

	run((struct trial){ .server = &rsa, .level = "0", .version = TLS1_2_VERSION, .depth = 9 }, false,
	    &summary);
	assert_string_equal(summary.peer_CN, "");
	assert_string_equal(summary.issuer_CN, "");
	assert_string_equal(summary.peer_fingerprint, "");
	assert_string_equal(summary.peer_pubkey_fingerprint, "");
	assert_int_equal(summary.peer_status, 0);
	assert_string_equal(summary.key_exchange, "");
	assert_string_equal(summary.srvr_signature.name, "");
	summary_release(&summary);
}

static void
untrusted_client_is_explained_once(void **state)
{
	static const struct {
		struct trial trial;
		const char *line;
	} cases[] = {
		{ { .client = &client }, "" },
		{ { .client = &stranger },
		    "certificate verification failed for host.example[1.2.3.4]: self-signed certificate\n" },
		{ { .client = &client, .no_ca = true },
		    "certificate verification failed for host.example[1.2.3.4]: untrusted issuer /CN=the "
		    "ca\n" },
		{ { .client = &expired }, "client certificate verification failed for host.example[1.2.3.4]: "
					  "certificate has expired\n" },
		{ { .client = &future }, "client certificate verification failed for host.example[1.2.3.4]: "
					 "certificate not yet valid\n" },
		{ { .client = &server_only }, "certificate verification failed for host.example[1.2.3.4]: "
					      "not designated for use as a client"
					      " certificate\n" },
		{ { .client = &deep, .client_issuer = &middle }, "" },
		{ { .client = &deep, .client_issuer = &middle, .depth = -1 },
		    "certificate verification failed for host.example[1.2.3.4]: certificate chain longer than"
		    " limit(0)\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct trial trial = cases[i].trial;
		struct summary summary;

		print_message("case %zu\n", i);
		trial.server = &ec;
		trial.level = "untrusted";
		trial.version = TLS1_3_VERSION;
		run(trial, false, &summary);
		fixture_log_is(cases[i].line);
		assert_int_equal(!!(summary.peer_status & SUMMARY_TRUSTED), !*cases[i].line);
		summary_release(&summary);
		if (!*cases[i].line)
			continue;
		run(trial, true, &summary);
		fixture_log_is(
		    "host.example[1.2.3.4]: re-using session with untrusted certificate, look for details"
		    " earlier in the log\n");
		summary_release(&summary);
	}
}

static void
details_come_in_the_order_of_postfix(void **state)
{
	struct summary summary;

	(void)state;
	run((struct trial){ .server = &ec,
		.client = &stranger,
		.level = "1,untrusted,verbose,cache",
		.version = TLS1_3_VERSION,
		.depth = 9 },
	    false, &summary);
	fixture_log_is("host.example[1.2.3.4]: depth=0 verify=0 subject=/CN=stranger\n"
		       "host.example[1.2.3.4]: depth=0 verify=1 subject=/CN=stranger\n"
		       "subject=/CN=stranger\n"
		       "issuer=/CN=stranger\n"
		       "host.example[1.2.3.4]: subject_CN=stranger, issuer=stranger, fingerprint=*\n"
		       "certificate verification failed for host.example[1.2.3.4]: self-signed certificate\n"
		       "Untrusted" HEAD "*\n");
	summary_release(&summary);
	run((struct trial){ .server = &ec,
		.client = &client,
		.level = "1,peercert,cache",
		.version = TLS1_3_VERSION,
		.depth = 9 },
	    true, &summary);
	fixture_log_is("host.example[1.2.3.4]: Reusing old session (RFC 5077 session ticket)\n"
		       "host.example[1.2.3.4]: subject_CN=client, issuer=the ca, fingerprint=*\n"
		       "Trusted" HEAD "*\n");
	summary_release(&summary);
}

static void
debug_level_traces_the_handshake(void **state)
{
	struct summary summary;

	(void)state;
	run((struct trial){ .server = &ec, .level = "ssl-debug", .version = TLS1_3_VERSION, .depth = 9 },
	    false, &summary);
	assert_int_equal(fixture_log_count("SSL_accept:SSLv3/TLS read client hello\n"), 1);
	assert_int_equal(fixture_log_count("SSL_accept:SSLv3/TLS write session ticket\n"), 1);
	assert_int_equal(fixture_log_count("error in"), 0);
	summary_release(&summary);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(summary_line_is_exact),
		cmocka_unit_test(fields_are_filled_for_the_caller),
		cmocka_unit_test(untrusted_client_is_explained_once),
		cmocka_unit_test(details_come_in_the_order_of_postfix),
		cmocka_unit_test(debug_level_traces_the_handshake),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
