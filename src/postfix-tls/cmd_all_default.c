/* SPDX-License-Identifier: ISC */
#include "postfix-tls/command.h"
#include "postfix-tls/defaults.h"

static enum command_result
answer(bool all_default)
{
	return all_default ? COMMAND_DONE : COMMAND_NO;
}

enum command_result
cmd_all_default_client(const struct site *site, int argc, char **argv, struct err *err)
{
	(void)argv, (void)err;
	return argc > 1 ? COMMAND_USAGE : answer(defaults_client(site));
}

enum command_result
cmd_all_default_server(const struct site *site, int argc, char **argv, struct err *err)
{
	(void)argv, (void)err;
	return argc > 1 ? COMMAND_USAGE : answer(defaults_server(site));
}
