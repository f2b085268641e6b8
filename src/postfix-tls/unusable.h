/* SPDX-License-Identifier: ISC */
/*
 * unusable: why a file is of no use as private key or certificate, and what to do about it.
 */
#ifndef POSTFIX_TLS_UNUSABLE_H
#define POSTFIX_TLS_UNUSABLE_H

struct err;

/* `err` is left as it is when nothing seems to be wrong with the file. */
void unusable_key(const char *path, struct err *err);
void unusable_certificate(const char *path, struct err *err);

#endif
