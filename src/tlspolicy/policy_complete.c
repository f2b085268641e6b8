/* SPDX-License-Identifier: ISC */
#include "tlspolicy/policy_complete.h"

#include <stdlib.h>

#include "tls/level.h"
#include "tlspolicy/policy_attribute.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

static const char *
text_or_empty(const char *text)
{
	return text ? text : "";
}

static void
set_default(char **member, const char *text)
{
	if (!*member)
		*member = alloc_string(text_or_empty(text));
}

static void
add_word(struct buf *list, const char *text)
{
	if (text && *text)
		buf_printf(list, "%s%s", list->len > 0 ? " " : "", text);
}

/* An `exclude` attribute stands for both lists. What is mandatory never goes without encryption, and what has
 * to match never without certificate. */
static void
complete_exclusions(const struct policy_settings *settings, struct policy_result *result)
{
	struct buf list = BUF_INIT;

	if (result->exclude) {
		add_word(&list, result->exclude);
	} else {
		add_word(&list, settings->tls_exclude_ciphers);
		if (level_is_mandatory(result->level))
			add_word(&list, settings->tls_mandatory_exclude_ciphers);
	}
	if (level_is_mandatory(result->level))
		add_word(&list, level_must_match(result->level) ? "aNULL" : "eNULL");
	free(result->exclude);
	result->exclude = alloc_string(buf_str(&list));
	buf_release(&list);
}

static int
complete_servername(const struct policy_settings *settings, struct policy_result *result)
{
	const char *name = text_or_empty(settings->tls_servername);

	if (result->servername)
		return 0;
	if (*name && !policy_destination_valid_hostname(name)) {
		policy_result_say(result, POLICY_WARNING,
		    "\"%s_tls_servername = %s\" specifies an invalid hostname", settings->client, name);
		return policy_result_spoil(result);
	}
	set_default(&result->servername, name);
	return 0;
}

static int
complete_fingerprints(const struct policy_request *request, struct policy_result *result)
{
	if (result->match.count == 0)
		policy_attribute_add_fingerprints(result,
		    text_or_empty(request->settings->tls_fingerprint_cert_match), TEXT_LIST_SEPARATORS);
	if (result->match.count > 0)
		return 0;
	policy_result_say(result, POLICY_WARNING,
	    "nexthop domain %s: configured at fingerprint security level, but with no fingerprints to match.",
	    request->destination->key);
	return policy_result_spoil(result);
}

/* `names` of main.cf count only where the table has said nothing at all: an attribute that comes to no name
 * is one that nothing matches. */
static int
complete_names(const struct policy_request *request, struct policy_result *result)
{
	const struct policy_settings *settings = request->settings;
	const char *file = text_or_empty(settings->tls_trust_anchor_file);

	if (result->match.count == 0 && !result->match_is_given)
		policy_words_split(&result->match,
		    text_or_empty(result->level == LEVEL_SECURE ? settings->tls_secure_cert_match
								: settings->tls_verify_cert_match),
		    TEXT_LIST_SEPARATORS ":");
	if (*file && result->anchor_files.count == 0)
		return policy_attribute_add_anchors(request, file, result);
	return 0;
}

int
policy_complete(const struct policy_request *request, struct policy_result *result)
{
	const struct policy_settings *settings = request->settings;
	bool mandatory = level_is_mandatory(result->level);

	if (result->level == LEVEL_NONE)
		return 0;
	set_default(
	    &result->protocols, mandatory ? settings->tls_mandatory_protocols : settings->tls_protocols);
	set_default(&result->ciphers, mandatory ? settings->tls_mandatory_ciphers : settings->tls_ciphers);
	complete_exclusions(settings, result);
	if (result->connection_reuse < 0)
		result->connection_reuse = settings->tls_connection_reuse;
	if (complete_servername(settings, result) < 0)
		return -1;
	if (result->level == LEVEL_FINGERPRINT)
		return complete_fingerprints(request, result);
	return level_needs_pkix(result->level) ? complete_names(request, result) : 0;
}
