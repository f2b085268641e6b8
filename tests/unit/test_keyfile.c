/* SPDX-License-Identifier: ISC */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "postfix-tls/keyfile.h"
#include "tls/pemfile.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/now.h"

static char directory[] = "/tmp/keyfile-test.XXXXXX";
static char path[64];
static const char *const names[] = { "mx.example.test", "mail.example.test" };

static int
make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof path, "%s/file", directory);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static void
put(const struct buf *bytes)
{
	struct err err;

	unlink(path);
	assert_int_equal(file_create(path, bytes->bytes, bytes->len, 0600, &err), 0);
}

static struct pemfile *
look(const struct buf *pem)
{
	struct pemfile *pemfile = pemfile_new();

	pemfile_add(pemfile, "test", pem->bytes, pem->len);
	return pemfile;
}

static void
key_survives_its_file(void **state)
{
	static const struct {
		const char *name;
		enum keyfile_algorithm algorithm;
		const char *size;
		const char *start;
		bool uncommon;
	} cases[] = {
		{ "rsa 2048", KEYFILE_RSA, "2048", "-----BEGIN PRIVATE KEY-----", false },
		{ "rsa 1024", KEYFILE_RSA, "1024", "-----BEGIN PRIVATE KEY-----", true },
		{ "P-256", KEYFILE_ECDSA, "secp256r1", "-----BEGIN EC PARAMETERS-----", false },
		{ "P-384", KEYFILE_ECDSA, "secp384r1", "-----BEGIN EC PARAMETERS-----", false },
		{ "Ed25519", KEYFILE_ED25519, "", "-----BEGIN PRIVATE KEY-----", true },
		{ "Ed448", KEYFILE_ED448, "", "-----BEGIN PRIVATE KEY-----", true },
		{ "secp256k1", KEYFILE_ECDSA, "secp256k1", "-----BEGIN EC PARAMETERS-----", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf pem = BUF_INIT, before = BUF_INIT, after = BUF_INIT;
		struct err err;
		struct keyfile *key = keyfile_generate(cases[i].algorithm, cases[i].size, &err);
		struct keyfile *copy;
		struct pemfile *certs;

		print_message("  %s\n", cases[i].name);
		assert_non_null(key);
		assert_int_equal(keyfile_algorithm(key), cases[i].algorithm);
		assert_int_equal(keyfile_is_uncommon(key), cases[i].uncommon);
		assert_int_equal(keyfile_encode(key, KEYFILE_NEW, &pem, &err), 0);
		assert_memory_equal(pem.bytes, cases[i].start, strlen(cases[i].start));
		put(&pem);
		copy = keyfile_load(path, &err);
		assert_non_null(copy);
		assert_int_equal(keyfile_digest(key, 1, &before, &err), 0);
		assert_int_equal(keyfile_digest(copy, 1, &after, &err), 0);
		assert_int_equal(before.len, 64);
		assert_string_equal(before.bytes, after.bytes);

		buf_clear(&pem);
		assert_int_equal(keyfile_certificate(key, names, 2, &pem, &err), 0);
		put(&pem);
		certs = look(&pem);
		assert_int_equal(pemfile_count(certs), 1);
		assert_string_equal(pemfile_object(certs, 0)->digest, before.bytes);
		assert_int_equal(pemfile_object(certs, 0)->name_count, 2);
		pemfile_free(certs);
		keyfile_free(copy);
		keyfile_free(key);
		buf_release_secret(&pem);
		buf_release(&before);
		buf_release(&after);
	}
}

static void
copied_ec_key_is_one_block(void **state)
{
	struct buf pem = BUF_INIT;
	struct err err;
	struct keyfile *key = keyfile_generate(KEYFILE_ECDSA, "prime256v1", &err);

	(void)state;
	assert_int_equal(keyfile_encode(key, KEYFILE_COPY, &pem, &err), 0);
	assert_null(strstr(pem.bytes, "PARAMETERS"));
	assert_non_null(strstr(pem.bytes, "-----BEGIN EC PRIVATE KEY-----"));
	buf_release_secret(&pem);
	keyfile_free(key);
}

static void
bad_sizes_are_refused(void **state)
{
	static const struct {
		enum keyfile_algorithm algorithm;
		const char *size;
	} cases[] = { { KEYFILE_RSA, "abc" }, { KEYFILE_RSA, "256" }, { KEYFILE_RSA, "-2048" },
		{ KEYFILE_RSA, "99999999" }, { KEYFILE_ECDSA, "nosuchcurve" }, { KEYFILE_ECDSA, "2048" } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = { 0 };
		assert_null(keyfile_generate(cases[i].algorithm, cases[i].size, &err));
		assert_true(*err.text);
	}
}

static void
what_is_no_key_is_refused(void **state)
{
	struct buf text = BUF_INIT;
	struct err err;

	(void)state;
	assert_null(keyfile_load("/dev/zero", &err));
	assert_null(keyfile_load(directory, &err));
	assert_null(keyfile_load("/nonexistent", &err));
	buf_add_str(&text, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
	put(&text);
	assert_null(keyfile_load(path, &err));
	buf_clear(&text);
	put(&text);
	assert_null(keyfile_load(path, &err));
	buf_release(&text);
}

static void
the_key_of_an_algorithm_is_found_among_others(void **state)
{
	static const enum keyfile_algorithm order[] = { KEYFILE_ED25519, KEYFILE_ECDSA, KEYFILE_RSA };
	static const char *const sizes[] = { "", "secp256r1", "2048" };
	struct buf pem = BUF_INIT;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		struct keyfile *key = keyfile_generate(order[i], sizes[i], &err);
		assert_non_null(key);
		assert_int_equal(keyfile_encode(key, KEYFILE_NEW, &pem, &err), 0);
		assert_int_equal(keyfile_certificate(key, names, 1, &pem, &err), 0);
		keyfile_free(key);
	}
	put(&pem);
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		struct keyfile *key = keyfile_load_of(path, order[i], &err);
		assert_non_null(key);
		assert_int_equal(keyfile_algorithm(key), order[i]);
		keyfile_free(key);
	}
	assert_null(keyfile_load_of(path, KEYFILE_ED448, &err));
	buf_release_secret(&pem);
}

