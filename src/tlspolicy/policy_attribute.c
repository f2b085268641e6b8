/* SPDX-License-Identifier: ISC */
#include "tlspolicy/policy_attribute.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tls/level.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/hex.h"
#include "util/text.h"

enum { FINGERPRINT_LIMIT = 192 /* characters; no digest has more */ };

/* One right-hand side. */
struct entry {
	const struct policy_request *request;
	const char *key;
	struct policy_result *result;
};

#define WHERE "%s_tls_policy_maps, next-hop destination \"%s\": "

/* Warns and spoils the policy; -1. */
#define COMPLAIN(entry, format, ...)                                                                         \
	(policy_result_say((entry)->result, POLICY_WARNING, WHERE format,                                    \
	     (entry)->request->settings->client, (entry)->key, __VA_ARGS__),                                 \
	    policy_result_spoil((entry)->result))

/* --- fingerprints and anchors, which main.cf has too --- */

/* Pairs of digits, with at most one colon between two. */
static bool
is_fingerprint(const char *text)
{
	struct buf bytes = BUF_INIT;
	bool good = *text != '\0' && strlen(text) <= FINGERPRINT_LIMIT;

	while (good && *text) {
		if (bytes.len > 0 && *text == ':')
			text++;
		good = strlen(text) >= 2 && hex_decode(&bytes, text, 2);
		text += good ? 2 : 0;
	}
	buf_release(&bytes);
	return good;
}

void
policy_attribute_add_fingerprints(struct policy_result *result, const char *list, const char *separators)
{
	const char *word;
	size_t len;

	while ((word = text_token(&list, separators, &len)) != NULL) {
		char *text = alloc_string_n(word, len);

		if (is_fingerprint(text)) {
			policy_words_take(&result->match, text);
			continue;
		}
		policy_result_say(result, POLICY_WARNING,
		    len > FINGERPRINT_LIMIT ? "malformed fingerprint value: %.100s..."
					    : "malformed fingerprint value: %s",
		    text);
		free(text);
	}
}

int
policy_attribute_add_anchors(
    const struct policy_request *request, const char *file, struct policy_result *result)
{
	struct err err = { 0 };

	if (request->anchors(file, request->context, &err) == 0) {
		policy_words_take(&result->anchor_files, alloc_string(file));
		return 0;
	}
	if (*err.text)
		policy_result_say(result, POLICY_WARNING, "%s", err.text);
	else
		policy_result_say(result, POLICY_WHY, "%s has no certificate and no public key", file);
	return policy_result_spoil(result);
}

/* --- one function an attribute --- */

typedef int (*apply_fn)(struct entry *entry, const char *name, const char *value);

/* Those that may be there once. */
static int
set_once(struct entry *entry, char **member, const char *name, const char *value)
{
	if (*member)
		return COMPLAIN(entry, "attribute \"%s\" is specified multiple times", name);
	*member = alloc_string(value);
	return 0;
}

static int
apply_ciphers(struct entry *entry, const char *name, const char *value)
{
	return set_once(entry, &entry->result->ciphers, name, value);
}

static int
apply_protocols(struct entry *entry, const char *name, const char *value)
{
	return set_once(entry, &entry->result->protocols, name, value);
}

static int
apply_exclude(struct entry *entry, const char *name, const char *value)
{
	return set_once(entry, &entry->result->exclude, name, value);
}

static int
apply_servername(struct entry *entry, const char *name, const char *value)
{
	if (set_once(entry, &entry->result->servername, name, value) < 0)
		return -1;
	if (!policy_destination_valid_hostname(value))
		return COMPLAIN(entry, "\"%s=%s\" specifies an invalid hostname", name, value);
	return 0;
}

static int
apply_match(struct entry *entry, const char *name, const char *value)
{
	(void)name;
	if (entry->result->level == LEVEL_FINGERPRINT)
		policy_attribute_add_fingerprints(entry->result, value, "|");
	else
		policy_words_split(&entry->result->match, value, ":");
	entry->result->match_is_given = true;
	return 0;
}

