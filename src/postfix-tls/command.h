/* SPDX-License-Identifier: ISC */
/*
 * command: what a subcommand is given and what it answers.
 */
#ifndef POSTFIX_TLS_COMMAND_H
#define POSTFIX_TLS_COMMAND_H

#include "postfix-tls/site.h"
#include "util/err.h"

enum command_result {
	COMMAND_DONE,    /* exit status 0 */
	COMMAND_NO,      /* exit status 1; whatever there is to say has been said */
	COMMAND_FAILED,  /* `err` is to be reported; exit status 1, or what main's table has */
	COMMAND_USAGE,   /* the arguments make no sense; likewise */
	COMMAND_ERRORS,  /* exit status 2; whatever there is to say has been said */
	COMMAND_UNKNOWN, /* exit status 3; likewise */
};

/* argv[0] is the name of the subcommand. */
typedef enum command_result (*command_fn)(const struct site *site, int argc, char **argv, struct err *err);

enum command_result cmd_all_default_client(const struct site *site, int argc, char **argv, struct err *err);
enum command_result cmd_all_default_server(const struct site *site, int argc, char **argv, struct err *err);
enum command_result cmd_check(const struct site *site, int argc, char **argv, struct err *err);
enum command_result cmd_deploy_server_cert(const struct site *site, int argc, char **argv, struct err *err);
enum command_result cmd_enable_client(const struct site *site, int argc, char **argv, struct err *err);
enum command_result cmd_enable_server(const struct site *site, int argc, char **argv, struct err *err);
enum command_result cmd_new_server_cert(const struct site *site, int argc, char **argv, struct err *err);
enum command_result cmd_new_server_key(const struct site *site, int argc, char **argv, struct err *err);
enum command_result cmd_output_server_csr(const struct site *site, int argc, char **argv, struct err *err);
enum command_result cmd_output_server_tlsa(const struct site *site, int argc, char **argv, struct err *err);
enum command_result cmd_policy(const struct site *site, int argc, char **argv, struct err *err);
enum command_result cmd_probe(const struct site *site, int argc, char **argv, struct err *err);
enum command_result cmd_status(const struct site *site, int argc, char **argv, struct err *err);

#endif
