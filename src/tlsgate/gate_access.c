/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_access.h"

#include <stdlib.h>
#include <string.h>

#include "mail/braces.h"
#include "mail/map_list.h"
#include "tlsgate/gate_access_result.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

#define CONFIGURATION_ERROR "451 4.3.5 Server configuration error"
#define LOOKUP_ERROR        "451 4.3.0 Temporary lookup failure"
#define SEARCH_ORDER        "search_order"

enum key { CERT, PKEY, KEYS };

struct kind;

struct rule {
	const struct kind *kind;
	struct map_list *tables; /* owned; NULL: needs none */
	enum key order[KEYS];
	size_t keys;
};

struct gate_access {
	struct rule *rules; /* owned */
	size_t count;
	struct map_list *relay_clientcerts; /* owned */
	bool ask_ccert;
};

struct question {
	const struct gate_access *access;
	const struct gate_access_client *client;
	struct buf *reply;
};

typedef enum gate_access_verdict (*rule_fn)(const struct question *q, const struct rule *rule);

struct kind {
	const char *name;
	rule_fn decide;
	bool has_table;
};

static enum gate_access_verdict
reject(const struct question *q, const char *reply)
{
	buf_clear(q->reply);
	buf_add_str(q->reply, reply);
	return GATE_ACCESS_REJECT;
}

static enum gate_access_verdict
decide_permit(const struct question *q, const struct rule *rule)
{
	(void)q, (void)rule;
	return GATE_ACCESS_PERMIT;
}

static enum gate_access_verdict
decide_reject(const struct question *q, const struct rule *rule)
{
	(void)rule;
	gate_access_result_read("REJECT", q->client->name, "Client host", q->reply);
	return GATE_ACCESS_REJECT;
}

static enum gate_access_verdict
decide_reject_plaintext_session(const struct question *q, const struct rule *rule)
{
	(void)rule;
	return q->client->tls ? GATE_ACCESS_NOTHING : reject(q, "450 4.7.1 Session encryption is required");
}

/* Is there a certificate to ask about? Who never asked for one is told so. */
static bool
has_cert(const struct question *q, const struct rule *rule)
{
	const struct gate_access_client *client = q->client;

	if (client->tls && !client->has_cert && !q->access->ask_ccert)
		log_warn("%s is requested, but \"tlsgate_tls_ask_ccert = no\"", rule->kind->name);
	return client->tls && client->has_cert;
}

static const char *
key_of(const struct gate_access_client *client, enum key key)
{
	return key == CERT ? client->fingerprint : client->pkey_fingerprint;
}

static enum gate_access_verdict
find_in_relay_clientcerts(const struct question *q)
{
	const struct gate_access_client *client = q->client;
	struct buf value = BUF_INIT;
	int found = map_list_get(q->access->relay_clientcerts, client->fingerprint, &value);

	if (found == 0)
		found = map_list_get(q->access->relay_clientcerts, client->pkey_fingerprint, &value);
	buf_release(&value);
	if (found > 0)
		return GATE_ACCESS_CERTIFIED;
	if (found == 0)
		return GATE_ACCESS_NOTHING;
	log_warn("relay_clientcerts: lookup error for fingerprint '%s', pkey fingerprint %s",
	    client->fingerprint, client->pkey_fingerprint);
	return reject(q, LOOKUP_ERROR);
}

static enum gate_access_verdict
decide_permit_tls_clientcerts(const struct question *q, const struct rule *rule)
{
	return has_cert(q, rule) ? find_in_relay_clientcerts(q) : GATE_ACCESS_NOTHING;
}

static enum gate_access_verdict
decide_permit_tls_all_clientcerts(const struct question *q, const struct rule *rule)
{
	if (!has_cert(q, rule))
		return GATE_ACCESS_NOTHING;
	return q->client->trusted ? GATE_ACCESS_CERTIFIED : find_in_relay_clientcerts(q);
}

static enum gate_access_verdict decide_check_ccert_access(const struct question *q, const struct rule *rule);

static const struct kind kinds[] = {
	{ "check_ccert_access", decide_check_ccert_access, true },
	{ "permit", decide_permit, false },
	{ "permit_tls_all_clientcerts", decide_permit_tls_all_clientcerts, false },
	{ "permit_tls_clientcerts", decide_permit_tls_clientcerts, false },
	{ "reject", decide_reject, false },
	{ "reject_plaintext_session", decide_reject_plaintext_session, false },
};

