/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"

#include <errno.h>

#include "tls/authority.h"
#include "util/file.h"

static struct fixture_cert one, two;

static int
set_up(void **state)
{
	one = fixture_make((struct fixture_kind){ .cn = "one", .key = EVP_EC_gen("P-256"), .ca = true });
	two = fixture_make((struct fixture_kind){ .cn = "two", .key = EVP_EC_gen("P-256"), .ca = true });
	return fixture_setup(state);
}

static int
tear_down(void **state)
{
	fixture_cert_release(&one);
	fixture_cert_release(&two);
	return fixture_teardown(state);
}

static const char *
file_of_three(void)
{
	char *pem = alloc_printf("%s%s%s%s", one.cert_pem, two.key_pem, two.cert_pem, one.cert_pem);
	const char *path = fixture_file("authorities.pem", pem);

	free(pem);
	return path;
}

static int
stored(SSL_CTX *ctx)
{
	return sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx)));
}

static void
file_gives_what_the_library_finds_in_it(void **state)
{
	const char *path = file_of_three();
	SSL_CTX *ours = SSL_CTX_new(TLS_server_method()), *library = SSL_CTX_new(TLS_server_method());

	(void)state;
	assert_int_equal(authority_load_file(ours, path, chain_read_file, NULL), 0);
	assert_true(SSL_CTX_load_verify_file(library, path));
	assert_int_equal(stored(ours), 2);
	assert_int_equal(stored(ours), stored(library));
	SSL_CTX_free(ours);
	SSL_CTX_free(library);
}

static void
names_are_those_of_the_library(void **state)
{
	const char *path = file_of_three();
	STACK_OF(X509_NAME) *ours = authority_names(path, chain_read_file, NULL);
	STACK_OF(X509_NAME) *library = SSL_load_client_CA_file(path);

	(void)state;
	assert_int_equal(sk_X509_NAME_num(ours), sk_X509_NAME_num(library));
	for (int i = 0; i < sk_X509_NAME_num(ours); i++)
		assert_int_equal(
		    X509_NAME_cmp(sk_X509_NAME_value(ours, i), sk_X509_NAME_value(library, i)), 0);
	sk_X509_NAME_pop_free(ours, X509_NAME_free);
	sk_X509_NAME_pop_free(library, X509_NAME_free);
}

static void
file_without_authorities_is_refused(void **state)
{
	const char *const paths[] = { fixture_file("empty.pem", ""), fixture_file("key.pem", one.key_pem),
		fixture_file("text.pem", "-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n"),
		"/nonexistent/authorities.pem" };

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

		assert_int_equal(authority_load_file(ctx, paths[i], chain_read_file, NULL), -1);
		assert_int_not_equal(ERR_peek_error(), 0);
		ERR_clear_error();
		SSL_CTX_free(ctx);
	}
}

static void
system_without_authorities_is_fine(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	(void)state;
	assert_int_equal(setenv(X509_get_default_cert_file_env(), "/nonexistent", 1), 0);
	assert_int_equal(authority_load_default(ctx, chain_read_file, NULL), 0);
	assert_int_equal(setenv(X509_get_default_cert_file_env(), file_of_three(), 1), 0);
	assert_int_equal(authority_load_default(ctx, chain_read_file, NULL), 0);
	assert_int_equal(stored(ctx), 2);
	SSL_CTX_free(ctx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_gives_what_the_library_finds_in_it),
		cmocka_unit_test(names_are_those_of_the_library),
		cmocka_unit_test(file_without_authorities_is_refused),
		cmocka_unit_test(system_without_authorities_is_fine),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
