/* SPDX-License-Identifier: ISC */
#include "tls/loglevel.h"

#include <stddef.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/log.h"
#include "util/text.h"

enum {
	LEVEL_1 = LOGLEVEL_SUMMARY,
	LEVEL_2 = LEVEL_1 | LOGLEVEL_VERBOSE | LOGLEVEL_CACHE | LOGLEVEL_SSL_DEBUG,
	LEVEL_3 = LEVEL_2 | LOGLEVEL_HANDSHAKE_PACKETS,
	LEVEL_4 = LEVEL_3 | LOGLEVEL_SESSION_PACKETS,
};

static const struct {
	const char *word;
	unsigned int mask;
} words[] = {
	{ "0", 0 },
	{ "none", 0 },
	{ "1", LEVEL_1 },
	{ "routine", LEVEL_1 },
	{ "2", LEVEL_2 },
	{ "debug", LEVEL_2 },
	{ "3", LEVEL_3 },
	{ "ssl-expert", LEVEL_3 },
	{ "4", LEVEL_4 },
	{ "5", LEVEL_4 },
	{ "6", LEVEL_4 },
	{ "7", LEVEL_4 },
	{ "8", LEVEL_4 },
	{ "9", LEVEL_4 },
	{ "ssl-developer", LEVEL_4 },
	{ "summary", LOGLEVEL_SUMMARY },
	{ "untrusted", LOGLEVEL_UNTRUSTED },
	{ "peercert", LOGLEVEL_PEERCERT },
	{ "certmatch", LOGLEVEL_CERTMATCH },
	{ "verbose", LOGLEVEL_VERBOSE },
	{ "cache", LOGLEVEL_CACHE },
	{ "dane", LOGLEVEL_DANE },
	{ "ssl-debug", LOGLEVEL_SSL_DEBUG },
	{ "ssl-handshake-packet-dump", LOGLEVEL_HANDSHAKE_PACKETS },
	{ "ssl-session-packet-dump", LOGLEVEL_HANDSHAKE_PACKETS | LOGLEVEL_SESSION_PACKETS },
};

unsigned int
loglevel_parse(const char *param, const char *value)
{
	const char *at = value, *token;
	unsigned int mask = 0;
	size_t len;

	while ((token = text_token(&at, TEXT_LIST_SEPARATORS, &len)) != NULL) {
		char *word = alloc_string_n(token, len);
		size_t i = 0;

		while (i < sizeof(words) / sizeof(words[0]) && !text_equal_nocase(word, words[i].word))
			i++;
		if (i == sizeof(words) / sizeof(words[0])) {
			log_warn("unknown %s value \"%s\" in \"%s\"", param, word, value);
			free(word);
			return 0;
		}
		free(word);
		mask |= words[i].mask;
	}
	return mask;
}
