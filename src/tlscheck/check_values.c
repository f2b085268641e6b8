/* SPDX-License-Identifier: ISC */
/*
 * check_values: numbers, times and booleans that are none, or out of bounds, and values that cannot be
 * expanded.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/maincf.h"
#include "mail/param.h"
#include "tlscheck/check_impl.h"
#include "tlscheck/tlsparam.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

union value {
	int number;
	bool yes;
	char *text;
	int64_t large;
};

static enum param_type
type_of(const struct tlsparam *param)
{
	static const enum param_type types[] = {
		[TLSPARAM_STRING] = PARAM_STRING,
		[TLSPARAM_INT] = PARAM_INT,
		[TLSPARAM_TIME] = PARAM_TIME,
		[TLSPARAM_BOOL] = PARAM_BOOL,
	};

	if (strcmp(param->name, "tlsmgr_session_cache_size_limit") == 0)
		return PARAM_LONG;
	return types[param->type];
}

static void
check_value(struct check *check, struct scope *scope, const struct tlsparam *param)
{
	struct param rows[] = {
		{ .name = param->name, .type = type_of(param), .min = param->min, .max = param->max },
		PARAM_END,
	};
	union value value = { 0 };
	struct buf log = BUF_INIT;
	struct err err;
	int result;

	log_divert(&log);
	result = param_load(scope_maincf(scope), rows, &value, &err);
	log_divert(NULL);
	if (result == 0) {
		param_release(rows, &value);
	} else {
		struct finding *found = check_found(check, scope, "bad-value", param->name, "%s%s%s",
		    strstr(err.text, param->name) ? "" : param->name,
		    strstr(err.text, param->name) ? "" : ": ", err.text);

		scope_mend_remove(scope, found, scope_source(scope, param->name), false);
	}
	buf_release(&log);
}

static void
check_scope(struct check *check, struct scope *scope)
{
	const struct tlsparam *param;

	for (size_t i = 0; (param = tlsparam_at(i)); i++)
		if (scope_raw(scope, param->name) && effective_knows(check->effective, param->name))
			check_value(check, scope, param);
}

void
check_values(struct check *check)
{
	check_each_scope(check, check_scope);
}
