/* SPDX-License-Identifier: ISC */
/*
 * certfact: what a certificate says, in words and in seconds.
 */
#ifndef TLS_CERTFACT_H
#define TLS_CERTFACT_H

#include <stdbool.h>
#include <stdint.h>

struct asn1_string_st;
struct buf;
struct x509_st;

/* The library's name for the kind of its key: RSA, EC, ED25519. */
const char *certfact_kind(const struct x509_st *cert);

/* All append. The DNS names, at most twenty, with blanks between; if there is none, the subject. */
void certfact_put_subject(struct buf *to, const struct x509_st *cert);
void certfact_put_names(struct buf *to, const struct x509_st *cert);
void certfact_put_time(struct buf *to, const struct asn1_string_st *time);

/* Seconds since 1970; false for text that is no time. */
bool certfact_time(const struct asn1_string_st *time, int64_t *seconds);

#endif
