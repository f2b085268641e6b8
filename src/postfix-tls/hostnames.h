/* SPDX-License-Identifier: ISC */
/*
 * hostnames: the names a certificate, a request or a TLSA record is for.
 */
#ifndef POSTFIX_TLS_HOSTNAMES_H
#define POSTFIX_TLS_HOSTNAMES_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct findings;
struct site;

struct hostnames {
	const char **names; /* owned array; at least one name, each borrowed but `primary` */
	size_t count;
	char *primary; /* owned: $myhostname when it was needed */
};

/* From the arguments, which may begin with "*."; myhostname stands for a first one that is missing or empty.
 * 0 or -1. */
int hostnames_init(struct hostnames *hostnames, const struct site *site, int argc, char **argv,
    struct err *err) __attribute__((warn_unused_result));
void hostnames_release(struct hostnames *hostnames);

/* Finds that nobody else knows this system by the name it has. */
void hostnames_judge(const struct hostnames *hostnames, struct findings *findings);

/*
 * Letters, digits, '-', '_', and '.' between labels or at the end: what the DNS and certificates can carry
 * (other scripts in their ASCII form), and what cannot be taken for something else in a zone file or a
 * distinguished name.
 */
bool hostnames_is_valid(const char *name);

/* Says what is wrong with one that is not; always -1. */
int hostnames_refuse(const char *name, struct err *err);

#endif
