/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "postfix-tls/command.h"
#include "postfix-tls/deploy.h"
#include "postfix-tls/findings.h"
#include "postfix-tls/options.h"
#include "postfix-tls/result.h"

enum command_result
cmd_deploy_server_cert(const struct site *site, int argc, char **argv, struct err *err)
{
	struct options options = { 0 };
	struct findings findings;
	struct deployed deployed;
	char *cert_path;
	char *key_path;
	enum command_result result = COMMAND_FAILED;

	if (options_next(argc, argv, "+:", OPTIONS_JSON | OPTIONS_CHECKS, &options) != -1 ||
	    argc - optind != 2)
		return COMMAND_USAGE;
	findings_init(&findings, &options);
	cert_path = site_path(site, argv[optind]);
	key_path = site_path(site, argv[optind + 1]);
	if (deploy_pair(site, cert_path, key_path, NULL, 0, &findings, &deployed, err) == 0) {
		deploy_explain(site);
		result = COMMAND_DONE;
		if (options.json) {
			json_t *document = result_new(site, argv[0]);

			result_put_pair(document, deployed.algorithm, cert_path, key_path);
			result_put_deployed(document, &deployed);
			result = result_print(document, &findings, err);
		}
		deploy_release(&deployed);
	}
	free(cert_path);
	free(key_path);
	findings_release(&findings);
	return result;
}
