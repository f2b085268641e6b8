/* SPDX-License-Identifier: ISC */
/*
 * idna: domain names with other than ASCII letters, as DNS and certificates have them (RFC 5891, UTS #46).
 */
#ifndef TLS_IDNA_H
#define TLS_IDNA_H

/* The name in A-labels. A name in ASCII is left as it is, and so is one that has no such form, after a
 * warning. Freed by the caller. */
char *idna_to_ascii(const char *name);

/* How many bytes of `name` are a dot in front of something else, in any of the forms that IDNA knows; 0 when
 * it does not begin with one. */
int idna_leading_dot(const char *name);

#endif
