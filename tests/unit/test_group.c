/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"
#include "tsv.h"

#include "tls/dh.h"
#include "tls/group.h"

/* The supported_groups extension of the ClientHello that `ctx` makes, as "29,23". */
static void
offered_groups(SSL_CTX *ctx, struct buf *groups)
{
	SSL *ssl = SSL_new(ctx);
	BIO *out = BIO_new(BIO_s_mem());
	unsigned char *hello;
	long len;
	size_t at;

	buf_clear(groups);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
	SSL_connect(ssl);
	len = BIO_get_mem_data(out, &hello);
	/* Record, handshake header, version, random; session id, ciphers, compressions. */
	at = 5 + 4 + 2 + 32;
	at += 1 + hello[at];
	at += 2 + (size_t)(hello[at] << 8 | hello[at + 1]);
	at += 1 + hello[at];
	at += 2;
	while (at + 4 <= (size_t)len) {
		size_t type = (size_t)(hello[at] << 8 | hello[at + 1]);
		size_t size = (size_t)(hello[at + 2] << 8 | hello[at + 3]);

		for (size_t i = 2; type == 10 && i + 1 < size; i += 2)
			buf_printf(
			    groups, "%s%d", i > 2 ? "," : "", hello[at + 4 + i] << 8 | hello[at + 5 + i]);
		at += 4 + size;
	}
	SSL_free(ssl);
	ERR_clear_error();
}

static const char *
setting(const char *column, const char *default_value)
{
	if (strcmp(column, "(default)") == 0)
		return default_value;
	return strcmp(column, "(empty)") == 0 ? "" : column;
}

static void
client_hello_offers_the_groups_of_the_vectors(void **state)
{
	struct buf groups = BUF_INIT;
	struct tsv tsv;
	int rows = 0;

	(void)state;
	/* The vectors were observed with the groups of OpenSSL 3.0. */
	if (OPENSSL_version_major() != 3 || OPENSSL_version_minor() > 4)
		skip();
	assert_true(tsv_open(&tsv, "groups"));
	while (tsv_next(&tsv)) {
		bool old = strncmp(tsv.column[0], "3.7", 3) == 0;
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		struct buf lines = BUF_INIT;
		char *warnings = alloc_string(tsv.column[4]);
		char *expected = alloc_string_n(tsv.column[3], strcspn(tsv.column[3], " "));

		print_message("%s: \"%s\" \"%s\"\n", tsv.column[0], tsv.column[1], tsv.column[2]);
		if (strcmp(warnings, "-") != 0) {
			char *second = strstr(warnings, " | ");

			if (second)
				*second = '\0';
			buf_printf(&lines, "warning: %s\n", warnings);
			if (second)
				buf_printf(&lines, "warning: %s\n", second + 3);
		}
		fixture_log_clear();
		group_configure(ctx,
		    setting(tsv.column[1], old ? "X25519 X448 prime256v1 secp521r1 secp384r1"
					       : "X25519 X448 prime256v1 secp384r1 secp521r1"),
		    old ? NULL : setting(tsv.column[2], "ffdhe2048 ffdhe3072"));
		fixture_log_is(buf_str(&lines));
		offered_groups(ctx, &groups);
		assert_string_equal(buf_str(&groups), expected);
		free(expected);
		free(warnings);
		buf_release(&lines);
		SSL_CTX_free(ctx);
		rows++;
	}
	assert_int_equal(rows, 9);
	buf_release(&groups);
}

static void
known_but_unsupported_curves_leave_the_library_choice(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	(void)state;
	fixture_log_clear();
	group_configure(ctx, "wap-wsg-idm-ecid-wtls1", NULL);
	fixture_log_is("warning: none of the configured ECDHE curves are supported\n");
	fixture_log_clear();
	group_configure(ctx, "bogus", NULL);
	fixture_log_is("warning: ignoring unknown ECDHE curve \"bogus\"\n");
	fixture_log_clear();
	group_configure(ctx, "", NULL);
	fixture_log_is("");
	SSL_CTX_free(ctx);
}

static void
dh_file_is_used_or_said_to_be_useless(void **state)
{
	EVP_PKEY *made = EVP_PKEY_new();
	EVP_PKEY_CTX *generator = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
	OSSL_PARAM group[] = { OSSL_PARAM_utf8_string("group", (char[]){ "ffdhe3072" }, 9), OSSL_PARAM_END };
	BIO *bio = BIO_new(BIO_s_mem());
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	const char *path;
	char *expected;
	char *bytes;
	char *pem;
	long len;

	(void)state;
	assert_true(EVP_PKEY_paramgen_init(generator) > 0 && EVP_PKEY_CTX_set_params(generator, group) > 0 &&
		    EVP_PKEY_paramgen(generator, &made) > 0);
	PEM_write_bio_Parameters(bio, made);
	len = BIO_get_mem_data(bio, &bytes);
	pem = alloc_string_n(bytes, (size_t)len);
	fixture_log_clear();
	assert_null(dh_load("auto", chain_read_file, NULL));
	assert_null(dh_load("", chain_read_file, NULL));

	EVP_PKEY *loaded = dh_load(fixture_file("dh.pem", pem), chain_read_file, NULL);

	assert_non_null(loaded);
	assert_int_equal(EVP_PKEY_get_bits(loaded), 3072);
	dh_apply(ctx, loaded);
	dh_apply(ctx, NULL);
	fixture_log_is("");
	assert_null(dh_load("/nonexistent", chain_read_file, NULL));
	fixture_log_is(
	    "warning: error opening DH parameter file \"/nonexistent\": No such file or directory -- using"
	    " compiled-in defaults\n");
	fixture_log_clear();
	path = fixture_file("none.pem", "nothing\n");
	assert_null(dh_load(path, chain_read_file, NULL));
	expected = alloc_printf(
	    "warning: error decoding DH parameters from file \"%s\" -- using compiled-in defaults\n"
	    "warning: TLS library problem: error:*\n",
	    path);
	fixture_log_is(expected);
	free(expected);
	free(pem);
	EVP_PKEY_free(loaded);
	EVP_PKEY_free(made);
	EVP_PKEY_CTX_free(generator);
	BIO_free(bio);
	SSL_CTX_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_hello_offers_the_groups_of_the_vectors),
		cmocka_unit_test(known_but_unsupported_curves_leave_the_library_choice),
		cmocka_unit_test(dh_file_is_used_or_said_to_be_useless),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
