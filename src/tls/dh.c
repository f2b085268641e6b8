/* SPDX-License-Identifier: ISC */
#include "tls/dh.h"

#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls/library.h"
#include "util/buf.h"
#include "util/log.h"

/* DH as PKCS #3 has it, not that of X9.42. */
static EVP_PKEY *
decode(const struct buf *pem)
{
	EVP_PKEY *params = NULL;
	OSSL_DECODER_CTX *decoder;
	BIO *bio = BIO_new_mem_buf(buf_str(pem), (int)pem->len);

	ERR_clear_error();
	decoder = OSSL_DECODER_CTX_new_for_pkey(
	    &params, "PEM", NULL, "DH", OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS, NULL, NULL);
	if (bio && decoder && !OSSL_DECODER_from_bio(decoder, bio)) {
		EVP_PKEY_free(params);
		params = NULL;
	}
	OSSL_DECODER_CTX_free(decoder);
	BIO_free(bio);
	return params;
}

struct evp_pkey_st *
dh_load(const char *file, chain_read_fn read, void *arg)
{
	struct buf pem = BUF_INIT;

	if (!file || !*file || strcmp(file, "auto") == 0)
		return NULL;
	if (read(file, &pem, arg) < 0) {
		log_warn("error opening DH parameter file \"%s\": %m -- using compiled-in defaults", file);
		return NULL;
	}

	EVP_PKEY *params = decode(&pem);

	if (!params) {
		log_warn("error decoding DH parameters from file \"%s\" -- using compiled-in defaults", file);
		library_log_errors();
	}
	buf_release(&pem);
	return params;
}

void
dh_apply(struct ssl_ctx_st *ctx, struct evp_pkey_st *params)
{
	if (params && EVP_PKEY_up_ref(params)) {
		if (SSL_CTX_set0_tmp_dh_pkey(ctx, params))
			return;
		EVP_PKEY_free(params);
		library_log_errors();
	}
	SSL_CTX_set_dh_auto(ctx, 1);
}
