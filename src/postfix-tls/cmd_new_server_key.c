/* SPDX-License-Identifier: ISC */
#include <unistd.h>

#include "postfix-tls/command.h"
#include "postfix-tls/hostnames.h"
#include "postfix-tls/newpair.h"

enum command_result
cmd_new_server_key(const struct site *site, int argc, char **argv, struct err *err)
{
	const char *name = NULL;
	const char *size = "";
	struct hostnames hostnames;
	enum keyfile_algorithm algorithm;
	struct newpair pair;
	int result;
	int option;

	while ((option = getopt(argc, argv, "+:a:b:")) != -1) {
		if (option == 'a')
			name = optarg;
		else if (option == 'b')
			size = optarg;
		else
			return COMMAND_USAGE;
	}
	if (name && !*name) {
		err_set(err, "Internal error: empty algorithm ");
		return COMMAND_FAILED;
	}
	if (newpair_algorithm(site, name, "public", &algorithm, err) < 0 ||
	    hostnames_init(&hostnames, site, argc - optind, argv + optind, err) < 0)
		return COMMAND_FAILED;
	result = newpair_init(&pair, site, algorithm, size, &hostnames, err);
	hostnames_release(&hostnames);
	if (result < 0)
		return COMMAND_FAILED;
	newpair_explain(&pair, true);
	pair.keep = true;
	newpair_release(&pair);
	return COMMAND_DONE;
}
