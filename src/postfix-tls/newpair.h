/* SPDX-License-Identifier: ISC */
/*
 * newpair: a private key and a self-signed certificate in new files of the configuration directory.
 *
 * Both files appear complete, and stay only when newpair_keep() is called; leftovers.h has how. From the
 * first file on signals that would end the process wait for its own end.
 */
#ifndef POSTFIX_TLS_NEWPAIR_H
#define POSTFIX_TLS_NEWPAIR_H

#include <stdbool.h>

#include "postfix-tls/keyfile.h"

struct err;
struct findings;
struct hostnames;
struct json_t;
struct site;

struct newpair {
	enum keyfile_algorithm algorithm;
	char *key_path;    /* owned */
	char *cert_path;   /* owned */
	char *key_beside;  /* owned */
	char *cert_beside; /* owned */
	bool kept;
};

/* What -a asks for; `unsupported` is the word for the complaint ("private", "public"). 0 or -1. */
int newpair_algorithm(const char *name, const char *unsupported, enum keyfile_algorithm *algorithm,
    struct err *err) __attribute__((warn_unused_result));

/* Makes a certificate for the key in `old_path`, or for a new key if that is NULL; `size` "" is the usual
 * one. Gives 0 or -1, nothing left behind. */
int newpair_init(struct newpair *pair, const struct site *site, enum keyfile_algorithm algorithm,
    const char *size, const char *old_path, const struct hostnames *hostnames, struct findings *findings,
    struct err *err) __attribute__((warn_unused_result));

/* From now on they are there to stay. */
void newpair_keep(struct newpair *pair);

/* Removes the files unless they are kept. */
void newpair_release(struct newpair *pair);

/* Tells what to do with the pair. */
void newpair_explain(const struct newpair *pair, const struct site *site, bool key_is_new);

#endif
