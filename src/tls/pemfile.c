/* SPDX-License-Identifier: ISC */
#include "tls/pemfile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tls/authority.h"
#include "tls/certfact.h"
#include "tls/pem_text.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/hex.h"
#include "util/text.h"

enum { FILE_LIMIT = 1 << 20, OBJECTS_LIMIT = 1000, STRONG_BITS = 112, DIGEST_SIZE = 32 };

struct item {
	struct pemfile_object object; /* its strings are owned */
	EVP_PKEY *key;                /* owned; of a certificate: its public key */
	X509 *cert;                   /* owned */
};

struct pemfile {
	struct item *items; /* owned */
	size_t count;
	char **files; /* owned: names of all files */
	size_t file_count;
	const char *cut_off; /* one of `files` */
};

struct pemfile *
pemfile_new(void)
{
	return alloc_zero(sizeof(struct pemfile));
}

static void
item_release(struct item *item)
{
	for (size_t i = 0; i < item->object.name_count; i++)
		free(item->object.names[i]);
	free(item->object.names);
	free(item->object.type);
	free(item->object.algorithm);
	free(item->object.group);
	free(item->object.subject);
	free(item->object.issuer);
	free(item->object.common_name);
	free(item->object.issuer_url);
	free(item->object.signature);
	EVP_PKEY_free(item->key);
	X509_free(item->cert);
}

void
pemfile_free(struct pemfile *pemfile)
{
	if (!pemfile)
		return;
	for (size_t i = 0; i < pemfile->count; i++)
		item_release(&pemfile->items[i]);
	for (size_t i = 0; i < pemfile->file_count; i++)
		free(pemfile->files[i]);
	free(pemfile->items);
	free(pemfile->files);
	free(pemfile);
}

/* --- facts --- */

static void
put_digest(char hex[65], const unsigned char *bytes, int len)
{
	unsigned char digest[DIGEST_SIZE];
	struct buf text = BUF_INIT;

	if (len <= 0 || !EVP_Digest(bytes, (size_t)len, digest, NULL, EVP_sha256(), NULL))
		return;
	hex_encode(&text, digest, sizeof digest, 0);
	memcpy(hex, text_lower(text.bytes), text.len + 1);
	buf_release(&text);
}

static bool
is_common_group(const char *group)
{
	return strcmp(group, SN_X9_62_prime256v1) == 0 || strcmp(group, SN_secp384r1) == 0 ||
	       strcmp(group, SN_secp521r1) == 0;
}

static void
describe_key(struct pemfile_object *object, EVP_PKEY *key)
{
	const char *name = EVP_PKEY_get0_type_name(key);
	unsigned char *der = NULL;
	char group[80] = "";
	int len;

	free(object->algorithm);
	free(object->group);
	object->algorithm = alloc_string(name ? name : "unknown");
	if (EVP_PKEY_is_a(key, "EC") &&
	    !EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, NULL))
		strcpy(group, "unknown");
	object->group = alloc_string(group);
	object->bits = EVP_PKEY_get_bits(key);
	object->weak_key = EVP_PKEY_get_security_bits(key) < STRONG_BITS || EVP_PKEY_is_a(key, "DSA");
	object->rare_key =
	    *group ? !is_common_group(group) : EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448");
	len = i2d_PUBKEY(key, &der);
	put_digest(object->digest, der, len);
	OPENSSL_free(der);
}

static char *
name_in_words(const X509_NAME *name)
{
	char *line = X509_NAME_oneline(name, NULL, 0);
	char *copy = alloc_string(line ? line : "");

	OPENSSL_free(line);
	return copy;
}

static char *
common_name(const X509 *cert)
{
	X509_NAME *name = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *text = NULL;
	int len =
	    at < 0 ? -1 : ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	char *copy =
	    len < 0 ? alloc_string("") : alloc_string_n((char *)text, strnlen((char *)text, (size_t)len));

	OPENSSL_free(text);
	return copy;
}

static char *
copy_string(const ASN1_STRING *string)
{
	const char *bytes = (const char *)ASN1_STRING_get0_data(string);

	return alloc_string_n(bytes, strnlen(bytes, (size_t)ASN1_STRING_length(string)));
}

static void
describe_names(struct pemfile_object *object, const X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

	object->names = alloc_array(
	    (size_t)(sk_GENERAL_NAME_num(names) > 0 ? sk_GENERAL_NAME_num(names) : 1), sizeof *object->names);
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			object->names[object->name_count++] = copy_string(name->d.dNSName);
	}
	GENERAL_NAMES_free(names);
}

