/* SPDX-License-Identifier: ISC */
#include "tls/authority.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "util/buf.h"

static const char *
from_environment(const char *variable, const char *otherwise)
{
	const char *value = secure_getenv(variable);

	return value ? value : otherwise;
}

const char *
authority_default_file(void)
{
	return from_environment(X509_get_default_cert_file_env(), X509_get_default_cert_file());
}

/* The certificates and revocation lists of a file, keys left out. NULL with errors in the queue. */
static STACK_OF(X509_INFO) * read_objects(const char *file, chain_read_fn read, void *arg)
{
	struct buf pem = BUF_INIT;
	STACK_OF(X509_INFO) *objects = NULL;

	ERR_clear_error();
	if (read(file, &pem, arg) < 0) {
		ERR_raise_data(ERR_LIB_SYS, errno, "calling fopen(%s, r)", file);
		buf_release_secret(&pem);
		return NULL;
	}

	BIO *bio = BIO_new_mem_buf(buf_str(&pem), (int)pem.len);

	if (bio)
		objects = PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL);
	/* The library has no word for a block that ends as none does. */
	if (!objects && ERR_peek_error() == 0)
		ERR_raise(ERR_LIB_PEM, PEM_R_BAD_END_LINE);
	BIO_free(bio);
	buf_release_secret(&pem);
	return objects;
}

/* How many were added; -1 with errors in the queue. */
static int
add_to_store(X509_STORE *store, STACK_OF(X509_INFO) * objects)
{
	int added = 0;

	for (int i = 0; i < sk_X509_INFO_num(objects); i++) {
		const X509_INFO *object = sk_X509_INFO_value(objects, i);

		if (object->x509 && !X509_STORE_add_cert(store, object->x509))
			return -1;
		if (object->crl && !X509_STORE_add_crl(store, object->crl))
			return -1;
		added += (object->x509 != NULL) + (object->crl != NULL);
	}
	return added;
}

int
authority_load_file(struct ssl_ctx_st *ctx, const char *file, chain_read_fn read, void *arg)
{
	STACK_OF(X509_INFO) *objects = read_objects(file, read, arg);

	if (!objects)
		return -1;

	int added = add_to_store(SSL_CTX_get_cert_store(ctx), objects);

	sk_X509_INFO_pop_free(objects, X509_INFO_free);
	if (added == 0)
		ERR_raise(ERR_LIB_X509, X509_R_NO_CERTIFICATE_OR_CRL_FOUND);
	return added > 0 ? 0 : -1;
}

int
authority_use_path(struct ssl_ctx_st *ctx, const char *path)
{
	return SSL_CTX_load_verify_dir(ctx, path) ? 0 : -1;
}

int
authority_load_default(struct ssl_ctx_st *ctx, chain_read_fn read, void *arg)
{
	/* The library, too, goes on without. */
	if (authority_load_file(ctx, authority_default_file(), read, arg) < 0)
		ERR_clear_error();
	return SSL_CTX_set_default_verify_dir(ctx) ? 0 : -1;
}

static bool
has_name(const STACK_OF(X509_NAME) * names, const X509_NAME *name)
{
	for (int i = 0; i < sk_X509_NAME_num(names); i++)
		if (X509_NAME_cmp(sk_X509_NAME_value(names, i), name) == 0)
			return true;
	return false;
}

static bool
add_name(STACK_OF(X509_NAME) * names, const X509_INFO *object)
{
	const X509_NAME *name = object->x509 ? X509_get_subject_name(object->x509) : NULL;

	if (!name || has_name(names, name))
		return true;

	X509_NAME *copy = X509_NAME_dup(name);

	if (copy && sk_X509_NAME_push(names, copy))
		return true;
	X509_NAME_free(copy);
	return false;
}

struct stack_st_X509_NAME *
authority_names(const char *file, chain_read_fn read, void *arg)
{
	STACK_OF(X509_INFO) *objects = read_objects(file, read, arg);
	STACK_OF(X509_NAME) *names = objects ? sk_X509_NAME_new_null() : NULL;
	bool ok = names != NULL;

	for (int i = 0; ok && i < sk_X509_INFO_num(objects); i++)
		ok = add_name(names, sk_X509_INFO_value(objects, i));
	sk_X509_INFO_pop_free(objects, X509_INFO_free);
	if (ok)
		return names;
	sk_X509_NAME_pop_free(names, X509_NAME_free);
	return NULL;
}
