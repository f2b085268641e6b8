/* SPDX-License-Identifier: ISC */
/*
 * ccert_rules: a list of rules that decide by a client's certificate what it may do, as Postfix smtpd writes
 * them: names, some with a table behind.
 */
#ifndef MAIL_CCERT_RULES_H
#define MAIL_CCERT_RULES_H

#include <stddef.h>

struct err;

enum ccert_rule_kind {
	CCERT_RULE_CHECK_CCERT_ACCESS,
	CCERT_RULE_PERMIT,
	CCERT_RULE_PERMIT_TLS_ALL_CLIENTCERTS,
	CCERT_RULE_PERMIT_TLS_CLIENTCERTS,
	CCERT_RULE_REJECT,
	CCERT_RULE_REJECT_PLAINTEXT_SESSION,
	CCERT_RULE_KINDS /* none */
};

enum ccert_rule_key { CCERT_RULE_CERT, CCERT_RULE_PKEY, CCERT_RULE_KEYS };

struct ccert_rule {
	enum ccert_rule_kind kind;
	char *table; /* owned: TYPE:TABLE; NULL: needs none */
	enum ccert_rule_key order[CCERT_RULE_KEYS];
	size_t keys;
};

struct ccert_rules {
	struct ccert_rule *rule; /* owned */
	size_t count;
};

/* The kind of this name, in any case; CCERT_RULE_KINDS: there is none. */
enum ccert_rule_kind ccert_rule_find(const char *name);
const char *ccert_rule_name(enum ccert_rule_kind kind);

/* 0, or -1 with what is wrong. Released in either case. */
int ccert_rules_read(struct ccert_rules *rules, const char *text, struct err *err)
    __attribute__((warn_unused_result));
void ccert_rules_release(struct ccert_rules *rules);

#endif
