/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "postfix-tls/command.h"
#include "postfix-tls/hostnames.h"
#include "util/buf.h"

/* 1: *path set, freed by the caller. 0: none. -1: err. */
static int
find_key(const struct site *site, const char *argument, char **path, struct err *err)
{
	int found;

	if (*argument)
		return site_key_argument(site, argument, path, err);
	found = site_configured_key(site, KEYFILE_RSA, path, err);
	return found ? found : site_configured_key(site, KEYFILE_ECDSA, path, err);
}

static enum command_result
output(const struct site *site, const char *path, int argc, char **argv, struct err *err)
{
	struct hostnames hostnames = { 0 };
	struct buf pem = BUF_INIT;
	enum command_result result = COMMAND_FAILED;
	struct keyfile *key = keyfile_load(path, err);

	if (!key) {
		/* Said to the person asking, not logged: nothing about the mail system is wrong. */
		fprintf(stderr, "Could not read private key from %s\n", path);
		return COMMAND_NO;
	}
	if (hostnames_init(&hostnames, site, argc, argv, err) == 0 &&
	    keyfile_request(key, hostnames.names, hostnames.count, &pem, err) == 0) {
		fputs(buf_str(&pem), stdout);
		result = COMMAND_DONE;
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
	enum command_result result = COMMAND_FAILED;
	char *path;
	int option;
	int found;

	while ((option = getopt(argc, argv, "+:k:")) != -1) {
		if (option != 'k')
			return COMMAND_USAGE;
		argument = optarg;
	}
	found = find_key(site, argument, &path, err);
	if (found < 0)
		return COMMAND_FAILED;
	if (!found || access(path, R_OK) < 0)
		err_set(err, "No usable keyfile specified or configured");
	else
		result = output(site, path, argc - optind, argv + optind, err);
	free(path);
	return result;
}
