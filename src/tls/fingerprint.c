/* SPDX-License-Identifier: ISC */
#include "tls/fingerprint.h"

#include <stddef.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/hex.h"

struct evp_md_st *
fingerprint_digest(const char *name)
{
	EVP_MD *digest = NULL;

	/* The older lookup knows fewer spellings; only what it knows is a digest name to Postfix. */
	if (EVP_get_digestbyname(name))
		digest = EVP_MD_fetch(NULL, name, NULL);
	if (!digest)
		ERR_clear_error();
	return digest;
}

void
fingerprint_digest_free(struct evp_md_st *digest)
{
	EVP_MD_free(digest);
}

static char *
digest_text(const void *bytes, size_t len, const EVP_MD *digest)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned int raw_len = 0;
	struct buf text = BUF_INIT;

	if (!EVP_Digest(bytes, len, raw, &raw_len, digest, NULL)) {
		ERR_clear_error();
		return alloc_string("");
	}
	hex_encode(&text, raw, raw_len, ':');
	return buf_detach(&text);
}

char *
fingerprint_cert(const struct x509_st *cert, const struct evp_md_st *digest)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	char *text = len > 0 ? digest_text(der, (size_t)len, digest) : alloc_string("");

	OPENSSL_free(der);
	return text;
}

char *
fingerprint_pkey(const struct x509_st *cert, const struct evp_md_st *digest, bool legacy)
{
	if (legacy) {
		const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(cert);

		if (!bits)
			return alloc_string("");
		return digest_text(ASN1_STRING_get0_data(bits), (size_t)ASN1_STRING_length(bits), digest);
	}

	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	char *text = len > 0 ? digest_text(der, (size_t)len, digest) : alloc_string("");

	OPENSSL_free(der);
	return text;
}
