/* SPDX-License-Identifier: ISC */
#include "postfix-tls/policy_report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tls/level.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/json_text.h"

/* What is said of a kind, and its name in the document. */
static const struct {
	const char *title, *name;
} kinds[POLICY_SAID_COUNT] = {
	[POLICY_WHY] = { "why", "why" },
	[POLICY_WARNING] = { "the client warns", "warnings" },
	[POLICY_PROBLEM] = { "sessions will fail", "problems" },
	[POLICY_ADVICE] = { "note", "advice" },
};

/* Freed by the caller. */
static char *
source_of(const struct policy_request *request, const struct policy_result *result)
{
	return strcmp(result->source, "main.cf") == 0
		   ? alloc_string(result->source)
		   : alloc_printf("%s_%s", request->settings->client, result->source);
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

/* --- in words --- */

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
			buf_printf(text, "%s: %s\n", kinds[kind].title, result->said[kind].word[i]);
	if (!destination->host_is_given && !destination->in_brackets && !destination->is_socket)
		buf_add_str(
		    text, "note: no server was named; this is for one whose name is that of the next hop\n");
}

/* --- as a document --- */

static json_t *
array_of(const struct policy_words *words)
{
	json_t *array = json_array();

	for (size_t i = 0; i < words->count; i++)
		json_array_append_new(array, json_text_string(words->word[i]));
	return array;
}

static void
set_text(json_t *document, const char *name, const char *text)
{
	json_object_set_new(document, name, text ? json_text_string(text) : json_null());
}

static json_t *
json_of_lookups(const struct policy_result *result)
{
	json_t *array = json_array();

	for (size_t i = 0; i < result->lookup_count; i++) {
		const struct policy_lookup *lookup = &result->lookups[i];
		json_t *object = json_object();

		set_text(object, "table", lookup->table);
		set_text(object, "key", lookup->key);
		set_text(object, "value", lookup->value);
		json_object_set_new(object, "failed", json_boolean(lookup->failed));
		json_array_append_new(array, object);
	}
	return array;
}

/* Only what the level uses. */
static void
set_settings(json_t *document, const struct policy_request *request, const struct policy_result *result)
{
	const struct policy_settings *settings = request->settings;

	set_text(document, "protocols", result->protocols);
	set_text(document, "ciphers", result->ciphers);
	set_text(document, "exclude", result->exclude);
	set_text(document, "servername", result->servername);
	json_object_set_new(document, "match", array_of(&result->match));
	json_object_set_new(document, "tafile", array_of(&result->anchor_files));
	if (result->level == LEVEL_FINGERPRINT)
		set_text(document, "fingerprint_digest", settings->tls_fingerprint_digest);
	json_object_set_new(document, "connection_reuse", json_boolean(result->connection_reuse > 0));
	json_object_set_new(document, "wrappermode", json_boolean(settings->tls_wrappermode));
	json_object_set_new(document, "verifydepth", json_integer(settings->tls_scert_verifydepth));
	json_object_set_new(document, "timeout", json_integer(settings->starttls_timeout));
}

struct json_t *
policy_report_json(const struct policy_request *request, const struct policy_result *result)
{
	json_t *document = json_object();
	char *source = source_of(request, result);

	set_text(document, "client", request->settings->client);
	set_text(document, "nexthop", request->destination->key);
	set_text(document, "host", request->destination->host);
	set_text(document, "level", level_name(result->level));
	set_text(document, "status", result->dsn);
	set_text(document, "reason", result->reason);
	set_text(document, "global_level", level_name(result->global_level));
	set_text(document, "source", source);
	if (result->level > LEVEL_NONE)
		set_settings(document, request, result);
	json_object_set_new(document, "lookups", json_of_lookups(result));
	for (size_t kind = 0; kind < POLICY_SAID_COUNT; kind++)
		json_object_set_new(document, kinds[kind].name, array_of(&result->said[kind]));
	free(source);
	return document;
}
