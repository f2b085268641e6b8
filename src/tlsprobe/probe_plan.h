/* SPDX-License-Identifier: ISC */
/*
 * probe_plan: the servers of a destination, in the order in which a client would try them.
 *
 * Mail exchangers by preference, then their addresses; a host without MX records is its own. Where chance
 * decides in Postfix, among equal preferences and between IPv4 and IPv6, the order here is always the same.
 * What is odd on the way, but no reason to give up, is logged.
 */
#ifndef TLSPROBE_PROBE_PLAN_H
#define TLSPROBE_PROBE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "tlspolicy/policy_request.h"

struct probe_settings;
struct probe_target;
struct resolver;

enum { PROBE_PLAN_NO_PREFERENCE = -1 };

struct probe_server {
	char *host;                  /* owned; as policy and certificates know it */
	char *qname;                 /* owned; what DNS was asked for; NULL: nothing was asked */
	char *rname;                 /* owned; what it came to, behind all CNAMEs */
	bool secure;                 /* the address is proven */
	char *address;               /* owned; in words, or the path of a socket */
	int preference;              /* of its MX record, or PROBE_PLAN_NO_PREFERENCE */
	struct sockaddr_storage raw; /* without a port */
	socklen_t raw_len;
};

struct probe_plan {
	enum policy_mx mx;           /* unknown: there are no MX records, or none were asked for */
	char *mx_qname, *mx_rname;   /* owned; as of a server; NULL without MX records */
	struct probe_server *server; /* owned */
	size_t count;
	char *dsn, *reason; /* owned; why there are no servers */
};

/* `resolver` may be NULL where the settings ask nothing of DNS. Released in either case. */
void probe_plan_make(struct probe_plan *plan, const struct probe_target *target,
    const struct probe_settings *settings, struct resolver *resolver);
void probe_plan_release(struct probe_plan *plan);

#endif
