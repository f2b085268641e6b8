/* SPDX-License-Identifier: ISC */
/*
 * policy_destination: a next hop as transport tables spell it, and the names and keys in it.
 */
#ifndef TLSPOLICY_POLICY_DESTINATION_H
#define TLSPOLICY_POLICY_DESTINATION_H

#include <stdbool.h>

/* Strings are owned. */
struct policy_destination {
	char *key;          /* what tables are asked for: the next hop without "inet:" or "unix:" */
	char *domain;       /* without brackets and port; what certificates are compared with */
	char *host;         /* the server: the name given, or the one the next hop implies */
	bool host_is_given; /* it is not implied */
	bool in_brackets;   /* there is no MX lookup */
	bool has_port;
	bool is_socket; /* of the UNIX domain */
};

/* `host` may be NULL; `myhostname` is the server behind a UNIX-domain socket. To be released. */
void policy_destination_init(
    struct policy_destination *destination, const char *nexthop, const char *host, const char *myhostname);
void policy_destination_release(struct policy_destination *destination);

/* Only a next hop that is a mere name has parent domains. `utf8`: letters outside ASCII are letters. */
bool policy_destination_is_name(const struct policy_destination *destination, bool utf8);

/* Syntax only: labels of letters, digits, "-" and "_"; not all digits. ASCII. */
bool policy_destination_valid_hostname(const char *name);

#endif
