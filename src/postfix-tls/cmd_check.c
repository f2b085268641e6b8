/* SPDX-License-Identifier: ISC */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postfix-tls/command.h"
#include "postfix-tls/fix.h"
#include "postfix-tls/postconf.h"
#include "tlscheck/check.h"
#include "tlscheck/findkind.h"
#include "tlscheck/finding.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/json_text.h"
#include "util/table.h"
#include "util/text.h"

enum { DNS_TIMEOUT_S = 10, DNS_TIMEOUT_LIMIT_S = 300 };

struct options {
	bool json, fix, yes, list;
	struct check_site site;
};

static bool
parse(int argc, char **argv, struct options *options)
{
	enum { JSON = 256, FIX, YES, DNS, RESOLVER, ANCHOR, TIMEOUT, LIST };
	static const struct option names[] = {
		{ "json", no_argument, NULL, JSON },
		{ "fix", no_argument, NULL, FIX },
		{ "yes", no_argument, NULL, YES },
		{ "dns", no_argument, NULL, DNS },
		{ "resolver", required_argument, NULL, RESOLVER },
		{ "trust-anchor", required_argument, NULL, ANCHOR },
		{ "timeout", required_argument, NULL, TIMEOUT },
		{ "list", no_argument, NULL, LIST },
		{ 0 },
	};
	uint64_t seconds;
	int option;

	while ((option = getopt_long(argc, argv, "+", names, NULL)) != -1) {
		switch (option) {
		case JSON:
			options->json = true;
			break;
		case FIX:
			options->fix = true;
			break;
		case YES:
			options->yes = true;
			break;
		case DNS:
			options->site.dns = true;
			break;
		case RESOLVER:
			options->site.dns = true;
			options->site.resolver = optarg;
			break;
		case ANCHOR:
			options->site.dns = true;
			options->site.trust_anchor = optarg;
			break;
		case TIMEOUT:
			if (!text_number(optarg, DNS_TIMEOUT_LIMIT_S, &seconds) || seconds == 0)
				return false;
			options->site.dns_timeout_s = (int)seconds;
			break;
		case LIST:
			options->list = true;
			break;
		default:
			return false;
		}
	}
	return optind == argc && (!options->yes || options->fix) && !(options->fix && options->json);
}

/* --- the installation --- */

/* "name = value" on each line. */
static struct table *
defaults_of(char *text)
{
	struct table *defaults = table_new(free);

	for (char *line = strsep(&text, "\n"); line; line = strsep(&text, "\n")) {
		char *equals = strstr(line, " =");

		if (!equals)
			continue;
		*equals = '\0';
		table_put(defaults, line, alloc_string(equals + 2 + strspn(equals + 2, " ")));
	}
	return defaults;
}

/* Directories are told by who has started this, which may not be what postconf says. */
static void
take_environment(struct table *defaults)
{
	static const char *const names[] = { "queue_directory", "data_directory", "daemon_directory",
		"command_directory", "mail_owner" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (getenv(names[i]) && *getenv(names[i]))
			table_put(defaults, names[i], alloc_string(getenv(names[i])));
}

/* What postconf and postfix need to find this configuration. Freed by the caller. */
static char *
instance_option(const struct site *site, const struct table *defaults)
{
	const char *usual = table_get(defaults, "config_directory");
	char *quoted, *option;

	if (usual && strcmp(usual, site->config_directory) == 0)
		return alloc_string("");
	quoted = finding_quote(site->config_directory);
	option = alloc_printf("-c %s ", quoted);
	free(quoted);
	return option;
}

/* --- output --- */

static void
print_count(const struct finding_list *findings, enum finding_severity severity, const char *before)
{
	size_t count = finding_list_of(findings, severity);

	printf("%s%zu %s%s", before, count, finding_severity_name(severity), count == 1 ? "" : "s");
}

static void
print_text(const struct finding_list *findings)
{
	size_t unknown = finding_list_of(findings, FINDING_UNKNOWN);

	for (size_t i = 0; i < finding_list_count(findings); i++) {
		const struct finding *finding = finding_list_at(findings, i);

		printf("%s: %s: %s: %s [%s]\n", finding->where, finding_severity_name(finding->severity),
		    finding->what, finding->why, finding->id);
		if (*finding->command)
			printf("    %s\n", finding->command);
	}
	print_count(findings, FINDING_ERROR, "");
	print_count(findings, FINDING_WARNING, ", ");
	print_count(findings, FINDING_NOTE, ", ");
	if (unknown > 0)
		printf(", %zu not looked at", unknown);
	printf("\n");
}

static int
print_json(const struct finding_list *findings, struct err *err)
{
	json_t *document = json_array();
	int result;

	for (size_t i = 0; i < finding_list_count(findings); i++) {
		const struct finding *finding = finding_list_at(findings, i);
		json_t *object = json_object();

		json_text_set(object, "id", finding->id);
		json_text_set(object, "severity", finding_severity_name(finding->severity));
		json_text_set(object, "where", finding->where);
		json_text_set(object, "what", finding->what);
		json_text_set(object, "why", finding->why);
		json_text_set(object, "command", finding->command);
		json_object_set_new(object, "fixable", json_boolean(finding->step_count > 0));
		json_array_append_new(document, object);
	}
	result = json_text_print(document, stdout, err);
	json_decref(document);
	return result;
}

static void
print_kinds(void)
{
	const struct findkind *kind;

	for (size_t i = 0; (kind = findkind_at(i)); i++)
		printf("%s\t%s\t%s\n", kind->id, finding_severity_name(kind->severity), kind->why);
}

static enum command_result
worst(const struct finding_list *findings)
{
	if (finding_list_of(findings, FINDING_ERROR) > 0)
		return COMMAND_ERRORS;
	if (finding_list_of(findings, FINDING_UNKNOWN) > 0)
		return COMMAND_UNKNOWN;
	return finding_list_of(findings, FINDING_WARNING) > 0 ? COMMAND_NO : COMMAND_DONE;
}

static enum command_result
run(const struct site *site, const struct options *options, struct err *err)
{
	struct finding_list *findings = finding_list_new();
	enum command_result result = COMMAND_FAILED;

	if (check_run(&options->site, findings, err) < 0)
		goto out;
	if (options->json) {
		if (print_json(findings, err) < 0)
			goto out;
	} else {
		print_text(findings);
	}
	result = worst(findings);
	if (options->fix && fix_all(site, findings, options->yes, err) < 0)
		result = COMMAND_FAILED;
out:
	finding_list_free(findings);
	return result;
}

enum command_result
cmd_check(const struct site *site, int argc, char **argv, struct err *err)
{
	struct options options = { .site = { .dns_timeout_s = DNS_TIMEOUT_S } };
	struct buf defaults = BUF_INIT, types = BUF_INIT;
	enum command_result result = COMMAND_FAILED;
	struct table *known = NULL;
	char *option = NULL;

	if (!parse(argc, argv, &options))
		return COMMAND_USAGE;
	if (options.list) {
		print_kinds();
		return COMMAND_DONE;
	}
	if (postconf_print(site->postconf, "-d", &defaults, err) == 0 &&
	    postconf_print(site->postconf, "-m", &types, err) == 0) {
		buf_add_str(&defaults, "");
		known = defaults_of(defaults.bytes);
		take_environment(known);
		option = instance_option(site, known);
		options.site.config_directory = site->config_directory;
		options.site.option = option;
		options.site.defaults = known;
		options.site.map_types = buf_str(&types);
		result = run(site, &options, err);
	}
	free(option);
	table_free(known);
	buf_release(&types);
	buf_release(&defaults);
	return result;
}
