/* SPDX-License-Identifier: ISC */
#include "postfix-tls/policy_json.h"

#include <stdlib.h>

#include <jansson.h>

#include "postfix-tls/policy_report.h"
#include "tls/level.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "util/json_text.h"

static const char *const names[POLICY_SAID_COUNT] = {
	[POLICY_WHY] = "why",
	[POLICY_WARNING] = "warnings",
	[POLICY_PROBLEM] = "problems",
	[POLICY_ADVICE] = "advice",
};

struct json_t *
policy_json_words(const struct policy_words *words)
{
	json_t *array = json_array();

	for (size_t i = 0; i < words->count; i++)
		json_array_append_new(array, json_text_string(words->word[i]));
	return array;
}

static json_t *
json_of_lookups(const struct policy_result *result)
{
	json_t *array = json_array();

	for (size_t i = 0; i < result->lookup_count; i++) {
		const struct policy_lookup *lookup = &result->lookups[i];
		json_t *object = json_object();

		json_text_set(object, "table", lookup->table);
		json_text_set(object, "key", lookup->key);
		json_text_set(object, "value", lookup->value);
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

	json_text_set(document, "protocols", result->protocols);
	json_text_set(document, "ciphers", result->ciphers);
	json_text_set(document, "exclude", result->exclude);
	json_text_set(document, "servername", result->servername);
	json_object_set_new(document, "match", policy_json_words(&result->match));
	json_object_set_new(document, "tafile", policy_json_words(&result->anchor_files));
	if (result->level == LEVEL_FINGERPRINT)
		json_text_set(document, "fingerprint_digest", settings->tls_fingerprint_digest);
	json_object_set_new(document, "connection_reuse", json_boolean(result->connection_reuse > 0));
	json_object_set_new(document, "wrappermode", json_boolean(settings->tls_wrappermode));
	json_object_set_new(document, "verifydepth", json_integer(settings->tls_scert_verifydepth));
	json_object_set_new(document, "timeout", json_integer(settings->starttls_timeout));
}

struct json_t *
policy_json(const struct policy_request *request, const struct policy_result *result)
{
	json_t *document = json_object();
	char *source = policy_report_source(request->settings, result);

	json_text_set(document, "client", request->settings->client);
	json_text_set(document, "nexthop", request->destination->key);
	json_text_set(document, "host", request->destination->host);
	json_text_set(document, "level", level_name(result->level));
	json_text_set(document, "status", result->dsn);
	json_text_set(document, "reason", result->reason);
	json_text_set(document, "global_level", level_name(result->global_level));
	json_text_set(document, "source", source);
	if (result->level > LEVEL_NONE)
		set_settings(document, request, result);
	json_object_set_new(document, "lookups", json_of_lookups(result));
	for (size_t kind = 0; kind < POLICY_SAID_COUNT; kind++)
		json_object_set_new(document, names[kind], policy_json_words(&result->said[kind]));
	free(source);
	return document;
}
