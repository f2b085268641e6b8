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

enum { TICKET_IV_SIZE = 16, TICKET_KEY_MIN = 16, TICKET_KEY_MAX = 32 };

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

/* The library may know a cipher that it does not have (SEED), or that is for whole TLS records only. */
static bool
seals(const EVP_CIPHER *cipher)
{
	static const unsigned char key[TICKET_KEY_MAX], iv[TICKET_IV_SIZE], plain[] = "part of a block";
	unsigned char sealed[sizeof plain + EVP_MAX_BLOCK_LENGTH];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len;
	bool good = ctx && EVP_EncryptInit_ex(ctx, cipher, NULL, key, iv) == 1 &&
		    EVP_EncryptUpdate(ctx, sealed, &len, plain, sizeof plain - 1) == 1 &&
		    EVP_EncryptFinal_ex(ctx, sealed + len, &len) == 1;

	EVP_CIPHER_CTX_free(ctx);
	return good;
}

/* The lookup is that of sessions, see resume.c. */
bool
probe_ticket_cipher(const char *name)
{
	const EVP_CIPHER *cipher = EVP_get_cipherbyname(name);
	bool fits = cipher && EVP_CIPHER_get_mode(cipher) == EVP_CIPH_CBC_MODE &&
		    EVP_CIPHER_get_iv_length(cipher) == TICKET_IV_SIZE &&
		    EVP_CIPHER_get_key_length(cipher) >= TICKET_KEY_MIN &&
		    EVP_CIPHER_get_key_length(cipher) <= TICKET_KEY_MAX && seals(cipher);

	ERR_clear_error();
	return fits;
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
