/* SPDX-License-Identifier: ISC */
#include "postfix-tls/new_server.h"

#include <unistd.h>

#include "postfix-tls/hostnames.h"
#include "postfix-tls/newpair.h"
#include "util/err.h"

enum command_result
new_server_run(const struct new_server *how, const struct site *site, int argc, char **argv, struct err *err)
{
	const char *name = NULL;
	const char *size = "";
	struct hostnames hostnames;
	enum keyfile_algorithm algorithm;
	struct newpair pair;
	int copied;
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
		err_set(err, "%s", how->empty_name);
		return COMMAND_FAILED;
	}
	if (newpair_algorithm(site, name, how->unsupported, &algorithm, err) < 0 ||
	    hostnames_init(&hostnames, site, argc - optind, argv + optind, err) < 0)
		return COMMAND_FAILED;
	copied = how->make(&pair, site, algorithm, size, &hostnames, err);
	hostnames_release(&hostnames);
	if (copied < 0)
		return COMMAND_FAILED;
	newpair_explain(&pair, !copied);
	pair.keep = true;
	newpair_release(&pair);
	return COMMAND_DONE;
}
