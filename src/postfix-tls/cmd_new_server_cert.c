/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <sys/stat.h>

#include "postfix-tls/command.h"
#include "postfix-tls/new_server.h"
#include "util/log.h"

static bool
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int
find_key(const struct site *site, enum keyfile_algorithm algorithm, char **path, struct err *err)
{
	struct site_key key;
	int found = site_configured_key(site, algorithm, &key, err);

	*path = NULL;
	if (found <= 0)
		return found;
	if (is_file(key.path)) {
		*path = key.path;
		return 0;
	}
	log_warn("Key file: %s not found, creating new keys", key.path);
	site_key_release(&key);
	return 0;
}

enum command_result
cmd_new_server_cert(const struct site *site, int argc, char **argv, struct err *err)
{
	static const struct new_server how = {
		.empty_name = "Invalid empty key algorithm",
		.unsupported = "private",
		.find_key = find_key,
	};

	return new_server_run(&how, site, argc, argv, err);
}
