/* SPDX-License-Identifier: ISC */
#include "tls/chain.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tls/library.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

enum { FILE_LIMIT = 1 << 20, SEQUENCES_LIMIT = 16 };

/* What `loader` below has loaded, each with a key of another kind. */
struct chain {
	unsigned int references;
	size_t count;
	struct {
		EVP_PKEY *key;            /* owned */
		X509 *leaf;               /* owned */
		STACK_OF(X509) * issuers; /* owned; NULL: none */
	} sequences[SEQUENCES_LIMIT];
};

/* One (key, leaf, issuers) sequence at a time is under way; it is loaded when the next key or the end shows
 * that it is complete. */
struct loader {
	SSL_CTX *ctx; /* this or `ssl`; borrowed */
	SSL *ssl;
	struct chain *chain;      /* what `ssl` got; borrowed */
	bool mixed;               /* one file with one key, which may be anywhere */
	const char *source;       /* the whole list, for the log */
	EVP_PKEY *key;            /* owned */
	X509 *leaf;               /* owned */
	STACK_OF(X509) * issuers; /* owned */
	char *key_file;           /* owned; where the key of this sequence was */
	int key_index;
	const char *file; /* the one being read */
	int index;        /* of the PEM object being read, from 1 in each file */
};

int
chain_read_file(const char *path, struct buf *to, void *arg)
{
	struct err err = { 0 };

	(void)arg;
	if (file_read_at_once(path, FILE_LIMIT, to, &err) == 0)
		return 0;
	/* It can be opened, and holds nothing: so Postfix sees a directory. */
	if (err.code == EISDIR)
		return 0;
	errno = err.code ? err.code : EFBIG;
	return -1;
}

static void
drop_sequence(struct loader *loader)
{
	EVP_PKEY_free(loader->key);
	X509_free(loader->leaf);
	sk_X509_pop_free(loader->issuers, X509_free);
	loader->key = NULL;
	loader->leaf = NULL;
	loader->issuers = NULL;
}

static void
loader_release(struct loader *loader)
{
	drop_sequence(loader);
	free(loader->key_file);
	/* The library's decoders leave errors behind also when they succeed in the end. */
	ERR_clear_error();
}

/* There are fewer kinds of keys than there is room. */
static void
keep_sequence(struct loader *loader)
{
	struct chain *chain = loader->chain;

	if (chain->count == SEQUENCES_LIMIT)
		log_panic("chain: %zu kinds of keys", chain->count);
	chain->sequences[chain->count].key = loader->key;
	chain->sequences[chain->count].leaf = loader->leaf;
	chain->sequences[chain->count].issuers = loader->issuers;
	chain->count++;
	loader->key = NULL;
	loader->leaf = NULL;
	loader->issuers = NULL;
}

/* Gives the complete sequence to the library. */
static bool
use_sequence(struct loader *loader)
{
	int ok;

	if (loader->ssl)
		ok = SSL_use_cert_and_key(loader->ssl, loader->leaf, loader->key, loader->issuers, 0);
	else
		ok = SSL_CTX_use_cert_and_key(loader->ctx, loader->leaf, loader->key, loader->issuers, 0);
	if (ok && loader->chain)
		keep_sequence(loader);
	else if (ok)
		drop_sequence(loader);
	return ok == 1;
}

/* NULL with errors in the library's queue, or, with none there, bytes behind the key. */
static EVP_PKEY *
decode_key(const char *type, const unsigned char *der, long len)
{
	const unsigned char *at = der;
	EVP_PKEY *key = NULL;

	if (strcmp(type, PEM_STRING_PKCS8INF) == 0) {
		PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, len);

		if (info)
			key = EVP_PKCS82PKEY(info);
		PKCS8_PRIV_KEY_INFO_free(info);
	} else {
		int id = strcmp(type, PEM_STRING_RSA) == 0   ? EVP_PKEY_RSA
			 : strcmp(type, PEM_STRING_DSA) == 0 ? EVP_PKEY_DSA
							     : EVP_PKEY_EC;

		key = d2i_PrivateKey(id, NULL, &at, len);
	}
	if (key && at != der + len) {
		EVP_PKEY_free(key);
		ERR_clear_error();
		return NULL;
	}
	return key;
}

