/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <sys/stat.h>

#include "postfix-tls/command.h"
#include "postfix-tls/new_server.h"
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
	static const struct new_server how = {
		.empty_name = "Invalid empty key algorithm",
		.unsupported = "private",
		.make = make_pair,
	};

	return new_server_run(&how, site, argc, argv, err);
}