static void
digests_are_of_the_length_of_their_kind(void **state)
{
	struct buf hex = BUF_INIT;
	struct err err;
	struct keyfile *key = keyfile_generate(KEYFILE_ECDSA, "secp256r1", &err);

	(void)state;
	assert_int_equal(keyfile_digest(key, 1, &hex, &err), 0);
	assert_int_equal(hex.len, 64);
	buf_clear(&hex);
	assert_int_equal(keyfile_digest(key, 2, &hex, &err), 0);
	assert_int_equal(hex.len, 128);
	buf_release(&hex);
	keyfile_free(key);
}

static void
certificate_is_for_a_hundred_years(void **state)
{
	struct buf pem = BUF_INIT;
	struct err err;
	struct keyfile *key = keyfile_generate(KEYFILE_ECDSA, "secp256r1", &err);
	struct pemfile *certs;

	(void)state;
	now_set(1000000000);
	assert_int_equal(keyfile_certificate(key, names, 1, &pem, &err), 0);
	now_set(0);
	certs = look(&pem);
	assert_int_equal(pemfile_object(certs, 0)->not_before, 1000000000);
	assert_int_equal(pemfile_object(certs, 0)->not_after, (int64_t)1000000000 + (int64_t)36525 * 86400);
	pemfile_free(certs);
	buf_release(&pem);
	keyfile_free(key);
}

#define LABEL "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void
long_names_are_carried_as_dns_names(void **state)
{
	static const char *const long_names[] = { LABEL "." LABEL ".example.test", LABEL ".other.test" };
	static const char *const common_names[] = { "example.test", "other.test" };
	struct buf pem = BUF_INIT;
	struct err err;
	struct keyfile *key = keyfile_generate(KEYFILE_ECDSA, "secp256r1", &err);

	(void)state;
	assert_int_equal(keyfile_request(key, long_names, 2, &pem, &err), 0);
	assert_non_null(strstr(pem.bytes, "-----BEGIN CERTIFICATE REQUEST-----"));
	for (size_t i = 0; i < 2; i++) {
		struct pemfile *certs;

		buf_clear(&pem);
		assert_int_equal(keyfile_certificate(key, long_names + i, 1, &pem, &err), 0);
		certs = look(&pem);
		assert_string_equal(pemfile_object(certs, 0)->common_name, common_names[i]);
		assert_true(pemfile_is_for_host(certs, 0, long_names[i]));
		pemfile_free(certs);
	}
	buf_release(&pem);
	keyfile_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_survives_its_file),
		cmocka_unit_test(copied_ec_key_is_one_block),
		cmocka_unit_test(bad_sizes_are_refused),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(the_key_of_an_algorithm_is_found_among_others),
		cmocka_unit_test(digests_are_of_the_length_of_their_kind),
		cmocka_unit_test(certificate_is_for_a_hundred_years),
		cmocka_unit_test(long_names_are_carried_as_dns_names),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
