/* SPDX-License-Identifier: ISC */
/*
 * site: the Postfix instance a subcommand works on, as the environment and main.cf describe it.
 */
#ifndef POSTFIX_TLS_SITE_H
#define POSTFIX_TLS_SITE_H

#include <stdbool.h>

#include "postfix-tls/keyfile.h"

struct buf;
struct err;
struct postconf;

struct site {
	const char *config_directory; /* from the environment */
	const char *queue_directory;  /* likewise; "" when it has none */
	struct postconf *postconf;    /* owned by main.c */
};

/* The parameters of an algorithm. */
struct site_parameters {
	const char *algorithm;
	const char *key_file;
	const char *cert_file;
	const char *default_size;
	const char *key_prefix; /* of the names of new files */
	const char *cert_prefix;
};

/* For KEYFILE_RSA and KEYFILE_ECDSA. */
const struct site_parameters *site_parameters(enum keyfile_algorithm algorithm);

/* False when `name` is no supported algorithm. */
bool site_algorithm(const struct site *site, const char *name, enum keyfile_algorithm *algorithm);

/* A file argument: absolute, or below the configuration directory. Freed by the caller. */
char *site_path(const struct site *site, const char *name);

/*
 * The key file that an algorithm's parameters name, freed by the caller. 1: *path set. 0: none is
 * configured. -1: err. A relative value counts from the queue directory, where the servers run.
 */
int site_configured_key(const struct site *site, enum keyfile_algorithm algorithm, char **path,
    struct err *err) __attribute__((warn_unused_result));

/* The same for a KEY argument: an algorithm, "none" or a file. */
int site_key_argument(const struct site *site, const char *argument, char **path, struct err *err)
    __attribute__((warn_unused_result));

/* Appends the host name to use when none is given. */
int site_hostname(const struct site *site, struct buf *name, struct err *err)
    __attribute__((warn_unused_result));

#endif
