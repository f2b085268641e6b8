/* SPDX-License-Identifier: ISC */
/*
 * resolver: answers from DNS that were validated here, by DNSSEC.
 */
#ifndef TLSCHECK_RESOLVER_H
#define TLSCHECK_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct resolver;
struct ub_result;

struct resolver_config {
	const char *address;      /* of a server, ADDRESS or ADDRESS@PORT; NULL: those of resolv.conf(5) */
	const char *trust_anchor; /* file with the keys that validation begins with; NULL: the root's */
	int timeout_s;            /* for one whole answer */
	bool unvalidated;         /* no keys, no proof: every answer is insecure */
};

enum resolver_answer {
	RESOLVER_SECURE,   /* there are records, and they are proven */
	RESOLVER_INSECURE, /* there are records that anybody could have made */
	RESOLVER_NONE,     /* there are no records */
	RESOLVER_FAILED,   /* `err` */
};

enum resolver_type {
	RESOLVER_A = 1,
	RESOLVER_CNAME = 5,
	RESOLVER_MX = 15,
	RESOLVER_AAAA = 28,
	RESOLVER_TLSA = 52,
};

/* The records of one answer. */
struct resolver_reply {
	struct ub_result *result; /* owned; NULL: there was no answer */
	char
	    *canonical; /* owned; whose records they are, or would be, behind all CNAMEs; no dot at the end */
	bool nxdomain;  /* there is not even the name */
	bool bogus;     /* the lookup failed because the proof did */
	size_t count;
};

/* NULL with err. Freed by the caller. The files are read with the first question. */
struct resolver *resolver_new(const struct resolver_config *config, struct err *err);
void resolver_free(struct resolver *resolver);

/* `reply` is released by the caller whatever the answer is. */
enum resolver_answer resolver_ask(struct resolver *resolver, const char *name, enum resolver_type type,
    struct resolver_reply *reply, struct err *err);
void resolver_reply_release(struct resolver_reply *reply);

/* The bytes of a record, borrowed; `index` is below the count. */
const unsigned char *resolver_record(const struct resolver_reply *reply, size_t index, size_t *len);

typedef void (*resolver_record_fn)(const unsigned char *data, size_t len, void *context);

/* With a resolver of its own, for one question: asks for the TLSA records of a name, and calls `fn` for each
 * if they are secure. */
enum resolver_answer resolver_tlsa(const struct resolver_config *config, const char *name,
    resolver_record_fn fn, void *context, struct err *err);

#endif
