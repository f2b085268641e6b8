/* SPDX-License-Identifier: ISC */
/*
 * policy_result: the policy for one destination and one server, and how it came about.
 */
#ifndef TLSPOLICY_POLICY_RESULT_H
#define TLSPOLICY_POLICY_RESULT_H

#include <stdbool.h>
#include <stddef.h>

#include "tlspolicy/policy_words.h"

enum policy_said {
	POLICY_WHY,     /* the steps, in their order */
	POLICY_WARNING, /* what Postfix's client logs as a warning when it looks for the policy */
	POLICY_PROBLEM, /* what will make the session fail although the policy is valid */
	POLICY_ADVICE,  /* what is not wrong, but perhaps not meant */
	POLICY_SAID_COUNT,
};

struct policy_lookup {
	char *table; /* owned; the parameter */
	char *key;   /* owned */
	char *value; /* owned; NULL: not found, or it failed */
	bool failed;
};

struct policy_result {
	int level;          /* enum level; LEVEL_INVALID: no delivery */
	int global_level;   /* before any table was asked */
	const char *source; /* what decided the level: "main.cf" or the end of a table's parameter name */
	char *dsn, *reason; /* owned; NULL unless delivery is deferred for good or ill */

	/* From here on only for what the level needs. */
	char *protocols, *ciphers, *exclude; /* owned; NULL: not set yet */
	char *servername;                    /* owned; SNI, NULL: not set yet */
	struct policy_words match;           /* names to look for; at level fingerprint the fingerprints */
	bool match_is_given;                 /* by a table, if only to say nothing */
	struct policy_words anchor_files;    /* these authorities and no others */
	int connection_reuse;                /* 0, 1; -1: not set yet */

	struct policy_lookup *lookups; /* owned; in the order in which they were made */
	size_t lookup_count;
	struct policy_words said[POLICY_SAID_COUNT];
};

/* To be released. */
void policy_result_init(struct policy_result *result);
void policy_result_release(struct policy_result *result);

void policy_result_say(struct policy_result *result, enum policy_said kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* `value` NULL: not found, or it failed. */
void policy_result_add_lookup(
    struct policy_result *result, const char *table, const char *key, const char *value, bool failed);

/* There is no delivery for now. Returns -1. */
int policy_result_defer(struct policy_result *result, const char *dsn, const char *reason);

/* The same, for a policy that makes no sense: the level is LEVEL_INVALID. Returns -1. */
int policy_result_spoil(struct policy_result *result);

#endif
