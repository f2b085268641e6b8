/* SPDX-License-Identifier: ISC */
/*
 * pem_text: whether a PEM file is all there, judged by its lines.
 *
 * A parser takes what looks like no PEM for a comment: so it cannot tell a file whose writer is not done from
 * one that has fewer certificates.
 */
#ifndef TLS_PEM_TEXT_H
#define TLS_PEM_TEXT_H

#include <stddef.h>

/* How many PEM blocks there are, or -1: the text ends inside one, or inside the line that begins or ends it.
 */
int pem_text_blocks(const char *text, size_t len);

#endif
