/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postfix-tls/command.h"
#include "postfix-tls/hostnames.h"
#include "postfix-tls/newpair.h"
#include "util/log.h"

static bool
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* 1: a key of the server was copied. 0: there was none, a new one was made. -1: err. */
static int
make_pair(struct newpair *pair, const struct site *site, enum keyfile_algorithm algorithm, const char *size,
    const struct hostnames *hostnames, struct err *err)
{
	char *old_path;
	int result = site_configured_key(site, algorithm, &old_path, err);

	if (result == 1 && !is_file(old_path)) {
		log_warn("Key file: %s not found, creating new keys", old_path);
		result = 0;
	}
	if (result == 1) {
		if (newpair_init_copy(pair, site, algorithm, old_path, hostnames, err) < 0)
			result = -1;
	} else if (result == 0) {
		result = newpair_init(pair, site, algorithm, size, hostnames, err);
	}
	free(old_path);
	return result;
}

enum command_result
cmd_new_server_cert(const struct site *site, int argc, char **argv, struct err *err)
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
		err_set(err, "Invalid empty key algorithm");
		return COMMAND_FAILED;
	}
	if (newpair_algorithm(site, name, "private", &algorithm, err) < 0 ||
	    hostnames_init(&hostnames, site, argc - optind, argv + optind, err) < 0)
		return COMMAND_FAILED;
	copied = make_pair(&pair, site, algorithm, size, &hostnames, err);
	hostnames_release(&hostnames);
	if (copied < 0)
		return COMMAND_FAILED;
	newpair_explain(&pair, !copied);
	pair.keep = true;
	newpair_release(&pair);
	return COMMAND_DONE;
}
