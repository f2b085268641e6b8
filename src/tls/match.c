/* SPDX-License-Identifier: ISC */
#include "tls/match.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tls/idna.h"
#include "util/alloc.h"
#include "util/log.h"
#include "util/text.h"

static bool
add(SSL *ssl, const char *name, bool below, const char *namaddr)
{
	char *ascii = idna_to_ascii(name);
	char *reference = alloc_printf("%s%s", below ? "." : "", ascii);
	/* To the library an empty name is none, and it reports success. */
	bool added = *ascii && SSL_add1_host(ssl, reference);

	if (!added)
		log_warn("%s: error loading match name: \"%s\"", namaddr, reference);
	ERR_clear_error();
	free(reference);
	free(ascii);
	return added;
}

static bool
add_pattern(SSL *ssl, const struct match_patterns *patterns, const char *pattern, const char *namaddr)
{
	int dot;

	if (text_equal_nocase(pattern, "nexthop"))
		return add(ssl, patterns->nexthop, false, namaddr);
	if (text_equal_nocase(pattern, "dot-nexthop"))
		return add(ssl, patterns->nexthop, true, namaddr);
	if (text_equal_nocase(pattern, "hostname"))
		return add(ssl, patterns->host, false, namaddr);
	if (strcmp(pattern, ".") == 0) {
		log_warn("%s: ignoring invalid match name: \".\"", namaddr);
		return false;
	}
	dot = idna_leading_dot(pattern);
	return add(ssl, pattern + dot, dot > 0, namaddr);
}

size_t
match_configure(struct ssl_st *ssl, const struct match_patterns *patterns, const char *namaddr)
{
	size_t count = 0;

	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (!SSL_set1_host(ssl, NULL))
		ERR_clear_error();
	for (size_t i = 0; i < patterns->count; i++)
		count += add_pattern(ssl, patterns, patterns->pattern[i], namaddr);
	return count;
}
