/* SPDX-License-Identifier: ISC */
#include "cmocka_all.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postfix-tls/chainfiles.h"
#include "postfix-tls/keyfile.h"
#include "postfix-tls/postconf.h"
#include "postfix-tls/site.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"

static char directory[] = "/tmp/test_chainfiles.XXXXXX";
static const char *const names[] = { "mx.example.test" };

static void
put(const char *name, const struct buf *text)
{
	char *path = alloc_printf("%s/%s", directory, name);
	struct err err;

	unlink(path);
	if (file_create(path, buf_str(text), text->len, 0600, &err) < 0)
		fail_msg("%s", err.text);
	free(path);
}

static const char *const sizes[] = {
	[KEYFILE_RSA] = "2048",
	[KEYFILE_ECDSA] = "secp256r1",
	[KEYFILE_ED25519] = "",
};

static void
add_pair(struct buf *key_to, struct buf *cert_to, enum keyfile_algorithm algorithm)
{
	struct err err;
	struct keyfile *key = keyfile_generate(algorithm, sizes[algorithm], &err);

	assert_non_null(key);
	assert_int_equal(keyfile_encode(key, KEYFILE_COPY, key_to, &err), 0);
	assert_int_equal(keyfile_certificate(key, names, 1, cert_to, &err), 0);
	keyfile_free(key);
}

/* rsa.key rsa.crt ec.pem ed.pem both.pem: one pair each, the last two in one file. */
static int
make_files(void **state)
{
	struct buf text = BUF_INIT, other = BUF_INIT;

	(void)state;
	if (!mkdtemp(directory))
		return -1;
	add_pair(&text, &other, KEYFILE_RSA);
	put("rsa.key", &text);
	put("rsa.crt", &other);
	buf_clear(&text);
	add_pair(&text, &text, KEYFILE_ECDSA);
	put("ec.pem", &text);
	add_pair(&text, &text, KEYFILE_ED25519);
	put("both.pem", &text);
	buf_clear(&text);
	add_pair(&text, &text, KEYFILE_ED25519);
	put("ed.pem", &text);
	buf_clear(&text);
	buf_clear(&other);
	add_pair(&other, &text, KEYFILE_ECDSA);
	buf_add(&text, buf_str(&other), other.len);
	put("certfirst.pem", &text);
	buf_release_secret(&text);
	buf_release_secret(&other);
	return 0;
}

static int
remove_files(void **state)
{
	char *command = alloc_printf("rm -rf %s", directory);
	int result = system(command);

	(void)state;
	free(command);
	return result;
}

/* The instance whose main.cf has this value. */
static void
set_site(struct site *site, const char *value)
{
	struct buf text = BUF_INIT;
	struct err err;

	buf_printf(&text,
	    "smtpd_tls_chain_files = %s\nsmtpd_tls_cert_file = rsa.crt\nsmtpd_tls_key_file = rsa.key\n",
	    value);
	put("main.cf", &text);
	*site = (struct site){ directory, directory, postconf_new("/nonexistent", directory, false, &err) };
	assert_non_null(site->postconf);
	buf_release(&text);
}

static void
a_pair_takes_the_place_of_its_algorithm(void **state)
{
	static const struct {
		const char *name, *value;
		enum keyfile_algorithm algorithm;
		const char *result; /* NULL: refused */
	} cases[] = {
		{ "the first of three", "rsa.key rsa.crt, ec.pem ed.pem", KEYFILE_RSA,
		    "/new.key, /new.crt, ec.pem, ed.pem" },
		{ "one in the middle", "rsa.key, rsa.crt, ec.pem, ed.pem", KEYFILE_ECDSA,
		    "rsa.key, rsa.crt, /new.key, /new.crt, ed.pem" },
		{ "none of its kind", "rsa.key, rsa.crt", KEYFILE_ED25519,
		    "rsa.key, rsa.crt, /new.key, /new.crt" },
		{ "references stay", "$config_directory/rsa.key ${config_directory}/rsa.crt", KEYFILE_ECDSA,
		    "$config_directory/rsa.key, ${config_directory}/rsa.crt, /new.key, /new.crt" },
		{ "a file with another key, too", "both.pem", KEYFILE_ECDSA, NULL },
		{ "a file with two others", "both.pem", KEYFILE_RSA, "both.pem, /new.key, /new.crt" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct site site;
		struct chainfiles chain;
		struct buf value = BUF_INIT;
		struct err err = { 0 };
		int result;

		set_site(&site, cases[i].value);
		CASE_IS(chainfiles_init(&chain, &site, &err) == 1, cases[i].name);
		result = chainfiles_with(&chain, cases[i].algorithm, "/new.key", "/new.crt", &value, &err);
		CASE_IS(result == (cases[i].result ? 0 : -1), cases[i].name);
		if (cases[i].result)
			CASE_TEXT(buf_str(&value), cases[i].result, cases[i].name);
		buf_release(&value);
		chainfiles_release(&chain);
		postconf_free(site.postconf);
	}
}

static void
keys_are_found_by_algorithm(void **state)
{
	struct site site;
	struct chainfiles chain;
	struct err err;

	(void)state;
	set_site(&site, "rsa.key, rsa.crt, both.pem");
	assert_int_equal(chainfiles_init(&chain, &site, &err), 1);
	assert_non_null(strstr(chainfiles_find(&chain, KEYFILE_RSA), "/rsa.key"));
	assert_non_null(strstr(chainfiles_find(&chain, KEYFILE_ECDSA), "/both.pem"));
	assert_non_null(strstr(chainfiles_find(&chain, KEYFILE_ED25519), "/both.pem"));
	assert_null(chainfiles_find(&chain, KEYFILE_ED448));
	chainfiles_release(&chain);
	postconf_free(site.postconf);
	set_site(&site, "rsa.key, gone.pem");
	assert_int_equal(chainfiles_init(&chain, &site, &err), -1);
	postconf_free(site.postconf);
}

static void
older_parameters_are_taken_over(void **state)
{
	struct site site;
	struct chainfiles chain;
	struct buf value = BUF_INIT;
	struct err err;
	char *wanted = alloc_printf("%s/rsa.key, %s/rsa.crt, %s/ed.pem", directory, directory, directory);
	char *first = alloc_printf("%s/ed.pem", directory);
	char *last = alloc_printf("%s/certfirst.pem", directory);

	(void)state;
	set_site(&site, "");
	assert_int_equal(chainfiles_init(&chain, &site, &err), 0);
	assert_int_equal(chainfiles_from_legacy(&site, first, first, &value, &err), 0);
	assert_string_equal(buf_str(&value), wanted);
	/* Servers want the key before its certificates. */
	assert_int_equal(chainfiles_pair(last, last, &value, &err), -1);
	assert_int_equal(chainfiles_pair("/a b.key", "/a.crt", &value, &err), -1);
	postconf_free(site.postconf);
	buf_release(&value);
	free(last);
	free(first);
	free(wanted);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pair_takes_the_place_of_its_algorithm),
		cmocka_unit_test(keys_are_found_by_algorithm),
		cmocka_unit_test(older_parameters_are_taken_over),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
