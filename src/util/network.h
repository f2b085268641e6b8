/* SPDX-License-Identifier: ISC */
/*
 * network: IP addresses, and networks of them: those that begin with the same bits.
 */
#ifndef UTIL_NETWORK_H
#define UTIL_NETWORK_H

#include <stdbool.h>

struct err;

struct network {
	int family;              /* AF_INET or AF_INET6 */
	unsigned int bits;       /* that count */
	unsigned char bytes[16]; /* in network order; the other bits are zero */
};

/* One address. False: the text is none. */
bool network_of_address(const char *text, struct network *address);

/* ADDRESS or ADDRESS/BITS, in brackets or not. 0, or -1 with Postfix's words in `err`. */
int network_parse(const char *text, struct network *network, struct err *err)
    __attribute__((warn_unused_result));

/* The network of which this is a part, if it has fewer bits. */
void network_widen(struct network *network, unsigned int bits);

/* Whether the address is one of the network. */
bool network_has(const struct network *network, const struct network *address);

#endif
