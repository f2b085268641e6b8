/* SPDX-License-Identifier: ISC */
#include "tlspolicy/policy_dane.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tls/level.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/text.h"

/* LEVEL_MAY, LEVEL_ENCRYPT, LEVEL_DANE; LEVEL_INVALID: no such policy. lmtp, which looks for no MX records,
 * has none. */
static int
insecure_mx_level(const struct policy_settings *settings)
{
	const char *word = settings->tls_dane_insecure_mx_policy;
	int level = word ? level_from_name(word) : LEVEL_MAY;

	return level == LEVEL_MAY || level == LEVEL_ENCRYPT || level == LEVEL_DANE ? level : LEVEL_INVALID;
}

int
policy_dane_check(const struct policy_settings *settings, struct err *err)
{
	if (insecure_mx_level(settings) == LEVEL_INVALID)
		return err_set(err, "invalid smtp_tls_dane_insecure_mx_policy: \"%s\"",
		    settings->tls_dane_insecure_mx_policy);
	return 0;
}

static bool
has_word(const char *list, const char *word)
{
	const char *found;
	size_t len;

	while (list && (found = text_token(&list, TEXT_LIST_SEPARATORS, &len)) != NULL)
		if (len == strlen(word) && strncasecmp(found, word, len) == 0)
			return true;
	return false;
}

/* What stands in the way of DANE whatever DNS says: words about a next hop and a level; NULL: nothing. */
static const char *
obstacle(const struct policy_settings *settings)
{
	const char *support = settings->dns_support_level;

	if (!support || !text_equal_nocase(support, "dnssec") || !has_word(settings->host_lookup, "dns"))
		return "%s: %s configured with dnssec lookups disabled";
	if (settings->ignore_mx_lookup_error)
		return "%s: %s configured with MX lookup errors ignored";
	if (has_word(settings->dns_resolver_options, "res_defnames") ||
	    has_word(settings->dns_resolver_options, "res_dnsrch"))
		return "%s: dns resolver options incompatible with %s TLS";
	return NULL;
}

static int
lower(struct policy_result *result, int level, const char *why)
{
	policy_result_say(
	    result, POLICY_WHY, "%s: %s becomes %s", why, level_name(result->level), level_name(level));
	result->level = level;
	return 0;
}

/* One that must have records defers, the other makes do with `level`. */
static int
do_without(struct policy_result *result, int level, const char *why)
{
	if (result->level == LEVEL_DANE)
		return lower(result, level, why);
	result->level = LEVEL_INVALID;
	return policy_result_defer(result, "4.7.5", why);
}

static int
apply_obstacle(const struct policy_request *request, const char *words, struct policy_result *result)
{
	const char *level = level_name(result->level);

	policy_result_say(result, POLICY_WARNING, words, request->destination->key, level);
	if (result->level == LEVEL_DANE_ONLY)
		return policy_result_spoil(result);
	return lower(result, LEVEL_MAY, "DANE is not possible with these settings");
}

static int
apply_tlsa(const struct policy_request *request, struct policy_result *result)
{
	char *trouble;

	switch (request->tlsa) {
	case POLICY_TLSA_FAILED:
		trouble = request->port > 0
			      ? alloc_printf(
				    "TLSA lookup error for %s:%d", request->destination->host, request->port)
			      : alloc_printf("TLSA lookup error for %s", request->destination->host);
		result->level = LEVEL_INVALID;
		policy_result_defer(result, "4.7.5", trouble);
		free(trouble);
		return -1;
	case POLICY_TLSA_ABSENT:
		return do_without(result, LEVEL_MAY, "no TLSA records found");
	case POLICY_TLSA_UNUSABLE:
		return do_without(result, LEVEL_ENCRYPT, "TLSA records unusable");
	case POLICY_TLSA_UNKNOWN:
		policy_result_say(result, POLICY_WHY,
		    result->level == LEVEL_DANE
			? "DNS decides: without secure TLSA records dane becomes may, with unusable ones "
			  "encrypt"
			: "DNS decides: without usable secure TLSA records there is no delivery");
		return 0;
	case POLICY_TLSA_USABLE:
		break;
	}
	return 0;
}

/* While it is not known what DNS says of the MX records. */
static void
explain_mx(const struct policy_request *request, int insecure, struct policy_result *result)
{
	if (request->mx != POLICY_MX_UNKNOWN || request->destination->in_brackets ||
	    strcmp(request->settings->client, "smtp") != 0)
		return;
	if (result->level == LEVEL_DANE_ONLY)
		policy_result_say(
		    result, POLICY_WHY, "DNS decides: with insecure MX records there is no delivery");
	else if (insecure != LEVEL_DANE)
		policy_result_say(result, POLICY_WHY,
		    "DNS decides: with insecure MX records dane becomes %s at most", level_name(insecure));
}

int
policy_dane_apply(const struct policy_request *request, struct policy_result *result)
{
	const struct policy_settings *settings = request->settings;
	int insecure = insecure_mx_level(settings), before;
	const char *words;

	if (result->level != LEVEL_DANE && result->level != LEVEL_DANE_ONLY)
		return 0;
	if (request->destination->is_socket) {
		policy_result_say(result, POLICY_WARNING,
		    "%s: the \"%s\" security level is invalid for delivery via unix-domain sockets",
		    request->destination->key, level_name(result->level));
		return policy_result_spoil(result);
	}
	words = obstacle(settings);
	if (words)
		return apply_obstacle(request, words, result);
	if (request->mx == POLICY_MX_INSECURE && (result->level == LEVEL_DANE_ONLY || insecure == LEVEL_MAY))
		return do_without(result, LEVEL_MAY, "non DNSSEC destination");
	explain_mx(request, insecure, result);
	before = result->level;
	if (apply_tlsa(request, result) < 0)
		return -1;
	if (request->mx != POLICY_MX_INSECURE || result->level != before)
		return 0;
	return lower(
	    result, insecure == LEVEL_DANE ? LEVEL_HALFDANE : LEVEL_ENCRYPT, "the MX records are insecure");
}
