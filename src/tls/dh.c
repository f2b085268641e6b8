/* SPDX-License-Identifier: ISC */
#include "tls/dh.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "tls/library.h"
#include "util/buf.h"
#include "util/log.h"

struct evp_pkey_st *
dh_load(const char *file, chain_read_fn read, void *arg)
{
	struct buf pem = BUF_INIT;
	EVP_PKEY *params = NULL;

	if (!file || !*file || strcmp(file, "auto") == 0)
		return NULL;
	if (read(file, &pem, arg) < 0) {
		log_warn("error opening DH parameter file \"%s\": %m -- using compiled-in defaults", file);
		return NULL;
	}

	BIO *bio = BIO_new_mem_buf(buf_str(&pem), (int)pem.len);

	if (bio)
		params = PEM_read_bio_Parameters(bio, NULL);
	if (params && !EVP_PKEY_is_a(params, "DH") && !EVP_PKEY_is_a(params, "DHX")) {
		EVP_PKEY_free(params);
		params = NULL;
	}
	if (!params) {
		log_warn("error decoding DH parameters from file \"%s\" -- using compiled-in defaults", file);
		library_log_errors();
	}
	BIO_free(bio);
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
