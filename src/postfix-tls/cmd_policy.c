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

/* What one parameter names. */
struct tables {
	struct map_list *list; /* referred to */
	bool broken;           /* the client would not use it */
};

/* Of one client. */
struct all_tables {
	struct tables per_site, policy_maps;
};

static int
look_up(const char *parameter, const char *key, struct buf *value, void *context)
{
	const struct all_tables *all = context;
	const struct tables *tables = strstr(parameter, "per_site") ? &all->per_site : &all->policy_maps;

	return tables->broken ? -1 : map_list_get(tables->list, key, value);
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

/* A type that only the installed Postfix has cannot be asked here, which is no error of the table. A key that
 * is in a text file twice is a warning for postmap(1) and for us, but the end of the table for the client. */
static int
open_tables(struct tables *tables, const char *client, const char *suffix, const char *names, struct err *err)
{
	char *title = alloc_printf("%s_%s", client, suffix);
	const char *unsupported;
	struct buf said = BUF_INIT;

	log_divert(&said);
	tables->list = map_list_new(title, names, MAP_FOLD);
	pass_on(&said);
	tables->broken = strstr(buf_str(&said), ": duplicate entry: ") != NULL;
	unsupported = strstr(buf_str(&said), "unsupported dictionary type: ");
	if (unsupported)
		err_set(err, "%.*s", (int)strcspn(unsupported, "\n"), unsupported);
	buf_release(&said);
	free(title);
	return unsupported ? -1 : 0;
}

static int
open_all(struct all_tables *all, const struct policy_settings *settings, struct err *err)
{
	if (open_tables(
		&all->policy_maps, settings->client, "tls_policy_maps", settings->tls_policy_maps, err) < 0)
		return -1;
	return open_tables(&all->per_site, settings->client, "tls_per_site", settings->tls_per_site, err);
}

static void
close_all(struct all_tables *all)
{
	map_list_unref(all->per_site.list);
	map_list_unref(all->policy_maps.list);
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
	struct all_tables all = { 0 };
	struct policy_result result;
	struct buf said = BUF_INIT;
	enum command_result outcome = COMMAND_FAILED;

	if (open_all(&all, request->settings, err) == 0) {
		request->context = &all;
		log_divert(&said);
		int found = policy_find(request, &result, err);
		pass_on(&said);
		if (found == 0)
			outcome = print(request, &result, json, err);
		policy_result_release(&result);
	}
	buf_release(&said);
	close_all(&all);
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
