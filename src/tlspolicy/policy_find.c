/* SPDX-License-Identifier: ISC */
#include "tlspolicy/policy_find.h"

#include <stdbool.h>

#include "tls/level.h"
#include "tlspolicy/policy_advice.h"
#include "tlspolicy/policy_complete.h"
#include "tlspolicy/policy_dane.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_global.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "tlspolicy/policy_site.h"
#include "tlspolicy/policy_table.h"

static bool
is_set(const char *tables)
{
	return tables && *tables;
}

static int
apply_tables(const struct policy_request *request, struct policy_result *result)
{
	const struct policy_settings *settings = request->settings;
	bool maps = is_set(settings->tls_policy_maps), per_site = is_set(settings->tls_per_site);

	if (maps && per_site)
		policy_result_say(result, POLICY_WARNING,
		    "%s_tls_per_site ignored when %s_tls_policy_maps is not empty.", settings->client,
		    settings->client);
	if (maps)
		return policy_table_apply(request, result);
	return per_site ? policy_site_apply(request, result) : 0;
}

/* A socket of this machine has no need of what may fail. */
static void
apply_socket(const struct policy_request *request, struct policy_result *result)
{
	if (!request->destination->is_socket || result->level != LEVEL_MAY)
		return;
	policy_result_say(result, POLICY_WARNING,
	    "smtp_connect_local: opportunistic TLS encryption is not appropriate for unix-domain "
	    "destinations.");
	result->level = LEVEL_NONE;
}

static int
apply_wrapper(const struct policy_request *request, struct policy_result *result)
{
	const char *client = request->settings->client;

	if (!request->settings->tls_wrappermode || result->level >= LEVEL_ENCRYPT)
		return 0;
	policy_result_say(result, POLICY_WARNING,
	    "%s_tls_wrappermode requires \"%s_tls_security_level = encrypt\" (or stronger)", client, client);
	return policy_result_defer(result, "4.3.0", "server unavailable or unable to receive mail");
}

static int
find(const struct policy_request *request, struct policy_result *result)
{
	if (apply_tables(request, result) < 0 || policy_dane_apply(request, result) < 0)
		return -1;
	apply_socket(request, result);
	if (policy_complete(request, result) < 0)
		return -1;
	return apply_wrapper(request, result);
}

/* The client says it in two ways. */
static void
warn_deferred(const struct policy_destination *destination, struct policy_result *result)
{
	if (destination->is_socket)
		policy_result_say(result, POLICY_WARNING, "TLS policy lookup error for %s/%s: %s",
		    destination->host, destination->key, result->reason);
	else
		policy_result_say(result, POLICY_WARNING, "TLS policy lookup for %s/%s: %s", destination->key,
		    destination->host, result->reason);
}

int
policy_find(const struct policy_request *request, struct policy_result *result, struct err *err)
{
	const struct policy_destination *destination = request->destination;

	policy_result_init(result);
	if (policy_global_level(request->settings, result, err) < 0 ||
	    policy_dane_check(request->settings, err) < 0)
		return -1;
	if (find(request, result) < 0 && result->level == LEVEL_INVALID)
		warn_deferred(destination, result);
	policy_advice_add(request, result);
	return 0;
}
