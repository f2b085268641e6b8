/* SPDX-License-Identifier: ISC */
#include "tls/probe.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "tls/dh.h"
#include "tls/fingerprint.h"
#include "tls/group.h"
#include "util/buf.h"
#include "util/log.h"

bool
probe_digest(const char *name)
{
	EVP_MD *digest = fingerprint_digest(name);
	bool known = digest != NULL;

	fingerprint_digest_free(digest);
	ERR_clear_error();
	return known;
}

bool
probe_ciphers(const char *list)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	bool taken = ctx && SSL_CTX_set_cipher_list(ctx, list);

	ERR_clear_error();
	SSL_CTX_free(ctx);
	return taken;
}

bool
probe_groups(const char *curves, const char *ffdhe, struct buf *log)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	size_t before = log->len;

	log_divert(log);
	if (ctx)
		group_configure(ctx, curves, ffdhe);
	log_divert(NULL);
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return log->len == before;
}

bool
probe_ticket_cipher(const char *name)
{
	enum { IV_SIZE = 16, KEY_MIN = 16, KEY_MAX = 32 };
	const EVP_CIPHER *cipher = EVP_get_cipherbyname(name);

	ERR_clear_error();
	return cipher && EVP_CIPHER_get_mode(cipher) == EVP_CIPH_CBC_MODE &&
	       EVP_CIPHER_get_iv_length(cipher) == IV_SIZE && EVP_CIPHER_get_key_length(cipher) >= KEY_MIN &&
	       EVP_CIPHER_get_key_length(cipher) <= KEY_MAX;
}

int
probe_dh_bits(const char *file, struct buf *log)
{
	EVP_PKEY *params;
	int bits;

	log_divert(log);
	params = dh_load(file, chain_read_file, NULL);
	log_divert(NULL);
	ERR_clear_error();
	bits = params ? EVP_PKEY_get_bits(params) : 0;
	EVP_PKEY_free(params);
	return bits;
}
