/* SPDX-License-Identifier: ISC */
/*
 * newpair: a private key and a self-signed certificate in new files of the configuration directory.
 *
 * Both files appear complete or not at all. From newpair_init() to newpair_release() signals that would
 * end the process wait, so that a pair is never left behind half-way.
 */
#ifndef POSTFIX_TLS_NEWPAIR_H
#define POSTFIX_TLS_NEWPAIR_H

#include <signal.h>
#include <stdbool.h>

#include "postfix-tls/keyfile.h"

struct err;
struct hostnames;
struct site;

struct newpair {
	enum keyfile_algorithm algorithm;
	char *key_path;  /* owned */
	char *cert_path; /* owned */
	bool keep;       /* set by the caller, once the files are what he wants */
	sigset_t signals;
};

/* What -a and -b ask for; `unsupported` is the word for the complaint ("private", "public"). 0 or -1. */
int newpair_algorithm(const struct site *site, const char *name, const char *unsupported,
    enum keyfile_algorithm *algorithm, struct err *err) __attribute__((warn_unused_result));

/* Makes a new key; `size` "" is the usual one. 0 or -1, nothing left behind. */
int newpair_init(struct newpair *pair, const struct site *site, enum keyfile_algorithm algorithm,
    const char *size, const struct hostnames *hostnames, struct err *err) __attribute__((warn_unused_result));

/* Copies the key in `old_path`. */
int newpair_init_copy(struct newpair *pair, const struct site *site, enum keyfile_algorithm algorithm,
    const char *old_path, const struct hostnames *hostnames, struct err *err)
    __attribute__((warn_unused_result));

/* Removes the files unless they are to be kept. */
void newpair_release(struct newpair *pair);

/* Tells what to do with the pair. */
void newpair_explain(const struct newpair *pair, bool key_is_new);

#endif
