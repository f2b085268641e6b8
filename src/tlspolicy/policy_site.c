/* SPDX-License-Identifier: ISC */
#include "tlspolicy/policy_site.h"

#include <stddef.h>

#include "tls/level.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "util/buf.h"
#include "util/text.h"

/* A later one goes before those above it. */
enum site { SITE_NOT_FOUND, SITE_MAY, SITE_NONE, SITE_MUST_NOPEERMATCH, SITE_MUST, SITE_COUNT };

static const struct {
	const char *word;
	int level;
} sites[SITE_COUNT] = {
	[SITE_MAY] = { "MAY", LEVEL_MAY },
	[SITE_NONE] = { "NONE", LEVEL_NONE },
	[SITE_MUST_NOPEERMATCH] = { "MUST_NOPEERMATCH", LEVEL_ENCRYPT },
	[SITE_MUST] = { "MUST", LEVEL_VERIFY },
};

/* Raises *site to what the table has under `key`. 0, or -1 after a warning. */
static int
ask(const struct policy_request *request, const char *kind, const char *key, enum site *site,
    struct policy_result *result)
{
	const char *client = request->settings->client;
	struct buf value = BUF_INIT;
	enum site found = SITE_NOT_FOUND;
	int answer = policy_request_ask(request, "tls_per_site", key, &value, result);

	for (int i = SITE_MAY; answer > 0 && i < SITE_COUNT; i++)
		if (text_equal_nocase(buf_str(&value), sites[i].word))
			found = (enum site)i;
	if (answer < 0) {
		policy_result_say(result, POLICY_WARNING,
		    "%s_tls_per_site: %s \"%s\": per-site table lookup error", client, kind, key);
		result->level = LEVEL_INVALID;
		policy_result_defer(result, "4.3.0", "Temporary lookup error");
	} else if (answer > 0 && found == SITE_NOT_FOUND) {
		policy_result_say(result, POLICY_WARNING,
		    "%s_tls_per_site: unknown TLS policy '%s' for %s %s", client, buf_str(&value), kind, key);
		answer = policy_result_spoil(result);
	} else if (found > *site) {
		*site = found;
	}
	buf_release(&value);
	return answer < 0 ? -1 : 0;
}

static void
decide(enum site site, const char *client, struct policy_result *result)
{
	const char *global = level_name(result->global_level);

	if (site == SITE_NOT_FOUND) {
		policy_result_say(
		    result, POLICY_WHY, "%s_tls_per_site says nothing: the global level stands", client);
		return;
	}
	if (site == SITE_MAY && result->global_level > LEVEL_MAY) {
		policy_result_say(result, POLICY_WHY,
		    "%s_tls_per_site says MAY, which yields to the global level %s", client, global);
		return;
	}
	result->level = sites[site].level;
	result->source = "tls_per_site";
	policy_result_say(result, POLICY_WHY, "%s_tls_per_site says %s: the level is %s instead of %s",
	    client, sites[site].word, level_name(result->level), global);
}

int
policy_site_apply(const struct policy_request *request, struct policy_result *result)
{
	const struct policy_destination *destination = request->destination;
	enum site nexthop = SITE_NOT_FOUND, host = SITE_NOT_FOUND;

	if (ask(request, "next-hop destination", destination->key, &nexthop, result) < 0)
		return -1;
	if (!text_equal_nocase(destination->key, destination->host) &&
	    ask(request, "server hostname", destination->host, &host, result) < 0)
		return -1;
	if (nexthop != SITE_NOT_FOUND && host != SITE_NOT_FOUND && nexthop != host)
		policy_result_say(result, POLICY_WHY, "%s for the %s goes before %s for the %s",
		    sites[nexthop > host ? nexthop : host].word, nexthop > host ? "next hop" : "host",
		    sites[nexthop > host ? host : nexthop].word, nexthop > host ? "host" : "next hop");
	decide(nexthop > host ? nexthop : host, request->settings->client, result);
	return 0;
}