static char *
issuer_url(const X509 *cert)
{
	AUTHORITY_INFO_ACCESS *list = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
	char *url = NULL;

	for (int i = 0; !url && i < sk_ACCESS_DESCRIPTION_num(list); i++) {
		const ACCESS_DESCRIPTION *access = sk_ACCESS_DESCRIPTION_value(list, i);

		if (OBJ_obj2nid(access->method) == NID_ad_ca_issuers && access->location->type == GEN_URI)
			url = copy_string(access->location->d.uniformResourceIdentifier);
	}
	AUTHORITY_INFO_ACCESS_free(list);
	return url ? url : alloc_string("");
}

static void
describe_signature(struct pemfile_object *object, const X509 *cert)
{
	int digest = NID_undef;
	int kind = X509_get_signature_nid(cert);

	object->signature = alloc_string(OBJ_nid2ln(kind));
	object->self_signed = X509_self_signed((X509 *)cert, 0) == 1;
	/* Nobody relies on the signature of a certificate on itself. */
	if (X509_get_signature_info((X509 *)cert, &digest, NULL, NULL, NULL) && !object->self_signed)
		object->weak_signature = digest == NID_md5 || digest == NID_sha1 || digest == NID_md5_sha1;
}

static void
describe_certificate(struct pemfile_object *object, X509 *cert)
{
	unsigned char *der = NULL;
	int len;
	/* Also fills what the library caches. */
	uint32_t flags = X509_get_extension_flags(cert);
	uint32_t usage = flags & EXFLAG_XKUSAGE ? X509_get_extended_key_usage(cert) : UINT32_MAX;

	object->subject = name_in_words(X509_get_subject_name(cert));
	object->issuer = name_in_words(X509_get_issuer_name(cert));
	object->common_name = common_name(cert);
	describe_names(object, cert);
	object->issuer_url = issuer_url(cert);
	describe_signature(object, cert);
	object->authority = (flags & EXFLAG_CA) != 0;
	object->no_server = !(usage & (XKU_SSL_SERVER | XKU_ANYEKU));
	object->no_client = !(usage & (XKU_SSL_CLIENT | XKU_ANYEKU));
	if (!certfact_time(X509_get0_notBefore(cert), &object->not_before))
		object->not_before = INT64_MAX;
	if (!certfact_time(X509_get0_notAfter(cert), &object->not_after))
		object->not_after = INT64_MIN;
	len = i2d_X509(cert, &der);
	put_digest(object->cert_digest, der, len);
	OPENSSL_free(der);
}

/* --- objects --- */

static struct item *
add_item(struct pemfile *pemfile, int index, const char *type)
{
	struct item *item;

	pemfile->items = alloc_resize(pemfile->items, pemfile->count + 1, sizeof *pemfile->items);
	item = &pemfile->items[pemfile->count++];
	*item = (struct item){
		.object = { .kind = PEMFILE_BAD,
		    .file = pemfile->files[pemfile->file_count - 1],
		    .index = index,
		    .type = alloc_string(type),
		    .algorithm = alloc_string(""),
		    .group = alloc_string("") },
	};
	return item;
}

/* Takes `key`. */
static void
set_key(struct item *item, EVP_PKEY *key)
{
	item->key = key;
	item->object.kind = PEMFILE_KEY;
	describe_key(&item->object, key);
}

/* Takes `cert`. */
static void
set_cert(struct item *item, X509 *cert)
{
	item->cert = cert;
	item->key = X509_get_pubkey(cert);
	item->object.kind = PEMFILE_CERTIFICATE;
	describe_certificate(&item->object, cert);
	if (item->key)
		describe_key(&item->object, item->key);
}

static bool
is_key_type(const char *type)
{
	const char *end = strstr(type, "PRIVATE KEY");

	return end && strcmp(end, "PRIVATE KEY") == 0;
}

static void
decode(struct item *item, const char *header, const unsigned char *der, long len)
{
	const char *type = item->object.type;
	const unsigned char *at = der;

	if (strcmp(type, PEM_STRING_X509) == 0 || strcmp(type, PEM_STRING_X509_OLD) == 0) {
		X509 *cert = d2i_X509(NULL, &at, len);

		if (cert)
			set_cert(item, cert);
	} else if (strcmp(type, PEM_STRING_PKCS8) == 0 || strstr(header, "ENCRYPTED")) {
		item->object.kind = PEMFILE_KEY;
		item->object.encrypted = true;
	} else if (is_key_type(type)) {
		EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, len);

		if (key)
			set_key(item, key);
	} else {
		item->object.kind = PEMFILE_OTHER;
	}
	ERR_clear_error();
}

