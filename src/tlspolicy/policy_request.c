/* SPDX-License-Identifier: ISC */
#include "tlspolicy/policy_request.h"

#include <stdio.h>

#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "util/buf.h"

enum { PARAMETER_LIMIT = 64 };

int
policy_request_ask(const struct policy_request *request, const char *suffix, const char *key,
    struct buf *value, struct policy_result *result)
{
	char parameter[PARAMETER_LIMIT];
	int answer;

	snprintf(parameter, sizeof parameter, "%s_%s", request->settings->client, suffix);
	buf_clear(value);
	answer = request->lookup(parameter, key, value, request->context);
	policy_result_add_lookup(result, parameter, key, answer > 0 ? buf_str(value) : NULL, answer < 0);
	return answer;
}
