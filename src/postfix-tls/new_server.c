/* SPDX-License-Identifier: ISC */
#include "postfix-tls/new_server.h"

#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "postfix-tls/findings.h"
#include "postfix-tls/hostnames.h"
#include "postfix-tls/newpair.h"
#include "postfix-tls/options.h"
#include "postfix-tls/result.h"
#include "util/err.h"

static enum command_result
report(const struct site *site, const char *command, const struct newpair *pair, const char *old_path,
    const struct findings *findings, struct err *err)
{
	json_t *document = result_new(site, command);

	result_put_pair(document, pair->algorithm, pair->cert_path, pair->key_path);
	json_object_set_new(document, "key_is_new", json_boolean(!old_path));
	return result_print(document, findings, err);
}

enum command_result
new_server_run(const struct new_server *how, const struct site *site, int argc, char **argv, struct err *err)
{
	const char *name = NULL;
	const char *size = "";
	struct options options = { 0 };
	struct findings findings;
	struct hostnames hostnames = { 0 };
	enum keyfile_algorithm algorithm;
	enum command_result result = COMMAND_FAILED;
	struct newpair pair;
	char *old_path = NULL;
	int option;

	while ((option = options_next(argc, argv, "+:a:b:", OPTIONS_JSON | OPTIONS_CHECKS, &options)) != -1) {
		if (option == 'a')
			name = optarg;
		else if (option == 'b')
			size = optarg;
		else
			return COMMAND_USAGE;
	}
	findings_init(&findings, &options);
	if (name && !*name) {
		err_set(err, "%s", how->empty_name);
		goto out;
	}
	if (newpair_algorithm(name, how->unsupported, &algorithm, err) < 0 ||
	    hostnames_init(&hostnames, site, argc - optind, argv + optind, err) < 0)
		goto out;
	hostnames_judge(&hostnames, &findings);
	if ((how->find_key && how->find_key(site, algorithm, &old_path, err) < 0) ||
	    newpair_init(&pair, site, algorithm, size, old_path, &hostnames, &findings, err) < 0)
		goto out;
	newpair_keep(&pair);
	newpair_explain(&pair, site, !old_path);
	result = options.json ? report(site, argv[0], &pair, old_path, &findings, err) : COMMAND_DONE;
	newpair_release(&pair);
out:
	free(old_path);
	hostnames_release(&hostnames);
	findings_release(&findings);
	return result;
}
