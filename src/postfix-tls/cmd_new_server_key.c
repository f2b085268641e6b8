/* SPDX-License-Identifier: ISC */
#include "postfix-tls/command.h"
#include "postfix-tls/new_server.h"

enum command_result
cmd_new_server_key(const struct site *site, int argc, char **argv, struct err *err)
{
	static const struct new_server how = {
		.empty_name = "Internal error: empty algorithm ",
		.unsupported = "public",
	};

	return new_server_run(&how, site, argc, argv, err);
}
