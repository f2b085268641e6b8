/* SPDX-License-Identifier: ISC */
#include "tls/hkdf.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "util/alloc.h"

/* The library only reads what a parameter points to. */
static OSSL_PARAM
octets(const char *name, const void *bytes, size_t len)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)(len > 0 ? bytes : ""), len);
}

int
hkdf_derive(const struct hkdf_input *input, void *key, size_t len)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		octets(OSSL_KDF_PARAM_KEY, input->secret, input->secret_len),
		octets(OSSL_KDF_PARAM_SALT, input->salt, input->salt_len),
		octets(OSSL_KDF_PARAM_INFO, input->info, input->info_len),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	int result = ctx && EVP_KDF_derive(ctx, key, len, params) == 1 ? 0 : -1;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	if (result < 0) {
		ERR_clear_error();
		alloc_wipe(key, len);
	}
	return result;
}
