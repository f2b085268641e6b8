/* SPDX-License-Identifier: ISC */
/*
 * new_server: what new-server-key and new-server-cert have in common: a pair of new files for the arguments
 * given, and how to put it to use.
 */
#ifndef POSTFIX_TLS_NEW_SERVER_H
#define POSTFIX_TLS_NEW_SERVER_H

#include "postfix-tls/command.h"
#include "postfix-tls/keyfile.h"

struct err;

struct new_server {
	const char *empty_name;  /* what to say of -a "" */
	const char *unsupported; /* see newpair_algorithm() */

	/* *path is the file of the key to copy, freed by the caller; NULL: a new one is made. 0 or -1. */
	int (*find_key)(
	    const struct site *site, enum keyfile_algorithm algorithm, char **path, struct err *err);
};

enum command_result new_server_run(
    const struct new_server *how, const struct site *site, int argc, char **argv, struct err *err);

#endif
