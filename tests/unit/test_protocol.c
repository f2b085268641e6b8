/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"
#include "tsv.h"

#include "tls/protocol.h"

/* What a client session with this list negotiates with a server of one version, or nothing. */
static bool
negotiates(const struct protocol_set *set, int version)
{
	static SSL_CTX *server_ctx;
	static SSL_CTX *client_ctx;
	static struct fixture_cert cert;
	bool done;

	if (!server_ctx) {
		cert = fixture_make((struct fixture_kind){ .cn = "server", .key = EVP_EC_gen("P-256") });
		server_ctx = SSL_CTX_new(TLS_server_method());
		client_ctx = SSL_CTX_new(TLS_client_method());
		SSL_CTX_use_cert_and_key(server_ctx, cert.cert, cert.key, NULL, 0);
		SSL_CTX_set_security_level(server_ctx, 0);
		SSL_CTX_set_security_level(client_ctx, 0);
	}

	SSL *server = SSL_new(server_ctx);
	SSL *client = SSL_new(client_ctx);

	SSL_set_min_proto_version(server, version);
	SSL_set_max_proto_version(server, version);
	protocol_apply_session(set, client, "peer");
	done = fixture_handshake(server, client);
	if (done)
		assert_int_equal(SSL_version(client), version);
	SSL_free(server);
	SSL_free(client);
	ERR_clear_error();
	return done;
}

static void
every_list_enables_the_versions_of_the_vectors(void **state)
{
	static const int versions[] = { TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION };
	struct tsv tsv;
	int rows = 0;

	(void)state;
	assert_true(tsv_open(&tsv, "protocols"));
	while (tsv_next(&tsv)) {
		const char *list = strcmp(tsv.column[0], "(empty)") == 0 ? "" : tsv.column[0];
		struct protocol_set set;
		int result = protocol_parse(&set, list);

		print_message("list \"%s\"\n", list);
		rows++;
		if (strcmp(tsv.column[1], "INVALID") == 0) {
			assert_int_equal(result, -1);
			continue;
		}
		assert_int_equal(result, 0);
		fixture_log_clear();
		for (size_t i = 0; i < COUNT(versions); i++)
			assert_int_equal(
			    negotiates(&set, versions[i]), strcmp(tsv.column[i + 1], "yes") == 0);
		if (strstr(list, "=769"))
			assert_int_equal(
			    fixture_log_count("error setting minimum TLS version to: 0x0769"), 4);
		else
			fixture_log_is("");
	}
	assert_true(rows >= 46);
}

static void
limits_have_wire_numbers_and_the_last_wins(void **state)
{
	struct protocol_set set;

	(void)state;
	assert_int_equal(protocol_parse(&set, ">=TLSv1.1 <=0304:>=tlsv1.2"), 0);
	assert_int_equal(set.floor, 0x0303);
	assert_int_equal(set.ceiling, 0x0304);
	assert_int_equal(set.excluded, 0);
	assert_int_equal(protocol_parse(&set, "!SSLv2,!TLSv1"), 0);
	assert_int_equal(set.excluded, PROTOCOL_SSLV2 | PROTOCOL_TLSV1);
}

static void
server_context_ignores_a_refused_limit_silently(void **state)
{
	struct protocol_set set;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	(void)state;
	fixture_log_clear();
	assert_int_equal(protocol_parse(&set, ">=769, <=TLSv1.2, !TLSv1"), 0);
	protocol_apply(&set, ctx);
	assert_int_equal(SSL_CTX_get_min_proto_version(ctx), 0);
	assert_int_equal(SSL_CTX_get_max_proto_version(ctx), TLS1_2_VERSION);
	assert_true(SSL_CTX_get_options(ctx) & SSL_OP_NO_TLSv1);
	assert_int_equal(ERR_peek_error(), 0);
	fixture_log_is("");
	SSL_CTX_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_list_enables_the_versions_of_the_vectors),
		cmocka_unit_test(limits_have_wire_numbers_and_the_last_wins),
		cmocka_unit_test(server_context_ignores_a_refused_limit_silently),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
