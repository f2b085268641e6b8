/* SPDX-License-Identifier: ISC */
#include "postfix-tls/keyfile.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/now.h"
#include "util/text.h"

enum { FILE_LIMIT = 1 << 20, SERIAL_BITS = 159 };
enum { RSA_BITS_LEAST = 512, RSA_BITS_COMMON = 2048, RSA_BITS_LIMIT = 16384 };
enum { VALID_DAYS = 36525, COMMON_NAME_LIMIT = 64 };

struct keyfile {
	EVP_PKEY *pkey; /* owned */
};

/* Runs before any other function of this file gets to the library. */
__attribute__((constructor)) static void
without_configuration_file(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

/* The oldest OpenSSL error is the one nearest to the cause. Always -1. */
static int
crypto_error(struct err *err, const char *what)
{
	unsigned long code = ERR_get_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return err_set(err, "%s: %s", what, reason ? reason : "unknown OpenSSL error");
}

static struct keyfile *
wrap(EVP_PKEY *pkey)
{
	struct keyfile *key = alloc_zero(sizeof *key);

	key->pkey = pkey;
	return key;
}

void
keyfile_free(struct keyfile *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

/* --- making and reading keys --- */

static int
setup_rsa(EVP_PKEY_CTX *ctx, const char *size, struct err *err)
{
	uint64_t bits;

	if (!text_number(size, RSA_BITS_LIMIT, &bits) || bits < RSA_BITS_LEAST)
		return err_set(err,
		    "bad number of bits \"%s\": an rsa key has %d to %d, and %d or more is fit for use", size,
		    RSA_BITS_LEAST, RSA_BITS_LIMIT, RSA_BITS_COMMON);
	if (EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) <= 0)
		return crypto_error(err, "number of bits");
	return 0;
}

static int
setup_ec(EVP_PKEY_CTX *ctx, const char *curve, struct err *err)
{
	EC_GROUP *group;

	/* The SEC names of these two are unknown to OpenSSL. */
	if (strcmp(curve, "secp256r1") == 0)
		curve = "prime256v1";
	else if (strcmp(curve, "secp192r1") == 0)
		curve = "prime192v1";
	group = EC_GROUP_new_by_curve_name(OBJ_txt2nid(curve));
	EC_GROUP_free(group);
	if (group && EVP_PKEY_CTX_set_group_name(ctx, curve) > 0)
		return 0;
	ERR_clear_error();
	return err_set(
	    err, "no curve is named \"%s\": secp256r1, secp384r1 and secp521r1 are fit for use", curve);
}

/* These have one size. */
static int
setup_nothing(EVP_PKEY_CTX *ctx, const char *size, struct err *err)
{
	(void)ctx;
	return *size ? err_set(err, "keys of this algorithm have one size, and no \"%s\"", size) : 0;
}

static const struct {
	const char *name; /* the library's */
	int (*setup)(EVP_PKEY_CTX *ctx, const char *size, struct err *err);
} algorithms[] = {
	[KEYFILE_RSA] = { "RSA", setup_rsa },
	[KEYFILE_ECDSA] = { "EC", setup_ec },
	[KEYFILE_ED25519] = { "ED25519", setup_nothing },
	[KEYFILE_ED448] = { "ED448", setup_nothing },
};

enum keyfile_algorithm
keyfile_algorithm_of(const char *name)
{
	for (int i = 0; i < KEYFILE_OTHER; i++)
		if (strcmp(name, algorithms[i].name) == 0)
			return (enum keyfile_algorithm)i;
	return strcmp(name, "RSA-PSS") == 0 ? KEYFILE_RSA : KEYFILE_OTHER;
}

struct keyfile *
keyfile_generate(enum keyfile_algorithm algorithm, const char *size, struct err *err)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithms[algorithm].name, NULL);
	EVP_PKEY *pkey = NULL;
	struct keyfile *key = NULL;

	if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0) {
		crypto_error(err, "start");
		goto out;
	}
	if (algorithms[algorithm].setup(ctx, size, err) < 0)
		goto out;
	if (EVP_PKEY_generate(ctx, &pkey) <= 0) {
		crypto_error(err, "generate");
		goto out;
	}
	key = wrap(pkey);
out:
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Encrypted keys are not asked for: no server could read them unattended. */
static int
no_pass_phrase(char *to, int size, int writing, void *context)
{
	(void)to, (void)size, (void)writing, (void)context;
	return -1;
}

