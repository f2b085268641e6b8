/* SPDX-License-Identifier: ISC */
#include "tls/protocol.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "util/log.h"
#include "util/text.h"

#define SEPARATORS TEXT_LIST_SEPARATORS ":"

static const struct {
	const char *name;
	enum protocol_version bit;
	int wire;         /* 0: no version number the library could limit to */
	uint64_t exclude; /* library option */
} versions[] = {
	{ "SSLv2", PROTOCOL_SSLV2, 0, 0 },
	{ "SSLv3", PROTOCOL_SSLV3, SSL3_VERSION, SSL_OP_NO_SSLv3 },
	{ "TLSv1", PROTOCOL_TLSV1, TLS1_VERSION, SSL_OP_NO_TLSv1 },
	{ "TLSv1.1", PROTOCOL_TLSV1_1, TLS1_1_VERSION, SSL_OP_NO_TLSv1_1 },
	{ "TLSv1.2", PROTOCOL_TLSV1_2, TLS1_2_VERSION, SSL_OP_NO_TLSv1_2 },
	{ "TLSv1.3", PROTOCOL_TLSV1_3, TLS1_3_VERSION, SSL_OP_NO_TLSv1_3 },
};

enum { VERSION_COUNT = sizeof versions / sizeof versions[0], ALL_VERSIONS = (1 << VERSION_COUNT) - 1 };

static bool
same_word(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && strncasecmp(word, name, len) == 0;
}

static int
version_bit(const char *word, size_t len)
{
	for (int i = 0; i < VERSION_COUNT; i++)
		if (same_word(word, len, versions[i].name))
			return (int)versions[i].bit;
	return -1;
}

static int
hex_number(const char *word, size_t len)
{
	int number = 0;

	if (len > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X')) {
		word += 2;
		len -= 2;
	}
	/* Eight digits could overflow; no version has more than four. */
	if (len == 0 || len > 7)
		return -1;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)word[i];

		if (!isxdigit(c))
			return -1;
		number = number * 16 + (isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
	}
	return number;
}

/* What follows ">=" or "<=". 0: no limit. -1: not understood. */
static int
limit_of(const char *word, size_t len)
{
	if (len == 0 || same_word(word, len, "None"))
		return 0;
	for (int i = 0; i < VERSION_COUNT; i++)
		if (same_word(word, len, versions[i].name))
			return versions[i].wire ? versions[i].wire : -1;
	return hex_number(word, len);
}

int
protocol_parse(struct protocol_set *set, const char *list)
{
	unsigned int included = 0;
	const char *word;
	size_t len;

	memset(set, 0, sizeof *set);
	while ((word = text_token(&list, SEPARATORS, &len)) != NULL) {
		if (len >= 2 && (word[0] == '>' || word[0] == '<') && word[1] == '=') {
			int limit = limit_of(word + 2, len - 2);

			if (limit < 0)
				return -1;
			*(word[0] == '>' ? &set->floor : &set->ceiling) = limit;
			continue;
		}
		bool exclude = *word == '!';
		int bit = version_bit(word + exclude, len - exclude);

		if (bit < 0)
			return -1;
		*(exclude ? &set->excluded : &included) |= (unsigned int)bit;
	}
	/* A list of SSLv2 alone names nothing the library has, and Postfix lets it limit nothing. */
	included &= ~(unsigned int)PROTOCOL_SSLV2;
	if (included)
		set->excluded |= ALL_VERSIONS & ~included;
	return 0;
}

static uint64_t
options_of(const struct protocol_set *set)
{
	uint64_t options = 0;

	for (int i = 0; i < VERSION_COUNT; i++)
		if (set->excluded & versions[i].bit)
			options |= versions[i].exclude;
	return options;
}

void
protocol_apply(const struct protocol_set *set, struct ssl_ctx_st *ctx)
{
	SSL_CTX_set_options(ctx, options_of(set));
	/* Also 0, which lifts a limit that the library's configuration file set. */
	if (!SSL_CTX_set_min_proto_version(ctx, set->floor))
		ERR_clear_error();
	if (!SSL_CTX_set_max_proto_version(ctx, set->ceiling))
		ERR_clear_error();
}

static void
warn_limit(const char *namaddr, const char *which, int version)
{
	if (version)
		log_warn(
		    "%s: error setting %s TLS version to: 0x%04x", namaddr, which, (unsigned int)version);
	else
		log_warn("%s: error clearing %s TLS version", namaddr, which);
	ERR_clear_error();
}

void
protocol_apply_session(const struct protocol_set *set, struct ssl_st *ssl, const char *namaddr)
{
	SSL_set_options(ssl, options_of(set));
	if (!SSL_set_min_proto_version(ssl, set->floor))
		warn_limit(namaddr, "minimum", set->floor);
	if (!SSL_set_max_proto_version(ssl, set->ceiling))
		warn_limit(namaddr, "maximum", set->ceiling);
}
