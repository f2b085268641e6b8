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

enum { SITE_ALGORITHMS = KEYFILE_OTHER };

/* The parameters of an algorithm. */
struct site_parameters {
	const char *algorithm;
	const char *key_file; /* NULL: served through smtpd_tls_chain_files only */
	const char *cert_file;
	const char *default_size;
	const char *key_prefix; /* of the names of new files */
	const char *cert_prefix;
};

/* For all but KEYFILE_OTHER. */
const struct site_parameters *site_parameters(enum keyfile_algorithm algorithm);

/* False when `name` is no algorithm. */
bool site_algorithm(const char *name, enum keyfile_algorithm *algorithm);

/* A file argument: absolute, or below the configuration directory. Freed by the caller. */
char *site_path(const struct site *site, const char *name);

/* The same for what main.cf names: the servers run in the queue directory. */
char *site_served_path(const struct site *site, const char *name);

/* A key of the server or of the user. */
struct site_key {
	char *path;                       /* owned */
	enum keyfile_algorithm algorithm; /* which one of the file; KEYFILE_OTHER: the first */
};

/* The key that the servers use for an algorithm. 1: *key set. 0: none is configured. -1: err. */
int site_configured_key(const struct site *site, enum keyfile_algorithm algorithm, struct site_key *key,
    struct err *err) __attribute__((warn_unused_result));

/* The same for a KEY argument: an algorithm, "none" or a file. */
int site_key_argument(const struct site *site, const char *argument, struct site_key *key, struct err *err)
    __attribute__((warn_unused_result));

/* NULL with `err`, after a warning that says what is wrong with the file. */
struct keyfile *site_load_key(const struct site_key *key, struct err *err);
void site_key_release(struct site_key *key);

/* Appends the host name to use when none is given. */
int site_hostname(const struct site *site, struct buf *name, struct err *err)
    __attribute__((warn_unused_result));

/* The command that acts on this instance ("postfix", "postfix -c DIR") and a word as a shell wants it, both
 * to be printed. Freed by the caller. */
char *site_postfix(const struct site *site);
char *site_shell_word(const char *text);

/* Signals that would end the process wait for its own end: what has begun to change is brought to an end. */
void site_hold_signals(void);

#endif