static int
apply_tafile(struct entry *entry, const char *name, const char *value)
{
	(void)name;
	return policy_attribute_add_anchors(entry->request, value, entry->result);
}

static int
apply_connection_reuse(struct entry *entry, const char *name, const char *value)
{
	if (text_equal_nocase(value, "yes"))
		entry->result->connection_reuse = 1;
	else if (text_equal_nocase(value, "no"))
		entry->result->connection_reuse = 0;
	else
		return COMPLAIN(entry, "attribute \"%s\" has bad value: \"%s\"", name, value);
	return 0;
}

/* --- all of them --- */

enum {
	ANY_LEVEL = ~0U,
	NAME_LEVELS = 1U << LEVEL_VERIFY | 1U << LEVEL_SECURE,
	MATCH_LEVELS = NAME_LEVELS | 1U << LEVEL_FINGERPRINT,
};

static const struct attribute {
	const char *name;
	unsigned int levels; /* bits by level */
	bool may_be_empty;
	bool level_first; /* of two complaints, the one about the level is made */
	apply_fn apply;
} attributes[] = {
	{ "ciphers", ANY_LEVEL, false, false, apply_ciphers },
	{ "protocols", ANY_LEVEL, true, false, apply_protocols },
	{ "exclude", ANY_LEVEL, true, false, apply_exclude },
	{ "servername", ANY_LEVEL, true, false, apply_servername },
	{ "match", MATCH_LEVELS, false, false, apply_match },
	{ "tafile", NAME_LEVELS, false, true, apply_tafile },
	{ "connection_reuse", ANY_LEVEL, true, false, apply_connection_reuse },
};

static int
apply_attribute(struct entry *entry, const struct attribute *attribute, const char *name, const char *value)
{
	bool level_fits = attribute->levels & 1U << entry->result->level;

	if (!level_fits && (attribute->level_first || *value))
		return COMPLAIN(entry, "attribute \"%s\" invalid at security level \"%s\"", name,
		    level_name(entry->result->level));
	if (!*value && !attribute->may_be_empty)
		return COMPLAIN(entry, "attribute \"%s\" has empty value", name);
	return attribute->apply(entry, name, value);
}

/* `pair` is cut at its "=". */
static int
apply_pair(struct entry *entry, char *pair)
{
	char *value = strchr(pair, '=');

	if (!value || value == pair)
		return COMPLAIN(entry, "malformed attribute/value pair \"%s\": %s", pair,
		    value ? "missing attribute name" : "missing '=' after attribute name");
	*value++ = '\0';
	for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
		if (text_equal_nocase(pair, attributes[i].name))
			return apply_attribute(entry, &attributes[i], pair, value);
	return COMPLAIN(entry, "invalid attribute name: \"%s\"", pair);
}

static int
apply_word(struct entry *entry, char *word)
{
	if (entry->result->level > LEVEL_NONE)
		return apply_pair(entry, word);
	policy_result_say(entry->result, POLICY_WARNING, WHERE "ignoring attribute \"%s\" with TLS disabled",
	    entry->request->settings->client, entry->key, word);
	return 0;
}

static int
apply_words(struct entry *entry, const struct policy_words *words)
{
	if (words->count == 0)
		return COMPLAIN(entry, "%s", "invalid empty policy");
	entry->result->level = level_from_name(words->word[0]);
	if (entry->result->level == LEVEL_INVALID)
		return COMPLAIN(entry, "invalid security level \"%s\"", words->word[0]);
	for (size_t i = 1; i < words->count; i++)
		if (apply_word(entry, words->word[i]) < 0)
			return -1;
	return 0;
}

int
policy_attribute_apply(
    const struct policy_request *request, const char *key, const char *text, struct policy_result *result)
{
	struct entry entry = { request, key, result };
	struct policy_words words = { 0 };
	int answer;

	policy_words_split(&words, text, TEXT_LIST_SEPARATORS);
	answer = apply_words(&entry, &words);
	policy_words_release(&words);
	return answer;
}
