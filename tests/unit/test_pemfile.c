/* SPDX-License-Identifier: ISC */
#include "tls_fixture.h"

#include <openssl/x509.h>

#include "tls/pemfile.h"
#include "util/err.h"

static struct fixture_cert root, middle, leaf, alone;

static int
set_up(void **state)
{
	root = fixture_make((struct fixture_kind){ .cn = "root", .key = EVP_EC_gen("P-256"), .ca = true });
	middle = fixture_make(
	    (struct fixture_kind){ .cn = "middle", .key = EVP_EC_gen("P-256"), .ca = true, .issuer = &root });
	leaf = fixture_make((struct fixture_kind){ .cn = "mx.example.test",
	    .key = EVP_EC_gen("P-384"),
	    .issuer = &middle,
	    .purpose = "clientAuth",
	    .san = "DNS:mx.example.test,DNS:*.other.test,IP:192.0.2.1" });
	alone = fixture_make((struct fixture_kind){
	    .cn = "alone", .key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), .to_s = -10, .from_s = -100 });
	return fixture_setup(state);
}

static int
tear_down(void **state)
{
	fixture_cert_release(&root);
	fixture_cert_release(&middle);
	fixture_cert_release(&leaf);
	fixture_cert_release(&alone);
	return fixture_teardown(state);
}

static struct pemfile *
of_text(const char *text)
{
	struct pemfile *pemfile = pemfile_new();

	pemfile_add(pemfile, "text", text, strlen(text));
	return pemfile;
}

static struct pemfile *
of_parts(const char *a, const char *b, const char *c, const char *d)
{
	char *text = alloc_printf("%s%s%s%s", a, b, c, d);
	struct pemfile *pemfile = of_text(text);

	free(text);
	return pemfile;
}

static void
certificate_and_key_are_described(void **state)
{
	struct pemfile *pemfile = of_parts(leaf.key_pem, leaf.cert_pem, "", "");
	const struct pemfile_object *key, *cert;

	(void)state;
	assert_int_equal(pemfile_count(pemfile), 2);
	key = pemfile_object(pemfile, 0);
	cert = pemfile_object(pemfile, 1);
	assert_int_equal(key->kind, PEMFILE_KEY);
	assert_string_equal(key->algorithm, "EC");
	assert_string_equal(key->group, "secp384r1");
	assert_false(key->weak_key || key->rare_key || key->encrypted || key->der);
	assert_int_equal(cert->kind, PEMFILE_CERTIFICATE);
	assert_int_equal(cert->index, 2);
	assert_string_equal(cert->common_name, "mx.example.test");
	assert_string_equal(cert->subject, "/CN=mx.example.test");
	assert_string_equal(cert->issuer, "/CN=middle");
	assert_int_equal(cert->name_count, 2);
	assert_string_equal(cert->names[1], "*.other.test");
	assert_true(cert->no_server);
	assert_false(cert->no_client || cert->self_signed || cert->authority || cert->weak_signature);
	assert_true(cert->not_after - cert->not_before == 86460);
	assert_string_equal(key->digest, cert->digest);
	assert_int_equal(strlen(cert->cert_digest), 64);
	assert_string_not_equal(cert->cert_digest, cert->digest);
	assert_true(pemfile_key_fits(pemfile, 0, 1));
	assert_true(pemfile_is_for_host(pemfile, 1, "MX.example.test"));
	assert_true(pemfile_is_for_host(pemfile, 1, "a.other.test"));
	assert_false(pemfile_is_for_host(pemfile, 1, "example.test"));
	pemfile_free(pemfile);
}

static void
what_is_unusual_is_said(void **state)
{
	struct pemfile *pemfile = of_parts(alone.cert_pem, leaf.key_pem, root.cert_pem, "");
	const struct pemfile_object *own = pemfile_object(pemfile, 0);

	(void)state;
	assert_true(own->self_signed && own->rare_key && !own->weak_key && !own->authority);
	assert_string_equal(own->algorithm, "ED25519");
	assert_true(pemfile_object(pemfile, 2)->authority);
	assert_false(pemfile_key_fits(pemfile, 1, 0));
	assert_int_equal(pemfile_next(pemfile, PEMFILE_CERTIFICATE, 1), 2);
	assert_int_equal(pemfile_next(pemfile, PEMFILE_CERTIFICATE, 3), 3);
	pemfile_free(pemfile);
}

static void
weakness_is_seen(void **state)
{
	EVP_PKEY *weak = EVP_RSA_gen(1024);
	struct fixture_cert small =
	    fixture_make((struct fixture_kind){ .cn = "small", .key = weak, .issuer = &root });
	struct pemfile *pemfile;
	char *pem;

	(void)state;
	assert_true(X509_sign(small.cert, root.key, EVP_sha1()) > 0);
	pem = fixture_pem(NULL, small.cert);
	pemfile = of_text(pem);
	assert_true(pemfile_object(pemfile, 0)->weak_key);
	assert_true(pemfile_object(pemfile, 0)->weak_signature);
	assert_int_equal(pemfile_object(pemfile, 0)->bits, 1024);
	assert_string_equal(pemfile_object(pemfile, 0)->signature, "ecdsa-with-SHA1");
	pemfile_free(pemfile);
	free(pem);
	fixture_cert_release(&small);
}

