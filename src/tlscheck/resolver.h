/* SPDX-License-Identifier: ISC */
/*
 * resolver: answers from DNS that were validated here, by DNSSEC.
 */
#ifndef TLSCHECK_RESOLVER_H
#define TLSCHECK_RESOLVER_H

#include <stddef.h>

struct err;

struct resolver_config {
	const char *address;      /* of a server, ADDRESS or ADDRESS@PORT; NULL: those of resolv.conf(5) */
	const char *trust_anchor; /* file with the keys that validation begins with; NULL: the root's */
	int timeout_s;            /* for the whole answer */
};

enum resolver_answer {
	RESOLVER_SECURE,   /* there are records, and they are proven */
	RESOLVER_INSECURE, /* there are records that anybody could have made */
	RESOLVER_NONE,     /* there are no records */
	RESOLVER_FAILED,   /* `err` */
};

typedef void (*resolver_record_fn)(const unsigned char *data, size_t len, void *context);

/* Asks for the TLSA records of a name, and calls `fn` for each if they are secure. */
enum resolver_answer resolver_tlsa(const struct resolver_config *config, const char *name,
    resolver_record_fn fn, void *context, struct err *err);

#endif
