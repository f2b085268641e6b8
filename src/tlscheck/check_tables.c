/* SPDX-License-Identifier: ISC */
/*
 * check_tables: policies by destination, and the list of client certificates.
 */
#include <stdlib.h>
#include <string.h>

#include "tlscheck/check_impl.h"
#include "tlscheck/policy.h"
#include "tlscheck/tables.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/table.h"
#include "util/text.h"

struct reading {
	struct check *check;
	struct scope *scope;
	struct table *keys; /* keys so far, to where they are */
	bool per_site;
};

static void
note_key(struct reading *reading, const char *key, const char *where)
{
	char *folded = key ? text_lower(alloc_string(key)) : NULL;
	const char *before = folded ? table_get(reading->keys, folded) : NULL;

	if (!key)
		return;
	if (before)
		check_add(
		    reading->check, "map-duplicate", alloc_string(where), "%s is also in %s", key, before);
	else
		table_put(reading->keys, folded, alloc_string(where));
	free(folded);
}

static void
check_policy_line(const char *key, char *value, const char *where, void *context)
{
	struct reading *reading = context;
	struct err err = { 0 };
	int result;

	note_key(reading, key, where);
	if (reading->per_site)
		result = policy_check_site(value, &err);
	else
		/* Which came with the attributes and braces of later releases. */
		result = policy_check(
		    value, effective_knows(reading->check->effective, "smtp_tlsrpt_enable"), &err);
	if (result != 0)
		check_add(reading->check, result < 0 ? "policy-bad" : "policy-ignored", alloc_string(where),
		    "%s%s%s", key ? key : "", key ? ": " : "", err.text);
}

static void
read_lines(struct check *check, struct scope *scope, const struct tables_item *item, bool per_site,
    tables_line_fn fn)
{
	struct reading reading = {
		.check = check, .scope = scope, .keys = table_new(free), .per_site = per_site
	};

	tables_lines(item, fn, &reading);
	table_free(reading.keys);
}

static void
check_policies(struct check *check, struct scope *scope, const char *name, const struct tables_item *item)
{
	(void)name;
	read_lines(check, scope, item, false, check_policy_line);
}

static void
check_per_site(struct check *check, struct scope *scope, const char *name, const struct tables_item *item)
{
	(void)name;
	read_lines(check, scope, item, true, check_policy_line);
}

/* --- client certificates --- */

static size_t
digest_length(const char *digest)
{
	static const struct {
		const char *name;
		size_t length;
	} digests[] = { { "md5", 16 }, { "sha1", 20 }, { "sha256", 32 }, { "sha384", 48 }, { "sha512", 64 } };

	for (size_t i = 0; i < sizeof digests / sizeof *digests; i++)
		if (text_equal_nocase(digests[i].name, digest))
			return digests[i].length;
	return 0;
}

static void
check_client_line(const char *key, char *value, const char *where, void *context)
{
	struct reading *reading = context;
	bool gate = strcmp(scope_program(reading->scope), "tlsgate") == 0;
	const char *digest = scope_value(
	    reading->scope, gate ? "tlsproxy_tls_fingerprint_digest" : "smtpd_tls_fingerprint_digest");
	size_t length = digest_length(digest);

	(void)value;
	note_key(reading, key, where);
	if (!key)
		return;
	if (strspn(key, "0123456789abcdefABCDEF:") != strlen(key))
		check_add(
		    reading->check, "fingerprint-bad", alloc_string(where), "%s is no fingerprint", key);
	else if (length > 0 && strlen(key) != 3 * length - 1)
		check_add(reading->check, "fingerprint-length", alloc_string(where),
		    "%s cannot be a %s fingerprint: these have %zu bytes, with colons between", key, digest,
		    length);
}

void
check_client_list(struct check *check, struct scope *scope, const char *name, const struct tables_item *item)
{
	(void)name;
	read_lines(check, scope, item, false, check_client_line);
}

static const struct {
	const char *name;
	tables_fn fn;
} parameters[] = {
	{ "smtp_tls_policy_maps", check_policies },
	{ "lmtp_tls_policy_maps", check_policies },
	{ "tlsproxy_client_policy_maps", check_policies },
	{ "smtp_tls_per_site", check_per_site },
	{ "lmtp_tls_per_site", check_per_site },
	{ "relay_clientcerts", check_client_list },
};

static void
check_scope(struct check *check, struct scope *scope)
{
	for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
		if (scope_raw(scope, parameters[i].name))
			tables_check(check, scope, parameters[i].name, "", parameters[i].fn);
}

void
check_tables(struct check *check)
{
	check_each_scope(check, check_scope);
}