static const struct kind *
find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (text_equal_nocase(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

/* What a table says may be restrictions again, but for those with a table: no rule leads to itself. Permitted
 * by a certificate's entry is permitted because of the certificate. */
static enum gate_access_verdict
decide_by_names(const struct question *q, const struct map_list *tables, const char *names)
{
	enum gate_access_verdict verdict = GATE_ACCESS_NOTHING;
	char *word;

	while (verdict == GATE_ACCESS_NOTHING &&
	       (word = braces_next_word(&names, TEXT_LIST_SEPARATORS)) != NULL) {
		const struct rule rule = { .kind = find_kind(word) };
		if (rule.kind && !rule.kind->has_table) {
			verdict = rule.kind->decide(q, &rule);
		} else {
			log_warn("%s: unknown restriction: \"%s\"", map_list_title(tables), word);
			verdict = reject(q, CONFIGURATION_ERROR);
		}
		free(word);
	}
	return verdict == GATE_ACCESS_PERMIT ? GATE_ACCESS_CERTIFIED : verdict;
}

static enum gate_access_verdict
decide_by_result(const struct question *q, const struct rule *rule, const char *value)
{
	switch (gate_access_result_read(value, q->client->subject_cn, "Client certificate", q->reply)) {
	case GATE_ACCESS_RESULT_OK:
		return GATE_ACCESS_CERTIFIED;
	case GATE_ACCESS_RESULT_DUNNO:
		break;
	case GATE_ACCESS_RESULT_REPLY:
		return GATE_ACCESS_REJECT;
	case GATE_ACCESS_RESULT_WARN:
		log_info("NOQUEUE: warn: TLS from %s: %s", q->client->name, buf_str(q->reply));
		break;
	case GATE_ACCESS_RESULT_INFO:
		log_info("NOQUEUE: info: TLS from %s: %s", q->client->name, buf_str(q->reply));
		break;
	case GATE_ACCESS_RESULT_NAMES:
		return decide_by_names(q, rule->tables, value);
	}
	return GATE_ACCESS_NOTHING;
}

static enum gate_access_verdict
decide_check_ccert_access(const struct question *q, const struct rule *rule)
{
	enum gate_access_verdict verdict = GATE_ACCESS_NOTHING;
	struct buf value = BUF_INIT;

	if (!has_cert(q, rule))
		return GATE_ACCESS_NOTHING;
	for (size_t i = 0; verdict == GATE_ACCESS_NOTHING && i < rule->keys; i++) {
		int found = map_list_get(rule->tables, key_of(q->client, rule->order[i]), &value);
		if (found < 0)
			verdict = reject(q, CONFIGURATION_ERROR);
		else if (found > 0)
			verdict = decide_by_result(q, rule, buf_str(&value));
	}
	buf_release(&value);
	return verdict;
}

enum gate_access_verdict
gate_access_decide(
    const struct gate_access *access, const struct gate_access_client *client, struct buf *reply)
{
	const struct question q = { access, client, reply };
	enum gate_access_verdict verdict = GATE_ACCESS_NOTHING;

	for (size_t i = 0; verdict == GATE_ACCESS_NOTHING && i < access->count; i++)
		verdict = access->rules[i].kind->decide(&q, &access->rules[i]);
	return verdict;
}

/* --- reading the list --- */

/* "{ search_order = cert_fingerprint, pubkey_fingerprint }", with its braces. */
static int
read_search_order(struct rule *rule, char *word, struct err *err)
{
	char *inside, *name;
	const char *at;
	int result = 0;

	if (braces_take_off(word, &inside, err) < 0)
		return -1;
	size_t len = strcspn(inside, "= \t");
	at = inside + len + strspn(inside + len, " \t");
	if (len != strlen(SEARCH_ORDER) || strncmp(inside, SEARCH_ORDER, len) != 0 || *at != '=')
		return err_set(err, "%s has no setting \"%s\"", rule->kind->name, inside);
	rule->keys = 0;
	at++;
	while (result == 0 && (name = braces_next_word(&at, TEXT_LIST_SEPARATORS)) != NULL) {
		bool cert = strcmp(name, "cert_fingerprint") == 0;
		if ((!cert && strcmp(name, "pubkey_fingerprint") != 0) || rule->keys == KEYS)
			result = err_set(err, "bad " SEARCH_ORDER " element \"%s\"", name);
		else
			rule->order[rule->keys++] = cert ? CERT : PKEY;
		free(name);
	}
	if (result == 0 && rule->keys == 0)
		result = err_set(err, "empty " SEARCH_ORDER);
	return result;
}

/* TYPE:TABLE, or that and settings in braces. */
static int
read_table(struct rule *rule, char *word, struct err *err)
{
	char *inside, *name, *setting;
	int result = 0;

	rule->order[0] = CERT;
	rule->order[1] = PKEY;
	rule->keys = KEYS;
	if (braces_take_off(word, &inside, err) < 0)
		return -1;
	const char *at = inside;
	name = braces_next_word(&at, TEXT_LIST_SEPARATORS);
	if (!name || !strchr(name, ':'))
		result = err_set(err, "%s wants TYPE:TABLE", rule->kind->name);
	else
		rule->tables = map_list_new(rule->kind->name, name, MAP_FOLD);
	free(name);
	while (result == 0 && (setting = braces_next_word(&at, TEXT_LIST_SEPARATORS)) != NULL) {
		result = read_search_order(rule, setting, err);
		free(setting);
	}
	return result;
}

static int
read_rule(struct rule *rule, const char *word, const char **at, struct err *err)
{
	rule->kind = find_kind(word);
	if (!rule->kind)
		return err_set(err, "unknown restriction: \"%s\"", word);
	if (!rule->kind->has_table)
		return 0;

	char *table = braces_next_word(at, TEXT_LIST_SEPARATORS);
	int result = table ? read_table(rule, table, err) : err_set(err, "%s wants TYPE:TABLE", word);
	free(table);
	return result;
}

struct gate_access *
gate_access_new(const struct gate_access_settings *settings, struct err *err)
{
	struct gate_access *access = alloc_zero(sizeof *access);
	const char *at = settings->restrictions;
	int result = 0;
	char *word;

	access->ask_ccert = settings->ask_ccert;
	access->relay_clientcerts = map_list_new("relay_clientcerts", settings->relay_clientcerts, MAP_FOLD);
	while (result == 0 && (word = braces_next_word(&at, TEXT_LIST_SEPARATORS)) != NULL) {
		access->rules = alloc_resize(access->rules, access->count + 1, sizeof *access->rules);
		struct rule *rule = &access->rules[access->count++];
		*rule = (struct rule){ .kind = NULL };
		result = read_rule(rule, word, &at, err);
		free(word);
	}
	if (result == 0)
		return access;
	gate_access_free(access);
	return NULL;
}

void
gate_access_free(struct gate_access *access)
{
	if (!access)
		return;
	for (size_t i = 0; i < access->count; i++)
		map_list_unref(access->rules[i].tables);
	free(access->rules);
	map_list_unref(access->relay_clientcerts);
	free(access);
}
