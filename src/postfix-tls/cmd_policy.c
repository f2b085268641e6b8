/* SPDX-License-Identifier: ISC */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/map_list.h"
#include "postfix-tls/command.h"
#include "postfix-tls/options.h"
#include "postfix-tls/policy_report.h"
#include "postfix-tls/postconf.h"
#include "tls/dane.h"
#include "tlspolicy/policy_destination.h"
#include "tlspolicy/policy_find.h"
#include "tlspolicy/policy_request.h"
#include "tlspolicy/policy_result.h"
#include "tlspolicy/policy_settings.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/json_text.h"
#include "util/log.h"

enum { ANCHORS_LIMIT = 16 << 20 };

/* The tables of one client. */
struct tables {
	struct map_list *per_site, *policy_maps; /* referred to */
};

static int
look_up(const char *parameter, const char *key, struct buf *value, void *context)
{
	const struct tables *tables = context;

	return map_list_get(
	    strstr(parameter, "per_site") ? tables->per_site : tables->policy_maps, key, value);
}

static int
find_anchors(const char *file, void *context, struct err *err)
{
	struct dane_set *set = dane_set_new("");
	struct buf pem = BUF_INIT;
	struct err why = { 0 };
	int result = file_read_at_once(file, ANCHORS_LIMIT, &pem, &why);

	(void)context;
	if (result < 0)
		err_set(err, "error opening trust anchor file: %s: %s", file, strerror(why.code));
	else
		result = dane_set_add_anchors(set, file, pem.bytes, pem.len, 0);
	buf_release(&pem);
	dane_set_free(set);
	return result;
}

/* What the tables say of themselves is for who asks, not for the mail log. */
static void
pass_on(struct buf *said)
{
	log_divert(NULL);
	fputs(buf_str(said), stderr);
}

/* A type that only the installed Postfix has cannot be asked here, which is no error of the tables. */
static int
open_tables(struct tables *tables, const struct policy_settings *settings, struct err *err)
{
	const char *unsupported;
	struct buf said = BUF_INIT;
	char *per_site = alloc_printf("%s_tls_per_site", settings->client);
	char *policy_maps = alloc_printf("%s_tls_policy_maps", settings->client);

	log_divert(&said);
	tables->per_site = map_list_new(per_site, settings->tls_per_site, MAP_FOLD);
	tables->policy_maps = map_list_new(policy_maps, settings->tls_policy_maps, MAP_FOLD);
	pass_on(&said);
	free(policy_maps);
	free(per_site);
	unsupported = strstr(buf_str(&said), "unsupported dictionary type: ");
	if (unsupported)
		err_set(err, "%.*s", (int)strcspn(unsupported, "\n"), unsupported);
	buf_release(&said);
	return unsupported ? -1 : 0;
}

static void
close_tables(struct tables *tables)
{
	map_list_unref(tables->per_site);
	map_list_unref(tables->policy_maps);
}

static enum command_result
print(const struct policy_request *request, const struct policy_result *result, bool json, struct err *err)
{
	struct buf text = BUF_INIT;
	json_t *document = NULL;
	int printed = 0;

	if (json) {
		document = policy_report_json(request, result);
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
	struct tables tables = { 0 };
	struct policy_result result;
	struct buf said = BUF_INIT;
	enum command_result outcome = COMMAND_FAILED;

	if (open_tables(&tables, request->settings, err) == 0) {
		request->context = &tables;
		log_divert(&said);
		int found = policy_find(request, &result, err);
		pass_on(&said);
		if (found == 0)
			outcome = print(request, &result, json, err);
		policy_result_release(&result);
	}
	buf_release(&said);
	close_tables(&tables);
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
	client = strncmp(nexthop, "unix:", 5) == 0 || strncmp(nexthop, "inet:", 5) == 0 ? "lmtp" : "smtp";
	if (policy_settings_load(&settings, postconf_maincf(site->postconf), client, err) == 0) {
		struct policy_request request = {
			.settings = &settings,
			.destination = &destination,
			.lookup = look_up,
			.anchors = find_anchors,
		};
		policy_destination_init(&destination, nexthop, host, settings.myhostname);
		outcome = answer(&request, options.json, err);
		policy_destination_release(&destination);
	}
	policy_settings_release(&settings);
	return outcome;
}
