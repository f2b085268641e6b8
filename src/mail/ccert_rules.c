/* SPDX-License-Identifier: ISC */
#include "mail/ccert_rules.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mail/braces.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/text.h"

#define SEARCH_ORDER "search_order"

static const char *const names[] = {
	[CCERT_RULE_CHECK_CCERT_ACCESS] = "check_ccert_access",
	[CCERT_RULE_PERMIT] = "permit",
	[CCERT_RULE_PERMIT_TLS_ALL_CLIENTCERTS] = "permit_tls_all_clientcerts",
	[CCERT_RULE_PERMIT_TLS_CLIENTCERTS] = "permit_tls_clientcerts",
	[CCERT_RULE_REJECT] = "reject",
	[CCERT_RULE_REJECT_PLAINTEXT_SESSION] = "reject_plaintext_session",
};

enum ccert_rule_kind
ccert_rule_find(const char *name)
{
	enum ccert_rule_kind kind = 0;

	while (kind < CCERT_RULE_KINDS && !text_equal_nocase(name, names[kind]))
		kind++;
	return kind;
}

const char *
ccert_rule_name(enum ccert_rule_kind kind)
{
	return names[kind];
}

/* "{ search_order = cert_fingerprint, pubkey_fingerprint }", with its braces. */
static int
read_search_order(struct ccert_rule *rule, char *word, struct err *err)
{
	char *inside, *name;
	const char *at;
	int result = 0;

	if (braces_take_off(word, &inside, err) < 0)
		return -1;
	size_t len = strcspn(inside, "= \t");
	at = inside + len + strspn(inside + len, " \t");
	if (len != strlen(SEARCH_ORDER) || strncmp(inside, SEARCH_ORDER, len) != 0 || *at != '=')
		return err_set(err, "%s has no setting \"%s\"", names[rule->kind], inside);
	rule->keys = 0;
	at++;
	while (result == 0 && (name = braces_next_word(&at, TEXT_LIST_SEPARATORS)) != NULL) {
		bool cert = strcmp(name, "cert_fingerprint") == 0;
		if ((!cert && strcmp(name, "pubkey_fingerprint") != 0) || rule->keys == CCERT_RULE_KEYS)
			result = err_set(err, "bad " SEARCH_ORDER " element \"%s\"", name);
		else
			rule->order[rule->keys++] = cert ? CCERT_RULE_CERT : CCERT_RULE_PKEY;
		free(name);
	}
	if (result == 0 && rule->keys == 0)
		result = err_set(err, "empty " SEARCH_ORDER);
	return result;
}

/* TYPE:TABLE, or that and settings in braces. */
static int
read_table(struct ccert_rule *rule, char *word, struct err *err)
{
	char *inside, *name, *setting;
	int result = 0;

	rule->order[0] = CCERT_RULE_CERT;
	rule->order[1] = CCERT_RULE_PKEY;
	rule->keys = CCERT_RULE_KEYS;
	if (braces_take_off(word, &inside, err) < 0)
		return -1;
	const char *at = inside;
	name = braces_next_word(&at, TEXT_LIST_SEPARATORS);
	if (!name || !strchr(name, ':')) {
		free(name);
		return err_set(err, "%s wants TYPE:TABLE", names[rule->kind]);
	}
	rule->table = name;
	while (result == 0 && (setting = braces_next_word(&at, TEXT_LIST_SEPARATORS)) != NULL) {
		result = read_search_order(rule, setting, err);
		free(setting);
	}
	return result;
}

static int
read_rule(struct ccert_rule *rule, const char *word, const char **at, struct err *err)
{
	rule->kind = ccert_rule_find(word);
	if (rule->kind == CCERT_RULE_KINDS)
		return err_set(err, "unknown restriction: \"%s\"", word);
	if (rule->kind != CCERT_RULE_CHECK_CCERT_ACCESS)
		return 0;

	char *table = braces_next_word(at, TEXT_LIST_SEPARATORS);
	int result = table ? read_table(rule, table, err) : err_set(err, "%s wants TYPE:TABLE", word);
	free(table);
	return result;
}

int
ccert_rules_read(struct ccert_rules *rules, const char *text, struct err *err)
{
	int result = 0;
	char *word;

	*rules = (struct ccert_rules){ 0 };
	while (result == 0 && (word = braces_next_word(&text, TEXT_LIST_SEPARATORS)) != NULL) {
		rules->rule = alloc_resize(rules->rule, rules->count + 1, sizeof *rules->rule);
		struct ccert_rule *rule = &rules->rule[rules->count++];
		*rule = (struct ccert_rule){ .kind = CCERT_RULE_KINDS };
		result = read_rule(rule, word, &text, err);
		free(word);
	}
	return result;
}

void
ccert_rules_release(struct ccert_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		free(rules->rule[i].table);
	free(rules->rule);
	*rules = (struct ccert_rules){ 0 };
}