static bool
load_key(struct loader *loader, const char *type, const unsigned char *der, long len)
{
	if (loader->key && loader->mixed) {
		log_warn("ignoring 2nd key at index %d in %s after 1st at %d", loader->index, loader->file,
		    loader->key_index);
		return true;
	}
	if (loader->key && !loader->leaf) {
		log_warn(
		    "error loading certificate chain: key at index %d in %s not followed by a certificate",
		    loader->key_index, loader->key_file);
		return false;
	}
	if (loader->key && !use_sequence(loader)) {
		log_warn(
		    "error loading certificate chain: key at index %d in %s does not match the certificate",
		    loader->key_index, loader->key_file);
		library_log_errors();
		return false;
	}
	ERR_clear_error();
	loader->key = decode_key(type, der, len);
	if (!loader->key) {
		log_warn("error loading private key (PEM object number %d) from %s%s", loader->index,
		    loader->file, ERR_peek_error() ? "" : ": excess data");
		library_log_errors();
		return false;
	}
	free(loader->key_file);
	loader->key_file = alloc_string(loader->file);
	loader->key_index = loader->index;
	return true;
}

static bool
load_cert(struct loader *loader, const unsigned char *der, long len)
{
	const unsigned char *at = der;
	X509 *cert;

	if (!loader->key && !loader->mixed) {
		log_warn("error loading chain from %s: key not first", loader->file);
		return false;
	}
	ERR_clear_error();
	cert = d2i_X509(NULL, &at, len);
	if (!cert || at != der + len) {
		log_warn("error loading certificate (PEM object number %d) from %s%s", loader->index,
		    loader->file, cert ? ": excess data" : "");
		library_log_errors();
		X509_free(cert);
		return false;
	}
	if (!loader->leaf) {
		loader->leaf = cert;
		return true;
	}
	if (!loader->issuers)
		loader->issuers = sk_X509_new_null();
	if (!loader->issuers || !sk_X509_push(loader->issuers, cert)) {
		library_log_errors();
		X509_free(cert);
		return false;
	}
	return true;
}

static bool
load_object(struct loader *loader, const char *type, const unsigned char *der, long len)
{
	if (strcmp(type, PEM_STRING_X509) == 0 || strcmp(type, PEM_STRING_X509_OLD) == 0)
		return load_cert(loader, der, len);
	if (strcmp(type, PEM_STRING_PKCS8INF) == 0 || strcmp(type, PEM_STRING_RSA) == 0 ||
	    strcmp(type, PEM_STRING_ECPRIVATEKEY) == 0 || strcmp(type, PEM_STRING_DSA) == 0)
		return load_key(loader, type, der, len);
	log_warn("loading %s: ignoring PEM type: %s", loader->file, type);
	return true;
}

/* All PEM objects of one file. */
static bool
load_pem(struct loader *loader, const char *file, const struct buf *pem)
{
	BIO *bio = BIO_new_mem_buf(buf_str(pem), (int)pem->len);
	bool ok = bio != NULL;

	loader->file = file;
	loader->index = 0;
	ERR_clear_error();
	while (ok) {
		char *type = NULL;
		char *header = NULL;
		unsigned char *der = NULL;
		long len = 0;

		/* The secure flag has the library wipe its copies of a key. */
		if (!PEM_read_bio_ex(
			bio, &type, &header, &der, &len, PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE)) {
			unsigned long error = ERR_peek_last_error();

			ok =
			    ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
			if (ok)
				ERR_clear_error();
			break;
		}
		loader->index++;
		ok = load_object(loader, type, der, len);
		OPENSSL_secure_free(type);
		OPENSSL_secure_free(header);
		OPENSSL_secure_clear_free(der, len > 0 ? (size_t)len : 0);
	}
	if (!ok)
		library_log_errors();
	BIO_free(bio);
	return ok;
}

