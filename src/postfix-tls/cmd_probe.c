/* SPDX-License-Identifier: ISC */
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/maincf.h"
#include "postfix-tls/command.h"
#include "postfix-tls/policy_tables.h"
#include "postfix-tls/postconf.h"
#include "postfix-tls/probe_json.h"
#include "postfix-tls/probe_report.h"
#include "tls/conn.h"
#include "tlsprobe/probe_run.h"
#include "tlsprobe/probe_settings.h"
#include "tlsprobe/probe_visit.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/json_text.h"
#include "util/text.h"

enum { TIMEOUT_S = 30, TIMEOUT_LIMIT_S = 3600 };

struct arguments {
	bool json, tlsproxy;
	const char *client;
	const char *level; /* NULL: what main.cf and its tables have */
	struct probe_options options;
};

/* --- arguments --- */

static int
set_parameter(struct maincf *cf, const char *text, struct err *err)
{
	char *copy = alloc_string(text), *name, *value;
	int result = maincf_split(copy, &name, &value, err);

	if (result == 0)
		maincf_set(cf, name, value);
	free(copy);
	return result < 0 ? err_prefix(err, "-o %s", text) : 0;
}

/* The level instead of what main.cf and tables say of it. */
static void
set_level(struct maincf *cf, const char *client, const char *level)
{
	static const char *const tables[] = { "tls_policy_maps", "tls_per_site" };
	char *name = alloc_printf("%s_tls_security_level", client);

	maincf_set(cf, name, level);
	free(name);
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		name = alloc_printf("%s_%s", client, tables[i]);
		maincf_set(cf, name, "");
		free(name);
	}
}

/* 0: they make sense. 1: they do not. -1: err. */
static int
parse(int argc, char **argv, struct maincf *cf, struct arguments *arguments, struct err *err)
{
	enum { JSON = 256, FIRST, RESUME, TLSPROXY, RESOLVER, ANCHOR, TIMEOUT };
	static const struct option names[] = {
		{ "json", no_argument, NULL, JSON },
		{ "first", no_argument, NULL, FIRST },
		{ "resume", no_argument, NULL, RESUME },
		{ "tlsproxy", no_argument, NULL, TLSPROXY },
		{ "resolver", required_argument, NULL, RESOLVER },
		{ "trust-anchor", required_argument, NULL, ANCHOR },
		{ "timeout", required_argument, NULL, TIMEOUT },
		{ 0 },
	};
	struct probe_options *options = &arguments->options;
	uint64_t seconds;
	int option;

	while ((option = getopt_long(argc, argv, "+l:o:", names, NULL)) != -1) {
		switch (option) {
		case 'l':
			arguments->level = optarg;
			break;
		case 'o':
			if (set_parameter(cf, optarg, err) < 0)
				return -1;
			break;
		case JSON:
			arguments->json = true;
			break;
		case FIRST:
			options->first = true;
			break;
		case RESUME:
			options->resume = true;
			break;
		case TLSPROXY:
			arguments->tlsproxy = true;
			break;
		case RESOLVER:
			options->resolver = optarg;
			break;
		case ANCHOR:
			options->trust_anchor = optarg;
			break;
		case TIMEOUT:
			if (!text_number(optarg, TIMEOUT_LIMIT_S, &seconds) || seconds == 0)
				return 1;
			options->timeout_s = (int)seconds;
			break;
		default:
			return 1;
		}
	}
	if (argc - optind != 1 || !*argv[optind] || (options->resume && arguments->tlsproxy))
		return 1;
	options->destination = argv[optind];
	arguments->client = probe_target_client(options->destination);
	if (arguments->level)
		set_level(cf, arguments->client, arguments->level);
	return 0;
}

/* --- the installation --- */

/* Of the installed Postfix, whose words are wanted; our own way of counting. */
static int
find_release(const struct site *site)
{
	static const char name[] = "\nmail_version = 3.";
	struct buf defaults = BUF_INIT;
	int release = CONN_RELEASE_3_7;
	const char *found;
	struct err err;

	if (postconf_print(site->postconf, "-d", &defaults, &err) == 0 &&
	    (found = strstr(buf_str(&defaults), name)) != NULL)
		release = 300 + atoi(found + strlen(name));
	buf_release(&defaults);
	return release < CONN_RELEASE_3_7 ? CONN_RELEASE_3_7 : release;
}

/* --- */

static enum command_result
print(const struct probe_run *run, const struct probe_settings *settings, const struct arguments *arguments,
    struct err *err)
{
	struct buf text = BUF_INIT;
	int printed = 0;

	if (arguments->json) {
		json_t *document = probe_json(run, settings, arguments->options.destination);

		printed = json_text_print(document, stdout, err);
		json_decref(document);
	} else {
		probe_report_put_text(run, settings, arguments->options.destination, &text);
		fputs(buf_str(&text), stdout);
		buf_release(&text);
	}
	if (printed < 0)
		return COMMAND_FAILED;
	if (probe_run_delivered(run) == 0)
		return COMMAND_ERRORS;
	return probe_run_delivered(run) < run->count ? COMMAND_NO : COMMAND_DONE;
}

static enum command_result
probe(const struct site *site, const struct probe_settings *settings, struct arguments *arguments,
    struct err *err)
{
	struct policy_tables *tables = policy_tables_new(&settings->policy, err);
	enum command_result outcome = COMMAND_FAILED;
	char *proxy = alloc_printf("%s/private/%s", site->queue_directory, settings->tlsproxy_service_name);
	struct probe_run run;

	if (tables) {
		arguments->options.proxy = arguments->tlsproxy ? proxy : NULL;
		arguments->options.tables = tables;
		arguments->options.lookup = policy_tables_look_up;
		arguments->options.anchors = policy_tables_find_anchors;
		arguments->options.release = find_release(site);
		if (probe_run(&run, settings, &arguments->options, err) == 0) {
			for (size_t i = 0; arguments->level && i < run.count; i++)
				run.visit[i].policy.source = "-l";
			outcome = print(&run, settings, arguments, err);
		}
		probe_run_release(&run);
	}
	policy_tables_free(tables);
	free(proxy);
	return outcome;
}

enum command_result
cmd_probe(const struct site *site, int argc, char **argv, struct err *err)
{
	struct arguments arguments = { .options = { .timeout_s = TIMEOUT_S } };
	struct maincf *cf = postconf_maincf(site->postconf);
	enum command_result outcome = COMMAND_FAILED;
	struct probe_settings settings;
	int parsed = parse(argc, argv, cf, &arguments, err);

	if (parsed != 0)
		return parsed > 0 ? COMMAND_USAGE : COMMAND_FAILED;
	/* A server that goes away is part of what is looked for. */
	signal(SIGPIPE, SIG_IGN);
	/* File names that are relative are so to where the client runs. */
	if (*site->queue_directory && chdir(site->queue_directory) < 0) {
		/* Then only those with a whole path are found. */
	}
	if (probe_settings_load(&settings, cf, arguments.client, err) == 0)
		outcome = probe(site, &settings, &arguments, err);
	probe_settings_release(&settings);
	return outcome;
}