/* False when the file is no PEM file. */
static bool
add_pem(struct pemfile *pemfile, const void *bytes, size_t len)
{
	BIO *bio = BIO_new_mem_buf(bytes, (int)len);
	char *type = NULL, *header = NULL;
	unsigned char *der = NULL;
	long der_len = 0;
	int index = 0;

	/* The secure flag has the library wipe its copies of a key. */
	while (
	    bio && index < OBJECTS_LIMIT &&
	    PEM_read_bio_ex(bio, &type, &header, &der, &der_len, PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE)) {
		decode(add_item(pemfile, ++index, type), header, der, der_len);
		OPENSSL_secure_free(type);
		OPENSSL_secure_free(header);
		OPENSSL_secure_clear_free(der, der_len > 0 ? (size_t)der_len : 0);
	}
	if (bio && index < OBJECTS_LIMIT && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		add_item(pemfile, ++index, "");
	ERR_clear_error();
	BIO_free(bio);
	return index > 0;
}

static void
add_der(struct pemfile *pemfile, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	X509 *cert = d2i_X509(NULL, &at, (long)len);
	EVP_PKEY *key = NULL;

	if (!cert) {
		at = bytes;
		key = d2i_AutoPrivateKey(NULL, &at, (long)len);
	}
	ERR_clear_error();
	if (!cert && !key)
		return;

	struct item *item = add_item(pemfile, 1, "");

	item->object.der = true;
	if (cert)
		set_cert(item, cert);
	else
		set_key(item, key);
}

void
pemfile_add(struct pemfile *pemfile, const char *file, const void *bytes, size_t len)
{
	pemfile->files = alloc_resize(pemfile->files, pemfile->file_count + 1, sizeof *pemfile->files);
	pemfile->files[pemfile->file_count++] = alloc_string(file);
	if (len > FILE_LIMIT)
		return;
	if (!pemfile->cut_off && pem_text_blocks(bytes, len) < 0)
		pemfile->cut_off = pemfile->files[pemfile->file_count - 1];
	if (!add_pem(pemfile, bytes, len))
		add_der(pemfile, bytes, len);
}

int
pemfile_add_file(struct pemfile *pemfile, const char *path, struct err *err)
{
	struct buf bytes = BUF_INIT;
	struct stat st;
	int result;

	/* Asked before opening: a FIFO or device would block or have effects. */
	if (stat(path, &st) < 0)
		return err_errno(err, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, "open %s: not a regular file", path);
	result = file_read(path, FILE_LIMIT, &bytes, err);
	if (result == 0)
		pemfile_add(pemfile, path, buf_str(&bytes), bytes.len);
	buf_release_secret(&bytes);
	return result;
}

/* --- questions --- */

const char *
pemfile_cut_off(const struct pemfile *pemfile)
{
	return pemfile->cut_off;
}

size_t
pemfile_count(const struct pemfile *pemfile)
{
	return pemfile->count;
}

const struct pemfile_object *
pemfile_object(const struct pemfile *pemfile, size_t index)
{
	return &pemfile->items[index].object;
}

size_t
pemfile_next(const struct pemfile *pemfile, enum pemfile_kind kind, size_t from)
{
	while (from < pemfile->count && pemfile->items[from].object.kind != kind)
		from++;
	return from;
}

bool
pemfile_key_fits(const struct pemfile *pemfile, size_t key, size_t cert)
{
	const EVP_PKEY *private = pemfile->items[key].key;
	const EVP_PKEY *public = pemfile->items[cert].key;
	bool fits = private && public && EVP_PKEY_eq(private, public) == 1;

	ERR_clear_error();
	return fits;
}

bool
pemfile_is_issuer(const struct pemfile *pemfile, size_t issuer, size_t cert)
{
	const struct item *from = &pemfile->items[issuer], *to = &pemfile->items[cert];
	bool is = from->cert && to->cert && from->key &&
		  X509_check_issued(from->cert, to->cert) == X509_V_OK &&
		  X509_verify(to->cert, from->key) == 1;

	ERR_clear_error();
	return is;
}

bool
pemfile_is_for_host(const struct pemfile *pemfile, size_t cert, const char *host)
{
	X509 *x509 = pemfile->items[cert].cert;

	return x509 && X509_check_host(x509, host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

static bool
bytes_fit(const unsigned char *der, int der_len, int mtype, const void *data, size_t len)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int digest_len;
	const EVP_MD *md = mtype == 1 ? EVP_sha256() : mtype == 2 ? EVP_sha512() : NULL;

	if (der_len <= 0)
		return false;
	if (mtype == 0)
		return len == (size_t)der_len && memcmp(data, der, len) == 0;
	return md && EVP_Digest(der, (size_t)der_len, digest, &digest_len, md, NULL) && len == digest_len &&
	       memcmp(data, digest, len) == 0;
}

bool
pemfile_fits_record(
    const struct pemfile *pemfile, size_t cert, int selector, int mtype, const void *data, size_t len)
{
	const struct item *item = &pemfile->items[cert];
	unsigned char *der = NULL;
	int der_len;
	bool fits;

	if (!item->cert || !item->key || selector < 0 || selector > 1)
		return false;
	/* As they were signed, not as they would be written anew. */
	der_len = selector == 0 ? i2d_X509(item->cert, &der)
				: i2d_X509_PUBKEY(X509_get_X509_PUBKEY(item->cert), &der);
	fits = bytes_fit(der, der_len, mtype, data, len);
	OPENSSL_free(der);
	return fits;
}

/* --- trust --- */

/* How far the certificates of the files lead from `leaf`; `end` is where the next key is. */
static size_t
last_of_chain(const struct pemfile *pemfile, size_t leaf, size_t end)
{
	size_t at = leaf;

	for (size_t steps = 0; steps < end - leaf && !pemfile->items[at].object.self_signed; steps++) {
		size_t next = leaf + 1;

		while (next < end && (next == at || !pemfile_is_issuer(pemfile, next, at)))
			next++;
		if (next >= end)
			break;
		at = next;
	}
	return at;
}

static enum pemfile_trust
judge(int error, struct err *err)
{
	switch (error) {
	case X509_V_OK:
		return PEMFILE_TRUSTED;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return PEMFILE_NO_ISSUER;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return PEMFILE_SELF_ISSUED;
	default:
		err_set(err, "%s", X509_verify_cert_error_string(error));
		return PEMFILE_UNTRUSTED;
	}
}

/* Authorities that cannot be loaded are none. */
static SSL_CTX *
authorities_new(const char *ca_file, const char *ca_path, bool system)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx && ((*ca_file && authority_load_file(ctx, ca_file, chain_read_file, NULL) < 0) ||
		       (*ca_path && authority_use_path(ctx, ca_path) < 0) ||
		       (system && authority_load_default(ctx, chain_read_file, NULL) < 0)))
		ERR_clear_error();
	return ctx;
}