static void
other_content_is_an_object(void **state)
{
	struct pemfile *pemfile = of_parts("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n",
	    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
	    "-----BEGIN CERTIFICATE-----\nAA");

	(void)state;
	assert_true(pemfile_count(pemfile) >= 3);
	assert_int_equal(pemfile_object(pemfile, 0)->kind, PEMFILE_BAD);
	assert_int_equal(pemfile_object(pemfile, 1)->kind, PEMFILE_OTHER);
	assert_string_equal(pemfile_object(pemfile, 1)->type, "EC PARAMETERS");
	assert_int_equal(pemfile_object(pemfile, 2)->kind, PEMFILE_KEY);
	assert_true(pemfile_object(pemfile, 2)->encrypted);
	assert_string_equal(pemfile_cut_off(pemfile), "text");
	pemfile_free(pemfile);
	pemfile = of_text("no PEM at all\n");
	assert_int_equal(pemfile_count(pemfile), 0);
	assert_null(pemfile_cut_off(pemfile));
	pemfile_free(pemfile);
}

static void
der_is_told_apart(void **state)
{
	unsigned char *der = NULL;
	int len = i2d_X509(leaf.cert, &der);
	struct pemfile *pemfile = pemfile_new();

	(void)state;
	pemfile_add(pemfile, "der", der, (size_t)len);
	OPENSSL_free(der);
	der = NULL;
	len = i2d_PrivateKey(leaf.key, &der);
	pemfile_add(pemfile, "key", der, (size_t)len);
	OPENSSL_free(der);
	assert_int_equal(pemfile_count(pemfile), 2);
	assert_true(pemfile_object(pemfile, 0)->der && pemfile_object(pemfile, 1)->der);
	assert_int_equal(pemfile_object(pemfile, 0)->kind, PEMFILE_CERTIFICATE);
	assert_int_equal(pemfile_object(pemfile, 1)->kind, PEMFILE_KEY);
	assert_true(pemfile_key_fits(pemfile, 1, 0));
	assert_string_equal(pemfile_object(pemfile, 1)->file, "key");
	pemfile_free(pemfile);
}

static void
files_are_one_row(void **state)
{
	struct pemfile *pemfile = pemfile_new();
	struct err err;

	(void)state;
	assert_int_equal(pemfile_add_file(pemfile, fixture_file("key", leaf.key_pem), &err), 0);
	assert_int_equal(pemfile_add_file(pemfile, fixture_file("cert", leaf.cert_pem), &err), 0);
	assert_int_equal(pemfile_count(pemfile), 2);
	assert_int_equal(pemfile_object(pemfile, 1)->index, 1);
	assert_int_equal(pemfile_add_file(pemfile, fixture_dir, &err), -1);
	assert_int_equal(pemfile_add_file(pemfile, "/nowhere", &err), -1);
	assert_non_null(strstr(err.text, "/nowhere"));
	pemfile_free(pemfile);
}

static void
issuers_are_known_by_name_and_signature(void **state)
{
	struct fixture_cert twin =
	    fixture_make((struct fixture_kind){ .cn = "middle", .key = EVP_EC_gen("P-256"), .ca = true });
	struct pemfile *pemfile = of_parts(leaf.cert_pem, middle.cert_pem, root.cert_pem, twin.cert_pem);

	(void)state;
	assert_true(pemfile_is_issuer(pemfile, 1, 0));
	assert_true(pemfile_is_issuer(pemfile, 2, 1));
	assert_true(pemfile_is_issuer(pemfile, 2, 2));
	assert_false(pemfile_is_issuer(pemfile, 0, 1));
	assert_false(pemfile_is_issuer(pemfile, 2, 0));
	assert_false(pemfile_is_issuer(pemfile, 3, 0));
	pemfile_free(pemfile);
	fixture_cert_release(&twin);
}

static void
trust_needs_the_whole_chain(void **state)
{
	const char *known = fixture_file("root.pem", root.cert_pem);
	const struct {
		const char *name;
		const char *a, *b, *c;
		enum pemfile_trust trust;
		size_t last;
	} cases[] = {
		{ "whole", leaf.cert_pem, middle.cert_pem, "", PEMFILE_TRUSTED, 1 },
		{ "with its root", leaf.cert_pem, middle.cert_pem, root.cert_pem, PEMFILE_TRUSTED, 2 },
		{ "out of order", leaf.cert_pem, root.cert_pem, middle.cert_pem, PEMFILE_TRUSTED, 1 },
		{ "one is missing", leaf.cert_pem, "", "", PEMFILE_NO_ISSUER, 0 },
		{ "behind the next key", leaf.cert_pem, leaf.key_pem, middle.cert_pem, PEMFILE_NO_ISSUER, 0 },
		{ "self-signed", alone.cert_pem, "", "", PEMFILE_SELF_ISSUED, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pemfile *pemfile = of_parts(cases[i].a, cases[i].b, cases[i].c, "");
		struct err err;
		size_t last;
		enum pemfile_trust trust = pemfile_trust(pemfile, 0, known, "", false, &last, &err);

		if (trust != cases[i].trust || last != cases[i].last)
			fail_msg("%s: %d, last %zu", cases[i].name, trust, last);
		pemfile_free(pemfile);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificate_and_key_are_described),
		cmocka_unit_test(what_is_unusual_is_said),
		cmocka_unit_test(weakness_is_seen),
		cmocka_unit_test(other_content_is_an_object),
		cmocka_unit_test(der_is_told_apart),
		cmocka_unit_test(files_are_one_row),
		cmocka_unit_test(issuers_are_known_by_name_and_signature),
		cmocka_unit_test(trust_needs_the_whole_chain),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
