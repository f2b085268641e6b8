/* SPDX-License-Identifier: ISC */
/*
 * pemgroup: whether the objects in PEM files come in an order that servers and clients take.
 */
#ifndef TLSCHECK_PEMGROUP_H
#define TLSCHECK_PEMGROUP_H

#include <stdbool.h>
#include <stddef.h>

struct check;
struct check_chain;
struct pemfile;

/* ( key leaf issuer* )+, each key of another kind: as in chain_files and SNI tables. */
void pemgroup_check(struct check *check, const struct check_chain *chain);

/* What no reader can use, one by one. */
void pemgroup_check_objects(struct check *check, const struct check_chain *chain);

/* The first key of `keys`, whose parameter is `key_name`, and the certificate at `leaf`. False: they are
 * there and do not belong together. */
bool pemgroup_check_match(struct check *check, const struct check_chain *chain, const struct pemfile *keys,
    const char *key_name, size_t leaf);

#endif