static int
verify(X509 *leaf, STACK_OF(X509) * others, X509_STORE *store, unsigned long flags)
{
	X509_STORE_CTX *verifier = X509_STORE_CTX_new();
	int error = X509_V_ERR_OUT_OF_MEM;

	if (verifier && X509_STORE_CTX_init(verifier, store, leaf, others)) {
		X509_STORE_CTX_set_flags(verifier, flags);
		error = X509_verify_cert(verifier) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(verifier);
	}
	X509_STORE_CTX_free(verifier);
	return error;
}

/* X509_V_OK or why not; *behind is the object behind the last certificate that was used. */
static int
verify_chain(const struct pemfile *pemfile, size_t leaf, SSL_CTX *ctx, unsigned long flags, size_t *behind)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	size_t end = leaf + 1;
	int error = X509_V_ERR_OUT_OF_MEM;

	for (; end < pemfile->count && pemfile->items[end].object.kind != PEMFILE_KEY; end++)
		if (others && pemfile->items[end].cert && !sk_X509_push(others, pemfile->items[end].cert))
			break;
	*behind = end;
	if (ctx && others && pemfile->items[leaf].cert)
		error = verify(pemfile->items[leaf].cert, others, SSL_CTX_get_cert_store(ctx), flags);
	sk_X509_free(others);
	ERR_clear_error();
	return error;
}

enum pemfile_trust
pemfile_trust(const struct pemfile *pemfile, size_t leaf, const char *ca_file, const char *ca_path,
    bool system, size_t *last, struct err *err)
{
	SSL_CTX *ctx = authorities_new(ca_file, ca_path, system);
	size_t end;
	int error = verify_chain(pemfile, leaf, ctx, X509_V_FLAG_NO_CHECK_TIME, &end);

	*last = last_of_chain(pemfile, leaf, end);
	SSL_CTX_free(ctx);
	return judge(error, err);
}

bool
pemfile_is_trusted_today(const struct pemfile *pemfile, size_t leaf, const char *ca_file, const char *ca_path)
{
	SSL_CTX *ctx = authorities_new(ca_file, ca_path, true);
	size_t end;
	int error = verify_chain(pemfile, leaf, ctx, 0, &end);

	SSL_CTX_free(ctx);
	return error == X509_V_OK;
}
