/* SPDX-License-Identifier: ISC */
#include "tls/certfact.h"

#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "tls/peername.h"
#include "util/buf.h"

enum { DAY_S = 24 * 3600, NAMES_LIMIT = 20 };

const char *
certfact_kind(const struct x509_st *cert)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);
	const char *name = key ? EVP_PKEY_get0_type_name(key) : NULL;

	return name ? name : "unknown";
}

void
certfact_put_subject(struct buf *to, const struct x509_st *cert)
{
	peername_one_line(to, X509_get_subject_name(cert));
}

void
certfact_put_names(struct buf *to, const struct x509_st *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int put = 0, left_out = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_DNS)
			continue;
		if (put == NAMES_LIMIT) {
			left_out++;
			continue;
		}
		buf_printf(to, "%s%.*s", put++ > 0 ? " " : "", ASN1_STRING_length(name->d.dNSName),
		    (const char *)ASN1_STRING_get0_data(name->d.dNSName));
	}
	GENERAL_NAMES_free(names);
	if (left_out > 0)
		buf_printf(to, " and %d more", left_out);
	if (put == 0)
		certfact_put_subject(to, cert);
}

void
certfact_put_time(struct buf *to, const struct asn1_string_st *time)
{
	struct tm tm;
	char text[64];

	if (ASN1_TIME_to_tm(time, &tm) && strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm) > 0)
		buf_add_str(to, text);
	else
		buf_add_str(to, "an unknown time");
}

bool
certfact_time(const struct asn1_string_st *time, int64_t *seconds)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days, rest;
	bool known = epoch && ASN1_TIME_diff(&days, &rest, epoch, time);

	ASN1_TIME_free(epoch);
	if (known)
		*seconds = (int64_t)days * DAY_S + rest;
	return known;
}
