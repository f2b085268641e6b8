/* SPDX-License-Identifier: ISC */
#include "tlspolicy/policy_advice.h"

#include <stdbool.h>
#include <string.h>

#include "tls/cipher.h"
#include "tls/level.h"
#include "tls/protocol.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "util/buf.h"
#include "util/err.h"

/* What the policy does not check and the session does. */
static void
add_problems(struct policy_result *result)
{
	static const struct cipher_grades grades = { .high = "", .medium = "", .null = "" };
	struct protocol_set protocols;
	struct buf list = BUF_INIT;
	struct err err = { 0 };

	if (cipher_list(&list, &grades, result->ciphers, result->exclude, &err) < 0)
		policy_result_say(result, POLICY_PROBLEM, "%s", err.text);
	if (protocol_parse(&protocols, result->protocols) < 0)
		policy_result_say(result, POLICY_PROBLEM,
		    "Invalid TLS protocol list \"%s\": aborting TLS session", result->protocols);
	if (level_needs_pkix(result->level) && result->match.count == 0)
		policy_result_say(result, POLICY_PROBLEM, "could not configure peer name checks");
	buf_release(&list);
}

static bool
compares_host(const struct policy_result *result)
{
	for (size_t i = 0; i < result->match.count; i++)
		if (strcmp(result->match.word[i], "hostname") == 0)
			return true;
	return false;
}

static bool
found_by_host(const struct policy_request *request, const struct policy_result *result)
{
	const struct policy_lookup *last =
	    result->lookup_count > 0 ? &result->lookups[result->lookup_count - 1] : NULL;

	return result->lookup_count > 1 && last->value && strcmp(result->source, "tls_per_site") == 0 &&
	       strcmp(last->key, request->destination->host) == 0 && !result->lookups[0].value;
}

static void
add_loopholes(const struct policy_request *request, struct policy_result *result)
{
	const struct policy_settings *settings = request->settings;
	const struct policy_destination *destination = request->destination;
	bool asks_for_mx = strcmp(settings->client, "smtp") == 0 && !destination->in_brackets;

	if (asks_for_mx && found_by_host(request, result))
		policy_result_say(result, POLICY_ADVICE,
		    "%s_tls_per_site is asked for a name that comes from MX records: who forges them escapes "
		    "this "
		    "policy; write the next hop in brackets, in the table too",
		    settings->client);
	if (!level_needs_pkix(result->level) || !compares_host(result))
		return;
	if (asks_for_mx)
		policy_result_say(result, POLICY_ADVICE,
		    "the certificate is compared with a name that comes from MX records: who forges them "
		    "needs no "
		    "other certificate; use level secure, or a next hop in brackets");
	if (settings->cname_overrides_servername && !destination->is_socket)
		policy_result_say(result, POLICY_ADVICE,
		    "%s_cname_overrides_servername = yes: the certificate is compared with a name that comes "
		    "from "
		    "CNAME records",
		    settings->client);
}

void
policy_advice_add(const struct policy_request *request, struct policy_result *result)
{
	const char *client = request->settings->client;

	if (request->settings->has_cipherlist)
		policy_result_say(result, POLICY_ADVICE,
		    "%s_tls_cipherlist has no effect: %s_tls_ciphers and %s_tls_mandatory_ciphers choose "
		    "among grades",
		    client, client, client);
	if (result->level <= LEVEL_NONE)
		return;
	add_problems(result);
	add_loopholes(request, result);
}
