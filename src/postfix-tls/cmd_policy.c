/* SPDX-License-Identifier: ISC */
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "postfix-tls/command.h"
#include "postfix-tls/options.h"
#include "postfix-tls/policy_json.h"
#include "postfix-tls/policy_report.h"
#include "postfix-tls/policy_tables.h"
#include "postfix-tls/postconf.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_find.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "tlsprobe/probe_target.h"
#include "util/buf.h"
#include "util/json_text.h"
#include "util/log.h"

static enum command_result
print(const struct policy_request *request, const struct policy_result *result, bool json, struct err *err)
{
	struct buf text = BUF_INIT;
	json_t *document = NULL;
	int printed = 0;

	if (json) {
		document = policy_json(request, result);
		printed = json_text_print(document, stdout, err);
		json_decref(document);
	} else {
		policy_report_put_text(request, result, &text);
		fputs(buf_str(&text), stdout);
		buf_release(&text);
	}
	if (printed < 0)
		return COMMAND_FAILED;
	return result->dsn ? COMMAND_NO : COMMAND_DONE;
}

static enum command_result
answer(struct policy_request *request, bool json, struct err *err)
{
	struct policy_tables *tables = policy_tables_new(request->settings, err);
	struct policy_result result;
	struct buf said = BUF_INIT;
	enum command_result outcome = COMMAND_FAILED;
	int found;

	if (!tables)
		return COMMAND_FAILED;
	request->context = tables;
	log_divert(&said);
	found = policy_find(request, &result, err);
	policy_tables_pass_on(&said);
	if (found == 0)
		outcome = print(request, &result, json, err);
	policy_result_release(&result);
	buf_release(&said);
	policy_tables_free(tables);
	return outcome;
}

enum command_result
cmd_policy(const struct site *site, int argc, char **argv, struct err *err)
{
	struct options options = { 0 };
	struct policy_settings settings;
	struct policy_destination destination;
	enum command_result outcome = COMMAND_FAILED;
	const char *nexthop, *host, *client;

	if (options_next(argc, argv, "", OPTIONS_JSON, &options) != -1 || argc - optind < 1 ||
	    argc - optind > 2 || !*argv[optind])
		return COMMAND_USAGE;
	nexthop = argv[optind];
	host = argv[optind + 1];
	client = probe_target_client(nexthop);
	if (policy_settings_load(&settings, postconf_maincf(site->postconf), client, err) == 0) {
		struct policy_request request = {
			.settings = &settings,
			.destination = &destination,
			.lookup = policy_tables_look_up,
			.anchors = policy_tables_find_anchors,
		};
		policy_destination_init(&destination, nexthop, host, settings.myhostname);
		outcome = answer(&request, options.json, err);
		policy_destination_release(&destination);
	}
	policy_settings_release(&settings);
	return outcome;
}
