/* SPDX-License-Identifier: ISC */
#include "tlspolicy/policy_table.h"

#include <string.h>

#include "tls/level.h"
#include "tlspolicy/policy_attribute.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "util/buf.h"

/* As policy_lookup_fn; *key is the one that was asked for last. */
static int
find_entry(
    const struct policy_request *request, const char **key, struct buf *value, struct policy_result *result)
{
	const struct policy_destination *destination = request->destination;
	int answer;

	*key = destination->key;
	answer = policy_request_ask(request, "tls_policy_maps", *key, value, result);
	if (answer != 0 || !policy_destination_is_name(destination, request->settings->smtputf8_enable))
		return answer;
	for (const char *dot = strchr(*key, '.'); answer == 0 && dot; dot = strchr(dot + 1, '.')) {
		*key = dot;
		answer = policy_request_ask(request, "tls_policy_maps", *key, value, result);
	}
	return answer;
}

int
policy_table_apply(const struct policy_request *request, struct policy_result *result)
{
	const char *client = request->settings->client;
	struct buf value = BUF_INIT;
	const char *key;
	int answer = find_entry(request, &key, &value, result);

	if (answer < 0) {
		policy_result_say(result, POLICY_WARNING,
		    "%s_tls_policy_maps, next-hop destination \"%s\": policy table lookup error", client,
		    key);
		policy_result_spoil(result);
	} else if (answer == 0) {
		policy_result_say(
		    result, POLICY_WHY, "%s_tls_policy_maps says nothing: the global level stands", client);
	} else {
		result->source = "tls_policy_maps";
		answer = policy_attribute_apply(request, key, buf_str(&value), result);
		if (answer == 0)
			policy_result_say(result, POLICY_WHY,
			    "%s_tls_policy_maps has \"%s\" for \"%s\": the level is %s instead of %s", client,
			    buf_str(&value), key, level_name(result->level),
			    level_name(result->global_level));
	}
	buf_release(&value);
	return answer < 0 ? -1 : 0;
}