/* A regular file as a BIO over `bytes`, which must live as long. */
static BIO *
open_file(const char *path, struct buf *bytes, struct err *err)
{
	struct stat st;
	BIO *bio;

	/* Asked before opening: a FIFO or device would block or have effects. */
	if (stat(path, &st) < 0) {
		err_errno(err, "open %s", path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(err, "open %s: not a regular file", path);
		return NULL;
	}
	if (file_read(path, FILE_LIMIT, bytes, err) < 0)
		return NULL;
	bio = BIO_new_mem_buf(buf_str(bytes), (int)bytes->len);
	if (!bio)
		crypto_error(err, path);
	return bio;
}

static enum keyfile_algorithm
algorithm_of(const EVP_PKEY *pkey)
{
	const char *name = EVP_PKEY_get0_type_name(pkey);

	return name ? keyfile_algorithm_of(name) : KEYFILE_OTHER;
}

struct keyfile *
keyfile_load(const char *path, struct err *err)
{
	struct buf bytes = BUF_INIT;
	struct keyfile *key = NULL;
	BIO *bio = open_file(path, &bytes, err);
	EVP_PKEY *pkey;

	if (!bio)
		goto out;
	pkey = PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL);
	if (!pkey) {
		const unsigned char *at = (const unsigned char *)buf_str(&bytes);
		pkey = d2i_AutoPrivateKey(NULL, &at, (long)bytes.len);
	}
	if (pkey)
		key = wrap(pkey);
	else
		err_set(err, "%s: no private key that can be read without a pass phrase", path);
	ERR_clear_error();
	BIO_free(bio);
	if (key && EVP_PKEY_is_a(key->pkey, "DSA")) {
		err_set(err, "%s: DSA keys are not supported", path);
		keyfile_free(key);
		key = NULL;
	}
out:
	buf_release_secret(&bytes);
	return key;
}

struct keyfile *
keyfile_load_of(const char *path, enum keyfile_algorithm algorithm, struct err *err)
{
	struct buf bytes = BUF_INIT;
	BIO *bio = open_file(path, &bytes, err);
	EVP_PKEY *pkey = NULL;

	if (bio) {
		while ((pkey = PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL)) &&
		       algorithm_of(pkey) != algorithm)
			EVP_PKEY_free(pkey);
		if (!pkey)
			err_set(err, "%s: no such private key that can be read", path);
		ERR_clear_error();
		BIO_free(bio);
	}
	buf_release_secret(&bytes);
	return pkey ? wrap(pkey) : NULL;
}

/* --- questions --- */

enum keyfile_algorithm
keyfile_algorithm(const struct keyfile *key)
{
	return algorithm_of(key->pkey);
}

bool
keyfile_is_uncommon(const struct keyfile *key)
{
	static const char *const common[] = { SN_X9_62_prime256v1, SN_secp384r1, SN_secp521r1 };
	char group[80];

	switch (keyfile_algorithm(key)) {
	case KEYFILE_RSA:
		return EVP_PKEY_get_bits(key->pkey) < RSA_BITS_COMMON;
	case KEYFILE_ECDSA:
		if (!EVP_PKEY_get_utf8_string_param(
			key->pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, NULL))
			return true;
		for (size_t i = 0; i < sizeof common / sizeof *common; i++)
			if (strcmp(group, common[i]) == 0)
				return false;
		return true;
	case KEYFILE_ED25519:
	case KEYFILE_ED448:
	case KEYFILE_OTHER:
		break;
	}
	return true;
}

/* --- output --- */

/* Moves what was written to `bio` into `to`. */
static void
collect(BIO *bio, struct buf *to)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);

	if (len > 0)
		buf_add(to, bytes, (size_t)len);
}

int
keyfile_encode(const struct keyfile *key, enum keyfile_layout layout, struct buf *pem, struct err *err)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	bool done;

	if (!bio)
		return crypto_error(err, "encode private key");
	if (keyfile_algorithm(key) == KEYFILE_ECDSA)
		done = (layout == KEYFILE_COPY || PEM_write_bio_Parameters(bio, key->pkey)) &&
		       PEM_write_bio_PrivateKey_traditional(bio, key->pkey, NULL, NULL, 0, NULL, NULL);
	else
		done = PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL);
	if (done)
		collect(bio, pem);
	BIO_free(bio);
	return done ? 0 : crypto_error(err, "encode private key");
}

int
keyfile_digest(const struct keyfile *key, int matching, struct buf *hex, struct err *err)
{
	unsigned char *der = NULL;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	int len = i2d_PUBKEY(key->pkey, &der);
	bool done = len > 0 && EVP_Digest(der, (size_t)len, digest, &size,
				   matching == 2 ? EVP_sha512() : EVP_sha256(), NULL);

	OPENSSL_free(der);
	if (!done)
		return crypto_error(err, "public key digest");
	for (unsigned int i = 0; i < size; i++)
		buf_printf(hex, "%02x", digest[i]);
	return 0;
}

