/* SPDX-License-Identifier: ISC */
#include "postfix-tls/policy_report.h"

#include <stdlib.h>
#include <string.h>

#include "tls/level.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "util/alloc.h"
#include "util/buf.h"

static const char *const titles[POLICY_SAID_COUNT] = {
	[POLICY_WHY] = "why",
	[POLICY_WARNING] = "the client warns",
	[POLICY_PROBLEM] = "sessions will fail",
	[POLICY_ADVICE] = "note",
};

char *
policy_report_source(const struct policy_settings *settings, const struct policy_result *result)
{
	bool is_table = strcmp(result->source, "main.cf") != 0 && *result->source != '-';

	return is_table ? alloc_printf("%s_%s", settings->client, result->source)
			: alloc_string(result->source);
}

/* A strategy, and the name that it comes to here. */
static void
put_name(struct buf *text, const char *pattern, const struct policy_destination *destination)
{
	buf_add_str(text, pattern);
	if (strcmp(pattern, "nexthop") == 0)
		buf_printf(text, " (%s)", destination->domain);
	else if (strcmp(pattern, "dot-nexthop") == 0)
		buf_printf(text, " (.%s)", destination->domain);
	else if (strcmp(pattern, "hostname") == 0)
		buf_printf(text, " (%s)", destination->host);
}

static void
put_list(struct buf *text, const struct policy_words *list, const struct policy_destination *destination)
{
	for (size_t i = 0; i < list->count; i++) {
		buf_add_str(text, i > 0 ? ", " : "");
		if (destination)
			put_name(text, list->word[i], destination);
		else
			buf_add_str(text, list->word[i]);
	}
	buf_add_byte(text, '\n');
}

static void
put_starttls(const struct policy_settings *settings, int level, struct buf *text)
{
	if (settings->tls_wrappermode)
		buf_add_str(text, "    TLS from the first byte\n");
	else if (level > LEVEL_MAY)
		buf_add_str(text, "    STARTTLS: required\n");
	else if (level == LEVEL_MAY)
		buf_add_str(text, "    STARTTLS: if it is offered\n");
	else
		buf_printf(text, "    STARTTLS: not used%s\n",
		    settings->tls_note_starttls_offer ? "; that a server offers it is logged" : "");
}

static void
put_certificate(const struct policy_request *request, const struct policy_result *result, struct buf *text)
{
	const struct policy_settings *settings = request->settings;

	buf_add_str(text, "    certificate: ");
	if (level_is_dane(result->level)) {
		buf_add_str(text, "as the TLSA records of the server say\n");
	} else if (result->level == LEVEL_FINGERPRINT) {
		buf_printf(text, "one with a %s fingerprint among ", settings->tls_fingerprint_digest);
		put_list(text, &result->match, NULL);
	} else if (level_needs_pkix(result->level)) {
		buf_add_str(text, "a trusted one with a name among ");
		put_list(text, &result->match, request->destination);
		buf_printf(text, "    chain: at most %d deep\n", settings->tls_scert_verifydepth);
	} else {
		buf_add_str(text, "any\n");
	}
	if (result->anchor_files.count > 0) {
		buf_add_str(text, "    trusted are only those of ");
		put_list(text, &result->anchor_files, NULL);
	}
}

static void
put_settings(const struct policy_request *request, const struct policy_result *result, struct buf *text)
{
	put_starttls(request->settings, result->level, text);
	if (result->level <= LEVEL_NONE)
		return;
	put_certificate(request, result, text);
	buf_printf(text, "    protocols: %s\n", *result->protocols ? result->protocols : "all");
	buf_printf(text, "    ciphers: %s", result->ciphers);
	if (*result->exclude)
		buf_printf(text, " without %s", result->exclude);
	buf_add_byte(text, '\n');
	if (*result->servername)
		buf_printf(text, "    server name sent: %s\n", result->servername);
	buf_printf(text, "    connections are used again: %s\n", result->connection_reuse ? "yes" : "no");
	buf_printf(text, "    time limit: %ds\n", request->settings->starttls_timeout);
}

static void
put_lookups(const struct policy_result *result, struct buf *text)
{
	for (size_t i = 0; i < result->lookup_count; i++) {
		const struct policy_lookup *lookup = &result->lookups[i];

		buf_printf(text, "looked up: %s: \"%s\": ", lookup->table, lookup->key);
		if (lookup->value)
			buf_printf(text, "\"%s\"\n", lookup->value);
		else
			buf_add_str(text, lookup->failed ? "the lookup failed\n" : "not found\n");
	}
}

void
policy_report_put_text(
    const struct policy_request *request, const struct policy_result *result, struct buf *text)
{
	const struct policy_destination *destination = request->destination;

	buf_printf(
	    text, "%s to %s, server %s: ", request->settings->client, destination->key, destination->host);
	if (result->dsn)
		buf_printf(text, "no delivery: %s %s\n", result->dsn, result->reason);
	else
		buf_printf(text, "level %s\n", level_name(result->level));
	if (!result->dsn)
		put_settings(request, result, text);
	put_lookups(result, text);
	for (size_t kind = 0; kind < POLICY_SAID_COUNT; kind++)
		for (size_t i = 0; i < result->said[kind].count; i++)
			buf_printf(text, "%s: %s\n", titles[kind], result->said[kind].word[i]);
	if (!destination->host_is_given && !destination->in_brackets && !destination->is_socket)
		buf_add_str(
		    text, "note: no server was named; this is for one whose name is that of the next hop\n");
}
