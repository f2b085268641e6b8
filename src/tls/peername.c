/* SPDX-License-Identifier: ISC */
#include "tls/peername.h"

#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"

enum { TEXT_LIMIT = 256, LINE_LIMIT = 255 };

/* The text of the first attribute of type `nid`; NULL when absent or unfit. */
static char *
text_of(const X509_NAME *name, int nid, const char *what, const char *namaddr)
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	unsigned char *utf8 = NULL;
	char *text = NULL;

	if (at < 0)
		return NULL;

	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	int len = ASN1_STRING_to_UTF8(&utf8, value);

	if (len < 0) {
		log_warn("tls_text_name: %s: error decoding peer %s of ASN.1 type=%d", namaddr, what,
		    ASN1_STRING_type(value));
		ERR_clear_error();
		return NULL;
	}
	while (len > 0 && utf8[len - 1] == '\0')
		len--;
	if (len >= TEXT_LIMIT) {
		log_warn("tls_text_name: %s: peer %s too long: %d", namaddr, what, len);
		goto out;
	}
	/* A name that ends early for some readers and not for others was made to deceive. */
	if (memchr(utf8, '\0', (size_t)len)) {
		log_warn("tls_text_name: %s: NULL character in peer %s", namaddr, what);
		goto out;
	}
	for (int i = 0; i < len; i++) {
		if (utf8[i] < ' ' || utf8[i] == 0x7f) {
			log_warn("tls_text_name: %s: non-printable content in peer %s", namaddr, what);
			goto out;
		}
	}
	text = alloc_string_n((const char *)utf8, (size_t)len);
out:
	OPENSSL_free(utf8);
	return text;
}

char *
peername_subject_cn(const struct x509_st *cert, const char *namaddr)
{
	char *text = text_of(X509_get_subject_name(cert), NID_commonName, "subject CN", namaddr);

	return text ? text : alloc_string("");
}

char *
peername_issuer_cn(const struct x509_st *cert, const char *namaddr)
{
	const X509_NAME *issuer = X509_get_issuer_name(cert);
	char *text = text_of(issuer, NID_commonName, "issuer CN", namaddr);

	if (!text)
		text = text_of(issuer, NID_organizationName, "issuer Organization", namaddr);
	return text ? text : alloc_string("");
}

void
peername_one_line(struct buf *to, const struct X509_name_st *name)
{
	char line[LINE_LIMIT + 1] = "";

	X509_NAME_oneline(name, line, sizeof line);
	for (char *at = line; *at; at++)
		if ((unsigned char)*at < ' ' || (unsigned char)*at >= 0x7f)
			*at = '?';
	buf_add_str(to, line);
}
