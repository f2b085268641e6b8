/* SPDX-License-Identifier: ISC */
/*
 * probe: whether the library takes a setting, tried without a session. Nothing is logged.
 */
#ifndef TLS_PROBE_H
#define TLS_PROBE_H

#include <stdbool.h>

struct buf;

/* The name of a digest that fingerprints can be made with. */
bool probe_digest(const char *name);

/* An OpenSSL cipher list with at least one cipher of TLS 1.2 or older in it. */
bool probe_ciphers(const char *list);

/* tls_eecdh_auto_curves, tls_ffdhe_auto_groups (NULL: there is none): false, and what would be logged is
 * appended. */
bool probe_groups(const char *curves, const char *ffdhe, struct buf *log);

/* A cipher tickets can be sealed with. */
bool probe_ticket_cipher(const char *name);

/* DH parameters in a file: their number of bits; 0: there are none, and what would be logged is appended. */
int probe_dh_bits(const char *file, struct buf *log);

#endif
