/* SPDX-License-Identifier: ISC */
#include "tls/seal.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "util/alloc.h"

static bool
start(EVP_CIPHER_CTX *ctx, const struct seal *seal, size_t len, int encrypt)
{
	int n;

	return len <= INT_MAX && seal->header_len <= INT_MAX &&
	       EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, seal->key, seal->nonce, encrypt) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &n, seal->header, (int)seal->header_len) == 1;
}

static bool
run(EVP_CIPHER_CTX *ctx, const void *from, size_t len, unsigned char *to)
{
	int n, last;

	return EVP_CipherUpdate(ctx, to, &n, from, (int)len) == 1 && n == (int)len &&
	       EVP_CipherFinal_ex(ctx, to + len, &last) == 1 && last == 0;
}

static int
finish(EVP_CIPHER_CTX *ctx, bool good, void *result, size_t len)
{
	EVP_CIPHER_CTX_free(ctx);
	if (good)
		return 0;
	ERR_clear_error();
	alloc_wipe(result, len);
	return -1;
}

int
seal_close(const struct seal *seal, const void *plain, size_t len, void *sealed, void *tag)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool good = ctx && start(ctx, seal, len, 1) && run(ctx, plain, len, sealed) &&
		    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_LEN, tag) == 1;

	return finish(ctx, good, sealed, len);
}

int
seal_open(const struct seal *seal, const void *sealed, size_t len, const void *tag, void *plain)
{
	unsigned char wanted[SEAL_TAG_LEN];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	memcpy(wanted, tag, sizeof wanted);
	bool good = ctx && start(ctx, seal, len, 0) &&
		    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_LEN, wanted) == 1 &&
		    run(ctx, sealed, len, plain);

	return finish(ctx, good, plain, len);
}
