/* SPDX-License-Identifier: ISC */
/*
 * pairfacts: whether a key and the certificates for it can be served, and should be.
 */
#ifndef POSTFIX_TLS_PAIRFACTS_H
#define POSTFIX_TLS_PAIRFACTS_H

#include <stdbool.h>

#include "postfix-tls/keyfile.h"

struct err;
struct findings;
struct site;

struct pairfacts {
	enum keyfile_algorithm algorithm;
	char digest[65]; /* of the public key */
};

/* 0, or -1 when they are no pair that servers could use. Everything else that is wrong is a finding, unless
 * the pair is our `own`, made a moment ago. */
int pairfacts_check(struct pairfacts *facts, const struct site *site, const char *cert_path,
    const char *key_path, bool own, struct findings *findings, struct err *err)
    __attribute__((warn_unused_result));

#endif
