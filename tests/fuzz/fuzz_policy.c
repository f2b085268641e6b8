/* SPDX-License-Identifier: ISC */
/*
 * fuzz_policy: the next hop is the first line, the server's name the second, the rest is what the tables
 * have.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/level.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_find.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
drop(enum log_level level, const char *text, void *context)
{
	(void)level, (void)text, (void)context;
}

static int
look_up(const char *parameter, const char *key, struct buf *value, void *context)
{
	const char *text = context;

	(void)parameter;
	/* Some keys are not there. */
	if (*key == 'x' || *key == '.')
		return 0;
	buf_add_str(value, text);
	return 1;
}

static int
find_anchors(const char *file, void *context, struct err *err)
{
	(void)context;
	return *file == '/' ? 0 : err_set(err, "%s is not there", file);
}

static void
check(const struct policy_request *request)
{
	struct policy_result result;
	struct err err = { 0 };

	if (policy_find(request, &result, &err) < 0)
		log_panic("these settings are good: %s", err.text);
	if (result.level != LEVEL_INVALID && !level_name(result.level))
		log_panic("level %d", result.level);
	if ((result.level == LEVEL_INVALID) != (result.dsn != NULL))
		log_panic("level %d, %s", result.level, result.dsn ? result.dsn : "no reason");
	if (result.level > LEVEL_NONE && (!result.ciphers || !result.protocols || !result.exclude))
		log_panic("level %d lacks a setting", result.level);
	if (result.level == LEVEL_FINGERPRINT && result.match.count == 0)
		log_panic("nothing to match");
	policy_result_release(&result);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static char on[] = "inline:{}", medium[] = "medium", any[] = "", host[] = "hostname";
	struct policy_settings settings = {
		.client = "smtp",
		.tls_ciphers = medium,
		.tls_mandatory_ciphers = medium,
		.tls_protocols = any,
		.tls_mandatory_protocols = any,
		.tls_verify_cert_match = host,
		.tls_secure_cert_match = host,
		.smtputf8_enable = true,
	};
	char *text = alloc_string_n((const char *)bytes, len), *rest = text;
	char *nexthop = strsep(&rest, "\n"), *server = strsep(&rest, "\n");
	struct policy_destination destination;
	struct policy_request request = {
		.settings = &settings,
		.destination = &destination,
		.lookup = look_up,
		.anchors = find_anchors,
		.context = rest ? rest : any,
	};

	log_set_sink(drop, NULL);
	policy_destination_init(&destination, nexthop, server, "mx.example.test");
	settings.tls_policy_maps = on;
	check(&request);
	settings.tls_policy_maps = NULL;
	settings.tls_per_site = on;
	check(&request);
	policy_destination_release(&destination);
	free(text);
	return 0;
}
