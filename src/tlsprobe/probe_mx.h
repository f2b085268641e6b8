/* SPDX-License-Identifier: ISC */
/*
 * probe_mx: MX records (RFC 1035 section 3.3.9), the most preferred first.
 */
#ifndef TLSPROBE_PROBE_MX_H
#define TLSPROBE_PROBE_MX_H

#include <stddef.h>

struct resolver_reply;

struct probe_mx_record {
	int preference;
	char *name; /* owned; "" is the root; other bytes than those of names are '?' */
};

/* Set up with zeros. */
struct probe_mx {
	struct probe_mx_record *record; /* owned */
	size_t count;
};

/* Adds the record if it is one. */
void probe_mx_add(struct probe_mx *mx, const unsigned char *bytes, size_t len);

/* All of the reply, in their order: by preference, then by name. */
void probe_mx_read(struct probe_mx *mx, const struct resolver_reply *reply);
void probe_mx_release(struct probe_mx *mx);

#endif
