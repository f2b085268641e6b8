/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "postfix-tls/command.h"
#include "postfix-tls/findings.h"
#include "postfix-tls/hostnames.h"
#include "postfix-tls/options.h"
#include "postfix-tls/overrides.h"
#include "postfix-tls/result.h"
#include "postfix-tls/unusable.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/json_text.h"
#include "util/log.h"

/* 1: *key set. 0: none. -1: err. */
static int
find_key(const struct site *site, const char *argument, struct site_key *key, struct err *err)
{
	int found = 0;

	if (*argument)
		return site_key_argument(site, argument, key, err);
	for (int i = 0; found == 0 && i < SITE_ALGORITHMS; i++)
		found = site_configured_key(site, (enum keyfile_algorithm)i, key, err);
	return found;
}

static enum command_result
report(const struct site *site, const char *command, const char *path, const struct hostnames *hostnames,
    const char *pem, const struct findings *findings, struct err *err)
{
	json_t *document = result_new(site, command);
	json_t *names = json_array();

	json_text_set(document, "key", path);
	for (size_t i = 0; i < hostnames->count; i++)
		json_array_append_new(names, json_string(hostnames->names[i]));
	json_object_set_new(document, "names", names);
	json_text_set(document, "csr", pem);
	return result_print(document, findings, err);
}

static enum command_result
output(const struct site *site, const struct site_key *which, int argc, char **argv,
    struct findings *findings, struct err *err)
{
	struct hostnames hostnames = { 0 };
	struct buf pem = BUF_INIT;
	enum command_result result = COMMAND_FAILED;
	struct keyfile *key = site_load_key(which, err);

	if (!key) {
		err_set(err, "Could not read private key from %s", which->path);
		return COMMAND_FAILED;
	}
	if (hostnames_init(&hostnames, site, argc - optind, argv + optind, err) == 0 &&
	    keyfile_request(key, hostnames.names, hostnames.count, &pem, err) == 0) {
		hostnames_judge(&hostnames, findings);
		result = COMMAND_DONE;
		if (findings->options->json)
			result = report(site, argv[0], which->path, &hostnames, buf_str(&pem), findings, err);
		else
			fputs(buf_str(&pem), stdout);
	}
	hostnames_release(&hostnames);
	buf_release(&pem);
	keyfile_free(key);
	return result;
}

enum command_result
cmd_output_server_csr(const struct site *site, int argc, char **argv, struct err *err)
{
	const char *argument = "";
	struct options options = { 0 };
	struct findings findings;
	enum command_result result = COMMAND_FAILED;
	struct site_key key;
	int option;
	int found;

	while ((option = options_next(argc, argv, "+:k:", OPTIONS_JSON, &options)) != -1) {
		if (option != 'k')
			return COMMAND_USAGE;
		argument = optarg;
	}
	found = find_key(site, argument, &key, err);
	if (found < 0)
		return COMMAND_FAILED;
	findings_init(&findings, &options);
	if (!*argument)
		overrides_find_keys(site, &findings);
	if (found && access(key.path, R_OK) < 0) {
		unusable_key(key.path, err);
		log_warn("%s", err->text);
		found = 0;
	}
	if (!found)
		err_set(err, "No usable keyfile specified or configured");
	else
		result = output(site, &key, argc, argv, &findings, err);
	findings_release(&findings);
	site_key_release(&key);
	return result;
}
