/* SPDX-License-Identifier: ISC */
#include "tlspolicy/policy_result.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tls/level.h"
#include "util/alloc.h"

enum { LINE_LIMIT = 2000 /* as in the log */ };

void
policy_result_init(struct policy_result *result)
{
	*result = (struct policy_result){ .level = LEVEL_NONE, .source = "main.cf", .connection_reuse = -1 };
}

void
policy_result_release(struct policy_result *result)
{
	for (size_t i = 0; i < POLICY_SAID_COUNT; i++)
		policy_words_release(&result->said[i]);
	for (size_t i = 0; i < result->lookup_count; i++) {
		free(result->lookups[i].table);
		free(result->lookups[i].key);
		free(result->lookups[i].value);
	}
	free(result->lookups);
	policy_words_release(&result->anchor_files);
	policy_words_release(&result->match);
	free(result->servername);
	free(result->exclude);
	free(result->ciphers);
	free(result->protocols);
	free(result->reason);
	free(result->dsn);
	policy_result_init(result);
}

void
policy_result_say(struct policy_result *result, enum policy_said kind, const char *format, ...)
{
	char line[LINE_LIMIT + 1];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof line, format, ap);
	va_end(ap);
	policy_words_take(&result->said[kind], alloc_string(line));
}

void
policy_result_add_lookup(
    struct policy_result *result, const char *table, const char *key, const char *value, bool failed)
{
	result->lookups = alloc_resize(result->lookups, result->lookup_count + 1, sizeof *result->lookups);
	result->lookups[result->lookup_count++] = (struct policy_lookup){
		.table = alloc_string(table),
		.key = alloc_string(key),
		.value = value ? alloc_string(value) : NULL,
		.failed = failed,
	};
}

int
policy_result_defer(struct policy_result *result, const char *dsn, const char *reason)
{
	free(result->dsn);
	free(result->reason);
	result->dsn = alloc_string(dsn);
	result->reason = alloc_string(reason);
	return -1;
}

int
policy_result_spoil(struct policy_result *result)
{
	result->level = LEVEL_INVALID;
	return policy_result_defer(result, "4.7.5", "client TLS configuration problem");
}