/* Built from structures: text for OpenSSL's configuration language would give names a meaning. */
static X509_EXTENSION *
alternative_names(const char *const *names, size_t count)
{
	GENERAL_NAMES *list = GENERAL_NAMES_new();
	X509_EXTENSION *extension = NULL;

	for (size_t i = 0; list && i < count; i++) {
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_IA5STRING *text = ASN1_IA5STRING_new();

		if (!name || !text || !ASN1_STRING_set(text, names[i], (int)strlen(names[i]))) {
			GENERAL_NAME_free(name);
			ASN1_IA5STRING_free(text);
			goto out;
		}
		GENERAL_NAME_set0_value(name, GEN_DNS, text);
		if (!sk_GENERAL_NAME_push(list, name)) {
			GENERAL_NAME_free(name);
			goto out;
		}
	}
	if (list)
		extension = X509V3_EXT_i2d(NID_subject_alt_name, 0, list);
out:
	GENERAL_NAMES_free(list);
	return extension;
}

static bool
push(STACK_OF(X509_EXTENSION) * list, X509_EXTENSION *extension)
{
	if (extension && sk_X509_EXTENSION_push(list, extension))
		return true;
	X509_EXTENSION_free(extension);
	return false;
}

/* The extensions both kinds share, in the order they appear. NULL on failure. */
static STACK_OF(X509_EXTENSION) *
    extensions_new(X509V3_CTX *ctx, bool constraints, const char *const *names, size_t count)
{
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();

	if (list &&
	    (!constraints || push(list, X509V3_EXT_conf_nid(NULL, ctx, NID_basic_constraints, "CA:FALSE"))) &&
	    push(list, X509V3_EXT_conf_nid(NULL, ctx, NID_subject_key_identifier, "hash")) &&
	    push(list, X509V3_EXT_conf_nid(NULL, ctx, NID_ext_key_usage, "serverAuth,clientAuth")) &&
	    push(list, alternative_names(names, count)))
		return list;
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return NULL;
}

/* Ed25519 and Ed448 have a digest of their own and take no other. */
static const EVP_MD *
signature_digest(const struct keyfile *key)
{
	return keyfile_algorithm(key) > KEYFILE_ECDSA ? NULL : EVP_sha256();
}

static bool
set_serial(X509 *cert)
{
	BIGNUM *number = BN_new();
	bool done = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
		    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));

	BN_free(number);
	return done;
}

/* The DNS names say it all; a common name has to be there and is limited. */
static bool
set_name(X509 *cert, const char *common_name)
{
	X509_NAME *name = X509_get_subject_name(cert);
	const char *dot;

	while (strlen(common_name) > COMMON_NAME_LIMIT && (dot = strchr(common_name, '.')))
		common_name = dot + 1;

	return X509_NAME_add_entry_by_NID(
		   name, NID_commonName, MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) &&
	       X509_set_issuer_name(cert, name);
}

static bool
set_validity(X509 *cert)
{
	time_t now = now_wall();

	return X509_time_adj_ex(X509_getm_notBefore(cert), 0, 0, &now) &&
	       X509_time_adj_ex(X509_getm_notAfter(cert), VALID_DAYS, 0, &now);
}

static bool
set_extensions(X509 *cert, const char *const *names, size_t count)
{
	STACK_OF(X509_EXTENSION) * list;
	X509V3_CTX ctx;
	bool done = true;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	list = extensions_new(&ctx, true, names, count);
	if (!list)
		return false;
	for (int i = 0; done && i < sk_X509_EXTENSION_num(list); i++)
		done = X509_add_ext(cert, sk_X509_EXTENSION_value(list, i), -1);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return done;
}

int
keyfile_certificate(
    const struct keyfile *key, const char *const *names, size_t count, struct buf *pem, struct err *err)
{
	X509 *cert = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	bool done = cert && bio && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
		    set_name(cert, names[0]) && set_validity(cert) && X509_set_pubkey(cert, key->pkey) &&
		    set_extensions(cert, names, count) &&
		    X509_sign(cert, key->pkey, signature_digest(key)) > 0 && PEM_write_bio_X509(bio, cert);

	if (done)
		collect(bio, pem);
	BIO_free(bio);
	X509_free(cert);
	return done ? 0 : crypto_error(err, "make certificate");
}

int
keyfile_request(
    const struct keyfile *key, const char *const *names, size_t count, struct buf *pem, struct err *err)
{
	X509_REQ *request = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	STACK_OF(X509_EXTENSION) *list = NULL;
	X509V3_CTX ctx;
	bool done = request && bio && X509_REQ_set_version(request, X509_REQ_VERSION_1) &&
		    X509_REQ_set_pubkey(request, key->pkey);

	if (done) {
		X509V3_set_ctx_nodb(&ctx);
		X509V3_set_ctx(&ctx, NULL, NULL, request, NULL, 0);
		list = extensions_new(&ctx, false, names, count);
	}
	done = list && X509_REQ_add_extensions(request, list) &&
	       X509_REQ_sign(request, key->pkey, signature_digest(key)) > 0 &&
	       PEM_write_bio_X509_REQ(bio, request);
	if (done)
		collect(bio, pem);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	BIO_free(bio);
	X509_REQ_free(request);
	return done ? 0 : crypto_error(err, "make certificate request");
}
