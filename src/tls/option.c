/* SPDX-License-Identifier: ISC */
#include "tls/option.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/ssl.h>

#include "util/log.h"
#include "util/text.h"

struct option {
	const char *name;
	uint64_t bits; /* 0: the library no longer has it */
};

static const struct option workarounds[] = {
	{ "MICROSOFT_SESS_ID_BUG", SSL_OP_MICROSOFT_SESS_ID_BUG },
	{ "NETSCAPE_CHALLENGE_BUG", SSL_OP_NETSCAPE_CHALLENGE_BUG },
	{ "LEGACY_SERVER_CONNECT", SSL_OP_LEGACY_SERVER_CONNECT },
	{ "NETSCAPE_REUSE_CIPHER_CHANGE_BUG", SSL_OP_NETSCAPE_REUSE_CIPHER_CHANGE_BUG },
	{ "CVE-2010-4180", SSL_OP_NETSCAPE_REUSE_CIPHER_CHANGE_BUG },
	{ "SSLREF2_REUSE_CERT_TYPE_BUG", SSL_OP_SSLREF2_REUSE_CERT_TYPE_BUG },
	{ "MICROSOFT_BIG_SSLV3_BUFFER", SSL_OP_MICROSOFT_BIG_SSLV3_BUFFER },
	{ "MSIE_SSLV2_RSA_PADDING", SSL_OP_MSIE_SSLV2_RSA_PADDING },
	{ "CVE-2005-2969", SSL_OP_MSIE_SSLV2_RSA_PADDING },
	{ "SSLEAY_080_CLIENT_DH_BUG", SSL_OP_SSLEAY_080_CLIENT_DH_BUG },
	{ "TLS_D5_BUG", SSL_OP_TLS_D5_BUG },
	{ "TLS_BLOCK_PADDING_BUG", SSL_OP_TLS_BLOCK_PADDING_BUG },
	{ "TLS_ROLLBACK_BUG", SSL_OP_TLS_ROLLBACK_BUG },
	{ "DONT_INSERT_EMPTY_FRAGMENTS", SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS },
	{ "CRYPTOPRO_TLSEXT_BUG", SSL_OP_CRYPTOPRO_TLSEXT_BUG },
	{ "TLSEXT_PADDING", SSL_OP_TLSEXT_PADDING },
	{ NULL, 0 },
};

static const struct option extras[] = {
	{ "LEGACY_SERVER_CONNECT", SSL_OP_LEGACY_SERVER_CONNECT },
	{ "NO_TICKET", SSL_OP_NO_TICKET },
	{ "NO_COMPRESSION", SSL_OP_NO_COMPRESSION },
	{ "NO_RENEGOTIATION", SSL_OP_NO_RENEGOTIATION },
	{ "NO_SESSION_RESUMPTION_ON_RENEGOTIATION", SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION },
	{ "PRIORITIZE_CHACHA", SSL_OP_PRIORITIZE_CHACHA },
	{ "ENABLE_MIDDLEBOX_COMPAT", SSL_OP_ENABLE_MIDDLEBOX_COMPAT },
	{ NULL, 0 },
};

static bool
number_of(const char *word, size_t len, uint64_t *number)
{
	char digits[32];
	char *end;

	if (len < 3 || len >= sizeof digits || word[0] != '0' || (word[1] != 'x' && word[1] != 'X'))
		return false;
	memcpy(digits, word, len);
	digits[len] = '\0';
	errno = 0;
	*number = strtoull(digits, &end, 16);
	return *end == '\0' && errno == 0;
}

static uint64_t
bits_of(const char *param, const struct option *table, const char *list)
{
	uint64_t bits = 0;
	uint64_t number;
	const char *at = list;
	const char *word;
	size_t len;

	while ((word = text_token(&at, TEXT_LIST_SEPARATORS, &len)) != NULL) {
		const struct option *row = table;

		while (row->name && (strlen(row->name) != len || strncasecmp(row->name, word, len) != 0))
			row++;
		if (row->name)
			bits |= row->bits;
		else if (number_of(word, len, &number))
			bits |= number;
		else
			log_warn("unknown %s value \"%.*s\" in \"%s\"", param, (int)len, word, list);
	}
	return bits;
}

uint64_t
option_bits(const char *disable_workarounds, const char *ssl_options)
{
	/* A truncated connection is judged by the mail protocol; keys for one handshake only. */
	uint64_t bits =
	    SSL_OP_ALL | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_SINGLE_DH_USE | SSL_OP_SINGLE_ECDH_USE;

	if (disable_workarounds && *disable_workarounds) {
		bits &= ~bits_of("tls_disable_workarounds", workarounds, disable_workarounds);
		bits &= ~(uint64_t)SSL_OP_SAFARI_ECDHE_ECDSA_BUG;
		bits |= SSL_OP_IGNORE_UNEXPECTED_EOF;
	}
	if (ssl_options && *ssl_options)
		bits |= bits_of("tls_ssl_options", extras, ssl_options) &
			~(uint64_t)(SSL_OP_ALL | SSL_OP_NO_SSL_MASK | SSL_OP_CIPHER_SERVER_PREFERENCE |
				    SSL_OP_IGNORE_UNEXPECTED_EOF);
	return bits;
}
