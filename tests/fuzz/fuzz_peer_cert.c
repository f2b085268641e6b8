/* SPDX-License-Identifier: ISC */
/*
 * fuzz_peer_cert: a certificate as a peer may present it: its names for the log, its fingerprints, and the
 * judgement on it, with names to match and with a record.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "tls/dane.h"
#include "tls/fingerprint.h"
#include "tls/match.h"
#include "tls/peername.h"
#include "tls/verify.h"
#include "util/buf.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
drop(enum log_level level, const char *text, void *context)
{
	(void)level, (void)context;
	/* What goes to the log must stay one line. */
	for (; *text; text++)
		if ((unsigned char)*text < ' ')
			log_panic("control character in the log");
}

static void
show(X509 *cert, const EVP_MD *digest)
{
	struct buf line = BUF_INIT;
	char *texts[] = {
		peername_subject_cn(cert, "fuzz"),
		peername_issuer_cn(cert, "fuzz"),
		fingerprint_cert(cert, digest),
		fingerprint_pkey(cert, digest, false),
		fingerprint_pkey(cert, digest, true),
	};

	peername_one_line(&line, X509_get_subject_name(cert));
	if (line.len > 255)
		log_panic("%zu bytes of a name", line.len);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		for (const char *at = texts[i]; *at; at++)
			if ((unsigned char)*at < ' ')
				log_panic("control character in a field");
		free(texts[i]);
	}
	buf_release(&line);
}

/* As the library does it in a handshake. */
static void
judge(X509 *cert, SSL_CTX *ctx, const struct dane_set *set, int spare_mismatch)
{
	static const char *const names[] = { "nexthop", "dot-nexthop", "hostname" };
	const struct match_patterns patterns = { names, 3, "example.com", "mail.example.com" };
	SSL *ssl = SSL_new(ctx);
	X509_STORE_CTX *store = X509_STORE_CTX_new();
	X509_STORE *trusted = X509_STORE_new();
	STACK_OF(X509) *chain = sk_X509_new_null();
	struct verify verify;

	verify_init(&verify, "fuzz", ~0u);
	verify.spare_mismatch = spare_mismatch;
	if (verify_attach(&verify, ssl) < 0 || match_configure(ssl, &patterns, "fuzz") != 3)
		log_panic("cannot prepare");
	if (set && (SSL_dane_enable(ssl, NULL) <= 0 || dane_load(set, ssl, "fuzz") == DANE_FAILED))
		log_panic("no DANE");
	sk_X509_push(chain, cert);
	X509_STORE_add_cert(trusted, cert);
	if (X509_STORE_CTX_init(store, trusted, cert, chain)) {
		X509_STORE_CTX_set_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx(), ssl);
		X509_STORE_CTX_set_default(store, "ssl_server");
		X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(store), SSL_get0_param(ssl));
		X509_STORE_CTX_set_verify_cb(store, SSL_CTX_get_verify_callback(ctx));
		if (set)
			X509_STORE_CTX_set0_dane(store, SSL_get0_dane(ssl));
		(void)X509_verify_cert(store);
		verify_log(&verify, false);
	}
	ERR_clear_error();
	X509_STORE_CTX_free(store);
	X509_STORE_free(trusted);
	sk_X509_free(chain);
	SSL_free(ssl);
	verify_release(&verify);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static SSL_CTX *ctx;
	const unsigned char *at = bytes;
	X509 *cert = d2i_X509(NULL, &at, (long)len);

	log_set_sink(drop, NULL);
	if (!ctx) {
		ctx = SSL_CTX_new(TLS_client_method());
		verify_install(ctx, false);
		if (dane_prepare(ctx, "sha512 sha256", EVP_sha256()) < 0)
			log_panic("no DANE");
	}
	ERR_clear_error();
	if (!cert)
		return 0;

	struct dane_set *set = dane_set_new("mail.example.com");
	dane_set_add(set, DANE_USAGE_TA, 0, 0, bytes, len);
	show(cert, EVP_sha256());
	judge(cert, ctx, NULL, 0);
	judge(cert, ctx, NULL, 1);
	judge(cert, ctx, set, 1);
	dane_set_free(set);
	X509_free(cert);
	return 0;
}
