/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <unistd.h>

#include "postfix-tls/command.h"
#include "postfix-tls/deploy.h"

enum command_result
cmd_deploy_server_cert(const struct site *site, int argc, char **argv, struct err *err)
{
	char *cert_path;
	char *key_path;
	int result;

	if (getopt(argc, argv, "+:") != -1 || argc - optind != 2)
		return COMMAND_USAGE;
	cert_path = site_path(site, argv[optind]);
	key_path = site_path(site, argv[optind + 1]);
	result = deploy_pair(site, cert_path, key_path, NULL, 0, err);
	free(cert_path);
	free(key_path);
	if (result < 0)
		return COMMAND_FAILED;
	deploy_explain();
	return COMMAND_DONE;
}
