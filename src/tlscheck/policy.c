/* SPDX-License-Identifier: ISC */
#include "tlscheck/policy.h"

#include <stdlib.h>
#include <string.h>

#include "tls/cipher.h"
#include "tls/level.h"
#include "tls/protocol.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/text.h"

enum { COMMON, MATCHING, TRUSTING };

static const struct attribute {
	const char *name;
	int levels;
	bool many;  /* may be given more than once */
	bool empty; /* may have no value */
	bool yes_no;
} attributes[] = {
	{ "ciphers", COMMON, false, false, false },
	{ "protocols", COMMON, false, true, false },
	{ "exclude", COMMON, false, true, false },
	{ "servername", COMMON, false, false, false },
	{ "match", MATCHING, true, false, false },
	{ "tafile", TRUSTING, true, false, false },
	{ "connection_reuse", COMMON, true, false, true },
	{ "enable_rpk", COMMON, true, false, true },
	{ "policy_ttl", COMMON, false, false, false },
	{ "policy_type", COMMON, false, false, false },
	{ "policy_domain", COMMON, false, false, false },
	{ "policy_failure", COMMON, false, false, false },
	{ "policy_string", COMMON, true, false, false },
	{ "mx_host_pattern", COMMON, true, false, false },
};

enum { ATTRIBUTE_COUNT = sizeof attributes / sizeof *attributes };

static const struct attribute *
find(const char *name)
{
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		if (text_equal_nocase(attributes[i].name, name))
			return &attributes[i];
	return NULL;
}

static bool
fits(const struct attribute *attribute, enum level level)
{
	if (attribute->levels == MATCHING)
		return level == LEVEL_FINGERPRINT || level_needs_pkix(level);
	return attribute->levels == COMMON || level_needs_pkix(level);
}

static int
check_content(const struct attribute *attribute, const char *value, struct err *err)
{
	static const struct cipher_grades grades = { "HIGH", "HIGH", "HIGH", "HIGH", "HIGH" };
	struct protocol_set set;
	struct buf list = BUF_INIT;
	int result = 0;

	if (strcmp(attribute->name, "protocols") == 0 && protocol_parse(&set, value) < 0)
		return err_set(err, "protocols=%s is not understood", value);
	if (strcmp(attribute->name, "ciphers") == 0 && cipher_list(&list, &grades, value, "", NULL) < 0)
		result = err_set(err, "ciphers=%s is no grade", value);
	if (attribute->yes_no && !text_equal_nocase(value, "yes") && !text_equal_nocase(value, "no"))
		result = err_set(err, "attribute \"%s\" has bad value: \"%s\"", attribute->name, value);
	buf_release(&list);
	return result;
}

/* `seen` is one for each attribute. */
static int
check_attribute(char *word, enum level level, bool *seen, struct err *err)
{
	char *value = strchr(word, '=');
	const struct attribute *attribute;

	if (!value)
		return err_set(err, "malformed attribute \"%s\": there is no '='", word);
	*value++ = '\0';
	attribute = find(word);
	if (!attribute)
		return err_set(err, "invalid attribute name: \"%s\"", word);
	if (!fits(attribute, level))
		return err_set(
		    err, "attribute \"%s\" invalid at security level \"%s\"", word, level_name(level));
	if (!*value && !attribute->empty)
		return err_set(err, "attribute \"%s\" has empty value", word);
	if (seen[attribute - attributes] && !attribute->many)
		return err_set(err, "attribute \"%s\" is specified multiple times", word);
	seen[attribute - attributes] = true;
	return check_content(attribute, value, err);
}

int
policy_check(const char *value, struct err *err)
{
	const char *at = value, *word;
	bool seen[ATTRIBUTE_COUNT] = { false };
	enum level level;
	size_t len;
	int result = 0;
	char *copy;

	/* Braces are of later releases. */
	if (strchr(value, '{'))
		return 0;
	word = text_token(&at, TEXT_LIST_SEPARATORS, &len);
	if (!word)
		return err_set(err, "invalid empty policy");
	copy = alloc_string_n(word, len);
	level = level_from_name(copy);
	if (level == LEVEL_INVALID)
		result = err_set(err, "invalid security level \"%s\"", copy);
	free(copy);
	while (result == 0 && (word = text_token(&at, TEXT_LIST_SEPARATORS, &len))) {
		if (level == LEVEL_NONE) {
			err_set(err, "attributes are ignored at level none");
			return 1;
		}
		copy = alloc_string_n(word, len);
		result = check_attribute(copy, level, seen, err);
		free(copy);
	}
	return result;
}

bool
policy_is_per_site(const char *value)
{
	static const char *const words[] = { "NONE", "MAY", "MUST_NOPEERMATCH", "MUST" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (text_equal_nocase(value, words[i]))
			return true;
	return false;
}
