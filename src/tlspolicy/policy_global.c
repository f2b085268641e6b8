/* SPDX-License-Identifier: ISC */
#include "tlspolicy/policy_global.h"

#include "tls/level.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "util/err.h"

static int
level_of_legacy(const struct policy_settings *settings)
{
	if (settings->enforce_tls)
		return settings->tls_enforce_peername ? LEVEL_VERIFY : LEVEL_ENCRYPT;
	return settings->use_tls ? LEVEL_MAY : LEVEL_NONE;
}

static void
explain_legacy(const struct policy_settings *settings, struct policy_result *result)
{
	const char *client = settings->client, *level = level_name(result->level);

	if (settings->enforce_tls)
		policy_result_say(result, POLICY_WHY,
		    "%s_tls_security_level is empty, %s_enforce_tls = yes and %s_tls_enforce_peername = %s: "
		    "the global level is %s",
		    client, client, client, settings->tls_enforce_peername ? "yes" : "no", level);
	else
		policy_result_say(result, POLICY_WHY,
		    "%s_tls_security_level is empty, %s_enforce_tls = no and %s_use_tls = %s: "
		    "the global level is %s",
		    client, client, client, settings->use_tls ? "yes" : "no", level);
}

int
policy_global_level(const struct policy_settings *settings, struct policy_result *result, struct err *err)
{
	const char *level = settings->tls_security_level;

	if (!level || !*level) {
		result->level = result->global_level = level_of_legacy(settings);
		explain_legacy(settings, result);
		return 0;
	}
	result->level = result->global_level = level_from_name(level);
	if (result->level == LEVEL_INVALID)
		return err_set(err, "Invalid TLS level \"%s\"", level);
	policy_result_say(result, POLICY_WHY, "%s_tls_security_level = %s: the global level is %s",
	    settings->client, level, level_name(result->level));
	if (settings->use_tls || settings->enforce_tls)
		policy_result_say(result, POLICY_ADVICE,
		    "%s_use_tls and %s_enforce_tls have no effect beside %s_tls_security_level",
		    settings->client, settings->client, settings->client);
	return 0;
}