/* What remains when the last file was read. */
static bool
finish(struct loader *loader)
{
	if (loader->key && loader->leaf) {
		if (use_sequence(loader))
			return true;
		log_warn("key at index %d in %s does not match next certificate", loader->key_index,
		    loader->key_file);
		library_log_errors();
	} else if (loader->key) {
		log_warn("No certs for key at index %d in %s", loader->key_index, loader->key_file);
	} else if (loader->leaf) {
		log_warn("No private key found in %s", loader->source);
	} else {
		log_warn("No PEM data in %s", loader->source);
	}
	return false;
}

static void
log_failure(const char *source, const char *consequence)
{
	log_warn("error loading private keys and certificates from: %s: %s", source, consequence);
}

static int
failed(const char *source, const char *consequence)
{
	log_failure(source, consequence);
	return -1;
}

enum listed { LISTED_ALL, LISTED_UNOPENABLE, LISTED_BAD };

static enum listed
load_list(struct loader *loader, const char *files, chain_read_fn read, void *arg)
{
	const char *word;
	size_t len;

	while ((word = text_token(&files, TEXT_LIST_SEPARATORS, &len)) != NULL) {
		char *file = alloc_string_n(word, len);
		struct buf pem = BUF_INIT;
		enum listed result = LISTED_ALL;

		if (read(file, &pem, arg) < 0) {
			log_warn("error opening chain file: %s: %m", file);
			/* Opened and yet not readable is an error like any other. */
			result = errno == EFBIG || errno == EIO ? LISTED_BAD : LISTED_UNOPENABLE;
		} else if (!load_pem(loader, file, &pem)) {
			result = LISTED_BAD;
		}
		buf_release_secret(&pem);
		free(file);
		if (result != LISTED_ALL)
			return result;
	}
	return LISTED_ALL;
}

int
chain_load_files(struct ssl_ctx_st *ctx, const char *files, chain_read_fn read, void *arg)
{
	struct loader loader = { .ctx = ctx, .source = files };
	enum listed listed = load_list(&loader, files, read, arg);
	bool ok = listed == LISTED_UNOPENABLE || (listed == LISTED_ALL && finish(&loader));

	loader_release(&loader);
	return ok ? 0 : failed(files, "disabling TLS support");
}

struct chain *
chain_new(struct ssl_st *ssl, const char *source, const void *pem, size_t len)
{
	struct chain *chain = alloc_zero(sizeof *chain);
	struct loader loader = { .ssl = ssl, .chain = chain, .source = source };
	/* Only looked at: the bytes stay the caller's. */
	const struct buf bytes = { .bytes = (char *)(uintptr_t)pem, .len = len };
	bool ok = len <= FILE_LIMIT && load_pem(&loader, source, &bytes) && finish(&loader);

	chain->references = 1;
	loader_release(&loader);
	if (ok)
		return chain;
	chain_unref(chain);
	log_failure(source, "aborting TLS handshake");
	return NULL;
}

struct chain *
chain_ref(struct chain *chain)
{
	chain->references++;
	return chain;
}

void
chain_unref(struct chain *chain)
{
	if (!chain || --chain->references > 0)
		return;
	for (size_t i = 0; i < chain->count; i++) {
		EVP_PKEY_free(chain->sequences[i].key);
		X509_free(chain->sequences[i].leaf);
		sk_X509_pop_free(chain->sequences[i].issuers, X509_free);
	}
	free(chain);
}

int
chain_use(const struct chain *chain, struct ssl_st *ssl, const char *source)
{
	for (size_t i = 0; i < chain->count; i++)
		if (!SSL_use_cert_and_key(ssl, chain->sequences[i].leaf, chain->sequences[i].key,
			chain->sequences[i].issuers, 0)) {
			library_log_errors();
			return failed(source, "aborting TLS handshake");
		}
	return 0;
}

static int
load_mixed(struct ssl_ctx_st *ctx, const char *file, chain_read_fn read, void *arg)
{
	struct loader loader = { .ctx = ctx, .source = file, .mixed = true };
	struct buf pem = BUF_INIT;
	bool ok;

	if (read(file, &pem, arg) < 0) {
		log_warn("error opening chain file: %s: %m", file);
		return -1;
	}
	ok = load_pem(&loader, file, &pem) && finish(&loader);
	buf_release_secret(&pem);
	loader_release(&loader);
	return ok ? 0 : failed(file, "disabling TLS support");
}

