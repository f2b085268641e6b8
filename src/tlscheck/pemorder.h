/* SPDX-License-Identifier: ISC */
/*
 * pemorder: the command that puts the blocks of a PEM file into the order that servers and peers want.
 */
#ifndef TLSCHECK_PEMORDER_H
#define TLSCHECK_PEMORDER_H

#include <stddef.h>

struct finding;
struct pemfile;

/*
 * Key, certificate of the public key with this digest, its issuer and so on; roots and what issued none of
 * these are left out, and so is the object `without` (pemfile_count(): none). Nothing is added to the finding
 * when the file has several keys or not that certificate.
 */
void pemorder_mend(struct finding *found, const struct pemfile *pemfile, const char *file, const char *digest,
    size_t without);

#endif
