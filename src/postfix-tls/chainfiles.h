/* SPDX-License-Identifier: ISC */
/*
 * chainfiles: smtpd_tls_chain_files, which makes servers look at no other key and certificate parameter.
 *
 * The files count as one row: a key and the certificates up to the next key are one chain.
 */
#ifndef POSTFIX_TLS_CHAINFILES_H
#define POSTFIX_TLS_CHAINFILES_H

#include <stddef.h>

#include "postfix-tls/keyfile.h"

struct buf;
struct err;
struct pemfile;
struct site;

struct chainfiles {
	char **files; /* owned, each of them, too; absolute */
	char **words; /* the same as main.cf has them, to be written there again */
	size_t count;
	struct pemfile *pemfile; /* owned: what is in all of them */
};

/* 1: in use, and all files could be read. 0: the parameter is not set. -1: err. Released if 1. */
int chainfiles_init(struct chainfiles *chain, const struct site *site, struct err *err)
    __attribute__((warn_unused_result));
void chainfiles_release(struct chainfiles *chain);

/* The file with the first key of that algorithm. NULL: none. Borrowed. */
const char *chainfiles_find(const struct chainfiles *chain, enum keyfile_algorithm algorithm);

/*
 * Appends what the parameter must become so that `key_path` and `cert_path` (absolute) are served instead of
 * what there is of the algorithm, or besides the others. 0, or -1 when files would have to be taken apart.
 */
int chainfiles_with(const struct chainfiles *chain, enum keyfile_algorithm algorithm, const char *key_path,
    const char *cert_path, struct buf *value, struct err *err) __attribute__((warn_unused_result));

/* Appends the value for this pair alone. */
int chainfiles_pair(const char *key_path, const char *cert_path, struct buf *value, struct err *err)
    __attribute__((warn_unused_result));

/* Appends the value for a site that does not use the parameter yet: what the older ones name, and this pair.
 */
int chainfiles_from_legacy(const struct site *site, const char *key_path, const char *cert_path,
    struct buf *value, struct err *err) __attribute__((warn_unused_result));

#endif
