/* SPDX-License-Identifier: ISC */
/*
 * peername: the names in a certificate as text that is safe to log and to hand on.
 */
#ifndef TLS_PEERNAME_H
#define TLS_PEERNAME_H

struct X509_name_st;
struct buf;
struct x509_st;

/* The subject's common name; "" when absent or, with a warning, unfit. Freed by the caller. */
char *peername_subject_cn(const struct x509_st *cert, const char *namaddr);

/* The issuer's common name, else its organization, else "". Freed by the caller. */
char *peername_issuer_cn(const struct x509_st *cert, const char *namaddr);

/* Appends the whole name as /C=../CN=.., at most 255 bytes, unprintable bytes as '?'. */
void peername_one_line(struct buf *to, const struct X509_name_st *name);

#endif
