/* SPDX-License-Identifier: ISC */
/*
 * match: which names a server's certificate may have.
 *
 * The library does the comparison while it verifies the chain; here a list of patterns becomes its list of
 * reference names.
 */
#ifndef TLS_MATCH_H
#define TLS_MATCH_H

#include <stddef.h>

struct ssl_st;

struct match_patterns {
	const char *const *pattern; /* nexthop, dot-nexthop, hostname, .name or name */
	size_t count;
	const char *nexthop;
	const char *host;
};

/* Replaces the reference names of the session. Returns how many there are: with none the library would let
 * any name pass. What is no name is warned about. */
size_t match_configure(struct ssl_st *ssl, const struct match_patterns *patterns, const char *namaddr);

#endif
