/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_access.h"

#include <stdlib.h>
#include <string.h>

#include "mail/braces.h"
#include "mail/ccert_rules.h"
#include "mail/map_list.h"
#include "tlsgate/gate_access_result.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

#define CONFIGURATION_ERROR "451 4.3.5 Server configuration error"
#define LOOKUP_ERROR        "451 4.3.0 Temporary lookup failure"

struct rule {
	const struct ccert_rule *is;
	struct map_list *tables; /* owned; NULL: needs none */
};

struct gate_access {
	struct ccert_rules list;            /* owned */
	struct rule *rules;                 /* owned; one for each of the list */
	struct map_list *relay_clientcerts; /* owned */
	bool ask_ccert;
};

struct question {
	const struct gate_access *access;
	const struct gate_access_client *client;
	struct buf *reply;
};

typedef enum gate_access_verdict (*rule_fn)(const struct question *q, const struct rule *rule);

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
		log_warn(
		    "%s is requested, but \"tlsgate_tls_ask_ccert = no\"", ccert_rule_name(rule->is->kind));
	return client->tls && client->has_cert;
}

static const char *
key_of(const struct gate_access_client *client, enum ccert_rule_key key)
{
	return key == CCERT_RULE_CERT ? client->fingerprint : client->pkey_fingerprint;
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

static const rule_fn decide[] = {
	[CCERT_RULE_CHECK_CCERT_ACCESS] = decide_check_ccert_access,
	[CCERT_RULE_PERMIT] = decide_permit,
	[CCERT_RULE_PERMIT_TLS_ALL_CLIENTCERTS] = decide_permit_tls_all_clientcerts,
	[CCERT_RULE_PERMIT_TLS_CLIENTCERTS] = decide_permit_tls_clientcerts,
	[CCERT_RULE_REJECT] = decide_reject,
	[CCERT_RULE_REJECT_PLAINTEXT_SESSION] = decide_reject_plaintext_session,
};

/* What a table says may be restrictions again, but for those with a table: no rule leads to itself. Permitted
 * by a certificate's entry is permitted because of the certificate. */
static enum gate_access_verdict
decide_by_names(const struct question *q, const struct map_list *tables, const char *names)
{
	enum gate_access_verdict verdict = GATE_ACCESS_NOTHING;
	char *word;

	while (verdict == GATE_ACCESS_NOTHING &&
	       (word = braces_next_word(&names, TEXT_LIST_SEPARATORS)) != NULL) {
		const struct ccert_rule is = { .kind = ccert_rule_find(word) };
		const struct rule rule = { .is = &is };
		if (is.kind != CCERT_RULE_KINDS && is.kind != CCERT_RULE_CHECK_CCERT_ACCESS) {
			verdict = decide[is.kind](q, &rule);
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
	for (size_t i = 0; verdict == GATE_ACCESS_NOTHING && i < rule->is->keys; i++) {
		int found = map_list_get(rule->tables, key_of(q->client, rule->is->order[i]), &value);
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

	for (size_t i = 0; verdict == GATE_ACCESS_NOTHING && i < access->list.count; i++)
		verdict = decide[access->rules[i].is->kind](&q, &access->rules[i]);
	return verdict;
}

struct gate_access *
gate_access_new(const struct gate_access_settings *settings, struct err *err)
{
	struct gate_access *access = alloc_zero(sizeof *access);

	if (ccert_rules_read(&access->list, settings->restrictions, err) < 0) {
		gate_access_free(access);
		return NULL;
	}
	access->ask_ccert = settings->ask_ccert;
	access->relay_clientcerts = map_list_new("relay_clientcerts", settings->relay_clientcerts, MAP_FOLD);
	access->rules = alloc_array(access->list.count + 1, sizeof *access->rules);
	for (size_t i = 0; i < access->list.count; i++) {
		const struct ccert_rule *is = &access->list.rule[i];

		access->rules[i] = (struct rule){ .is = is };
		if (is->table)
			access->rules[i].tables =
			    map_list_new(ccert_rule_name(is->kind), is->table, MAP_FOLD);
	}
	return access;
}

void
gate_access_free(struct gate_access *access)
{
	if (!access)
		return;
	for (size_t i = 0; access->rules && i < access->list.count; i++)
		map_list_unref(access->rules[i].tables);
	free(access->rules);
	ccert_rules_release(&access->list);
	map_list_unref(access->relay_clientcerts);
	free(access);
}