/* Leaves in the error queue what the library itself says about a file it cannot open. */
static void
raise_open_error(const char *file)
{
	ERR_raise_data(ERR_LIB_SYS, errno, "calling fopen(%s, r)", file);
	ERR_raise(ERR_LIB_BIO, ERR_R_SYS_LIB);
	ERR_raise(ERR_LIB_SSL, ERR_R_SYS_LIB);
}

/* A key that needs a pass phrase must fail, not ask the terminal. */
static int
no_passphrase(char *text, int size, int writing, void *arg)
{
	(void)text, (void)size, (void)writing, (void)arg;
	return -1;
}

static BIO *
open_pem(const char *file, struct buf *pem, chain_read_fn read, void *arg)
{
	ERR_clear_error();
	if (read(file, pem, arg) < 0) {
		raise_open_error(file);
		return NULL;
	}
	return BIO_new_mem_buf(buf_str(pem), (int)pem->len);
}

static bool
use_issuers(SSL_CTX *ctx, BIO *bio)
{
	X509 *cert;

	SSL_CTX_clear_chain_certs(ctx);
	while ((cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
		if (!SSL_CTX_add0_chain_cert(ctx, cert)) {
			X509_free(cert);
			return false;
		}
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return false;
	ERR_clear_error();
	return true;
}

static bool
use_cert_file(SSL_CTX *ctx, const char *file, chain_read_fn read, void *arg)
{
	struct buf pem = BUF_INIT;
	BIO *bio = open_pem(file, &pem, read, arg);
	X509 *leaf = bio ? PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL) : NULL;
	bool ok =
	    leaf && SSL_CTX_use_certificate(ctx, leaf) == 1 && ERR_peek_error() == 0 && use_issuers(ctx, bio);

	if (bio && !leaf)
		ERR_raise(ERR_LIB_SSL, ERR_R_PEM_LIB);
	X509_free(leaf);
	BIO_free(bio);
	buf_release_secret(&pem);
	return ok;
}

static bool
use_key_file(SSL_CTX *ctx, const char *file, chain_read_fn read, void *arg)
{
	struct buf pem = BUF_INIT;
	BIO *bio = open_pem(file, &pem, read, arg);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	bool ok = key && SSL_CTX_use_PrivateKey(ctx, key) == 1;

	if (bio && !key)
		ERR_raise(ERR_LIB_SSL, ERR_R_PEM_LIB);
	EVP_PKEY_free(key);
	BIO_free(bio);
	buf_release_secret(&pem);
	return ok;
}

static bool
library_has_dsa(void)
{
	EVP_KEYMGMT *dsa = EVP_KEYMGMT_fetch(NULL, "DSA", NULL);

	EVP_KEYMGMT_free(dsa);
	ERR_clear_error();
	return dsa != NULL;
}

int
chain_load_pair(struct ssl_ctx_st *ctx, enum chain_kind kind, const char *cert_file, const char *key_file,
    chain_read_fn read, void *arg)
{
	static const char *const kinds[] = {
		[CHAIN_RSA] = "RSA", [CHAIN_DSA] = "DSA", [CHAIN_ECDSA] = "ECDSA"
	};

	if (kind == CHAIN_DSA && !library_has_dsa()) {
		log_warn("this OpenSSL has no DSA: certificate file \"%s\" is not used", cert_file);
		return 0;
	}
	if (strcmp(cert_file, key_file) == 0)
		return load_mixed(ctx, cert_file, read, arg);
	if (!use_cert_file(ctx, cert_file, read, arg))
		log_warn("cannot get %s certificate from file \"%s\": disabling TLS support", kinds[kind],
		    cert_file);
	else if (!use_key_file(ctx, key_file, read, arg))
		log_warn("cannot get %s private key from file \"%s\": disabling TLS support", kinds[kind],
		    key_file);
	else if (!SSL_CTX_check_private_key(ctx))
		log_warn("%s private key in %s does not match public key in %s: disabling TLS support",
		    kinds[kind], key_file, cert_file);
	else
		return 0;
	library_log_errors();
	return -1;
}
