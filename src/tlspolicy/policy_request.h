/* SPDX-License-Identifier: ISC */
/*
 * policy_request: what the policy is looked for, and what with.
 */
#ifndef TLSPOLICY_POLICY_REQUEST_H
#define TLSPOLICY_POLICY_REQUEST_H

struct buf;
struct err;
struct policy_destination;
struct policy_result;
struct policy_settings;

/* 1: `value` replaced. 0: not found. -1: the table failed. `parameter` names the tables. */
typedef int (*policy_lookup_fn)(const char *parameter, const char *key, struct buf *value, void *context);

/* Whether a file has trust anchors. 0; or -1 with the words of the warning, or with none. */
typedef int (*policy_anchors_fn)(const char *file, void *context, struct err *err);

/* What is known of the MX records and of the server's TLSA records. */
enum policy_mx { POLICY_MX_UNKNOWN, POLICY_MX_SECURE, POLICY_MX_INSECURE };
enum policy_tlsa {
	POLICY_TLSA_UNKNOWN,
	POLICY_TLSA_FAILED, /* the lookup */
	POLICY_TLSA_ABSENT, /* or insecure */
	POLICY_TLSA_UNUSABLE,
	POLICY_TLSA_USABLE,
};

/* All borrowed. */
struct policy_request {
	const struct policy_settings *settings;
	const struct policy_destination *destination;
	policy_lookup_fn lookup;
	policy_anchors_fn anchors;
	void *context; /* of both */
	enum policy_mx mx;
	enum policy_tlsa tlsa;
	int port; /* of the server, for what is said; 0: unknown */
};

/* Asks and notes the answer in `result`. `suffix` is the parameter's name behind
 * "smtp_". */
int policy_request_ask(const struct policy_request *request, const char *suffix, const char *key,
    struct buf *value, struct policy_result *result) __attribute__((warn_unused_result));

#endif
