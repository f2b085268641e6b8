/* SPDX-License-Identifier: ISC */
/*
 * level: TLS security levels and what each demands.
 */
#ifndef TLS_LEVEL_H
#define TLS_LEVEL_H

#include <stdbool.h>

/* The numbers travel on the wire. */
enum level {
	LEVEL_INVALID = -2,
	LEVEL_NOT_FOUND = -1,
	LEVEL_NONE = 0,
	LEVEL_MAY = 1,
	LEVEL_ENCRYPT = 2,
	LEVEL_FINGERPRINT = 3,
	LEVEL_HALFDANE = 4, /* never configured: insecure MX records, secure TLSA records */
	LEVEL_DANE = 5,
	LEVEL_DANE_ONLY = 6,
	LEVEL_VERIFY = 7,
	LEVEL_SECURE = 8,
};

/* Any case. LEVEL_INVALID when the word is no level that can be configured. */
enum level level_from_name(const char *name);

/* NULL for numbers that are no level; "halfdane" has a name here. */
const char *level_name(int level);

bool level_is_mandatory(int level); /* no plaintext */
bool level_must_match(int level);   /* the peer must be who it should be */
bool level_is_dane(int level);      /* trust from TLSA records in DNS */
bool level_needs_pkix(int level);   /* trust from certification authorities */

#endif
