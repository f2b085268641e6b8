/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "postfix-tls/command.h"
#include "postfix-tls/defaults.h"
#include "postfix-tls/deploy.h"
#include "postfix-tls/findings.h"
#include "postfix-tls/options.h"
#include "postfix-tls/postconf.h"
#include "postfix-tls/result.h"
#include "util/buf.h"
#include "util/log.h"

/* 0, with *type NULL when no table type can hold a session cache, or -1. */
static int
cache_type(const struct site *site, const char **type, struct err *err)
{
	static const char *const types[] = { "lmdb", "btree" };

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		int listed = postconf_has_type(site->postconf, types[i], err);
		if (listed < 0)
			return -1;
		if (listed) {
			*type = types[i];
			return 0;
		}
	}
	*type = NULL;
	return 0;
}

static void
suggest(const char *type)
{
	log_info("*** Non-default SMTP client TLS settings detected, no changes made.");
	log_info("For opportunistic TLS in the Postfix SMTP client, the below settings");
	log_info("are typical:");
	log_info("  smtp_tls_security_level = may");
	log_info("  smtp_tls_loglevel = 1");
	if (type)
		log_info("  smtp_tls_session_cache_database = %s:${data_directory}/smtp_scache", type);
}

/* *written stays NULL when that fails. */
static int
enable(const struct site *site, const char *type, const char *source, struct findings *findings,
    json_t **written, struct err *err)
{
	struct buf directory = BUF_INIT;
	struct buf cache = BUF_INIT;
	int result = -1;

	if (postconf_value(site->postconf, "data_directory", &directory, err) < 0)
		goto out;
	if (type)
		buf_printf(&cache, "%s:%s/smtp_scache", type, buf_str(&directory));
	const struct postconf_setting settings[] = {
		{ "smtp_tls_security_level", "may" },
		{ "smtp_tls_loglevel", "1" },
		{ "tls_random_source", source },
		{ "smtp_tls_session_cache_database", buf_str(&cache) },
	};
	result = deploy_settings(site, settings, type ? 4 : 3, findings, written, err);
	if (result == 0) {
		log_info("Enabled opportunistic TLS in the Postfix SMTP client.");
		deploy_explain_reload(site);
	}
out:
	buf_release(&directory);
	buf_release(&cache);
	return result;
}

static enum command_result
report(const struct site *site, const char *command, json_t *written, const struct findings *findings,
    struct err *err)
{
	json_t *document = result_new(site, command);

	json_object_set_new(document, "changed", json_boolean(written));
	if (written)
		json_object_set(document, "settings", written);
	return result_print(document, findings, err);
}

enum command_result
cmd_enable_client(const struct site *site, int argc, char **argv, struct err *err)
{
	const char *wanted = "";
	struct options options = { 0 };
	struct findings findings;
	struct buf source = BUF_INIT;
	enum command_result result = COMMAND_FAILED;
	json_t *written = NULL;
	const char *type;
	int option;

	while ((option = options_next(argc, argv, "+:r:", OPTIONS_JSON | OPTIONS_CHECKS, &options)) != -1) {
		if (option != 'r')
			return COMMAND_USAGE;
		wanted = optarg;
	}
	if (optind < argc)
		return COMMAND_USAGE;
	findings_init(&findings, &options);
	if (defaults_random_source(site, wanted, &source, err) < 0 || cache_type(site, &type, err) < 0)
		goto out;
	if (!defaults_client(site))
		suggest(type);
	else if (enable(site, type, buf_str(&source), &findings, &written, err) < 0)
		goto out;
	result = options.json ? report(site, argv[0], written, &findings, err) : COMMAND_DONE;
out:
	json_decref(written);
	findings_release(&findings);
	buf_release(&source);
	return result;
}
