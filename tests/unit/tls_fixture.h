/* SPDX-License-Identifier: ISC */
/*
 * tls_fixture: what tests of src/tls share: log lines kept, certificates made, handshakes in memory.
 */
#ifndef TEST_TLS_FIXTURE_H
#define TEST_TLS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"

#define FIXTURE  __attribute__((unused)) static
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* --- log lines: "warning: text\n" one after the other --- */

static struct buf fixture_log;

FIXTURE void
fixture_sink(enum log_level level, const char *text, void *context)
{
	(void)context;
	buf_printf(&fixture_log, "%s%s\n", log_label(level), text);
}

FIXTURE void
fixture_log_clear(void)
{
	buf_clear(&fixture_log);
	log_set_sink(fixture_sink, NULL);
}

/* The lines, where '*' in `expected` stands for the rest of a line. */
FIXTURE void
fixture_log_is(const char *expected)
{
	const char *got = buf_str(&fixture_log);
	const char *at = expected;

	while (*at && *got) {
		if (*at == '*') {
			got += strcspn(got, "\n");
			at++;
			continue;
		}
		if (*at != *got)
			break;
		at++;
		got++;
	}
	if (*at == '*' && !*got)
		at++;
	if (*at || *got)
		fail_msg("expected lines:\n%s\nlogged:\n%s", expected, buf_str(&fixture_log));
}

FIXTURE int
fixture_log_count(const char *words)
{
	int count = 0;

	for (const char *at = buf_str(&fixture_log); (at = strstr(at, words)) != NULL; at++)
		count++;
	return count;
}

/* --- files --- */

static char fixture_dir[64];

FIXTURE int
fixture_setup(void **state)
{
	(void)state;
	strcpy(fixture_dir, "/tmp/test-tls.XXXXXX");
	return mkdtemp(fixture_dir) ? 0 : -1;
}

FIXTURE int
fixture_teardown(void **state)
{
	char *command = alloc_printf("rm -rf '%s'", fixture_dir);
	int status = system(command);

	(void)state;
	free(command);
	buf_release(&fixture_log);
	return status;
}

/* Writes a file in the scratch directory; its path is good until the fixture ends. */
FIXTURE const char *
fixture_file(const char *name, const char *content)
{
	static char paths[32][128];
	static int next;
	char *path = paths[next++ % 32];
	FILE *file;

	snprintf(path, sizeof paths[0], "%s/%s", fixture_dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(content, file);
	assert_int_equal(fclose(file), 0);
	return path;
}

/* --- keys and certificates --- */

/* The key of tests/vectors/postfix-tls/fixtures/NAME: making one of RSA takes long, under valgrind above all.
 */
FIXTURE EVP_PKEY *
fixture_key(const char *name)
{
	char *path = alloc_printf("tests/vectors/postfix-tls/fixtures/%s", name);
	FILE *file = fopen(path, "r");
	EVP_PKEY *key;

	assert_non_null(file);
	key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	assert_non_null(key);
	fclose(file);
	free(path);
	return key;
}

struct fixture_cert {
	EVP_PKEY *key;
	X509 *cert;
	char *key_pem;
	char *cert_pem;
};

FIXTURE char *
fixture_pem(EVP_PKEY *key, X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes;
	long len;
	char *pem;

	if (key)
		assert_true(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	else
		assert_true(PEM_write_bio_X509(bio, cert));
	len = BIO_get_mem_data(bio, &bytes);
	pem = alloc_string_n(bytes, (size_t)len);
	BIO_free(bio);
	return pem;
}

FIXTURE void
fixture_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

struct fixture_kind {
	const char *cn;
	EVP_PKEY *key;                     /* takes */
	const struct fixture_cert *issuer; /* NULL: self-signed */
	bool ca;
	long from_s, to_s;   /* validity, relative to now; to_s 0: a day */
	const char *purpose; /* extendedKeyUsage, or NULL */
	const char *san;     /* subjectAltName, or NULL */
	X509_NAME *name;     /* instead of cn; takes */
};

FIXTURE struct fixture_cert
fixture_make(struct fixture_kind kind)
{
	static long serial = 1;
	struct fixture_cert made = { .key = kind.key, .cert = X509_new() };
	X509 *cert = made.cert;
	X509_NAME *name = kind.name ? kind.name : X509_NAME_new();
	int type = EVP_PKEY_get_base_id(kind.issuer ? kind.issuer->key : kind.key);
	const EVP_MD *md = type == EVP_PKEY_ED25519 ? NULL : EVP_sha256();

	if (!kind.name)
		assert_true(X509_NAME_add_entry_by_NID(
		    name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)kind.cn, -1, -1, 0));
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(cert), kind.from_s ? kind.from_s : -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), kind.to_s ? kind.to_s : 86400);
	X509_set_subject_name(cert, name);
	X509_set_issuer_name(cert, kind.issuer ? X509_get_subject_name(kind.issuer->cert) : name);
	X509_set_pubkey(cert, kind.key);
	fixture_extension(cert, cert, NID_basic_constraints, kind.ca ? "critical,CA:TRUE" : "CA:FALSE");
	if (kind.purpose)
		fixture_extension(cert, cert, NID_ext_key_usage, kind.purpose);
	if (kind.san)
		fixture_extension(cert, cert, NID_subject_alt_name, kind.san);
	assert_true(X509_sign(cert, kind.issuer ? kind.issuer->key : kind.key, md) > 0);
	made.key_pem = fixture_pem(made.key, NULL);
	made.cert_pem = fixture_pem(NULL, cert);
	X509_NAME_free(name);
	return made;
}

FIXTURE void
fixture_cert_release(struct fixture_cert *made)
{
	EVP_PKEY_free(made->key);
	X509_free(made->cert);
	free(made->key_pem);
	free(made->cert_pem);
	memset(made, 0, sizeof *made);
}

/* --- handshakes --- */

/* Joins two SSLs with a pair of memory buffers and drives both until they are done or one fails. True: done.
 */
FIXTURE bool
fixture_handshake(SSL *server, SSL *client)
{
	BIO *a;
	BIO *b;

	assert_true(BIO_new_bio_pair(&a, 1 << 16, &b, 1 << 16));
	SSL_set_bio(server, a, a);
	SSL_set_bio(client, b, b);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	for (int i = 0; i < 50; i++) {
		int c = SSL_do_handshake(client);
		int s = SSL_do_handshake(server);

		if (c == 1 && s == 1) {
			char byte;

			/* Session tickets of TLS 1.3 arrive with the first read. */
			(void)SSL_read(client, &byte, 1);
			ERR_clear_error();
			return true;
		}
		if ((c <= 0 && SSL_get_error(client, c) != SSL_ERROR_WANT_READ) ||
		    (s <= 0 && SSL_get_error(server, s) != SSL_ERROR_WANT_READ))
			break;
	}
	return false;
}

#endif
