/* SPDX-License-Identifier: ISC */
#include "util/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "util/alloc.h"
#include "util/err.h"
#include "util/text.h"

bool
network_of_address(const char *text, struct network *address)
{
	address->family = strchr(text, ':') ? AF_INET6 : AF_INET;
	address->bits = address->family == AF_INET6 ? 128 : 32;
	memset(address->bytes, 0, sizeof address->bytes);
	return inet_pton(address->family, text, address->bytes) == 1;
}

void
network_widen(struct network *network, unsigned int bits)
{
	if (bits >= network->bits)
		return;
	network->bits = bits;
	for (unsigned int i = 0; i < sizeof network->bytes; i++) {
		unsigned int keep = bits > 8 * i ? bits - 8 * i : 0;

		if (keep < 8)
			network->bytes[i] &= (unsigned char)(0xff00 >> keep);
	}
}

/* Takes the brackets off: "[ADDRESS]/BITS" and "[ADDRESS/BITS]" are "ADDRESS/BITS". */
static int
take_off_brackets(char *text, struct err *err)
{
	char *end = strchr(text, ']');

	if (*text != '[')
		return 0;
	if (!end)
		return err_set(err, "missing ']' character after \"%s\"", text);
	if (end[1] && end[1] != '/')
		return err_set(err, "garbage after \"%.*s\"", (int)(end + 1 - text), text);
	memmove(end, end + 1, strlen(end));
	memmove(text, text + 1, strlen(text));
	return 0;
}

int
network_parse(const char *text, struct network *network, struct err *err)
{
	char *address = alloc_string(text), *slash;
	uint64_t bits;
	int result = 0;

	if (take_off_brackets(address, err) < 0) {
		free(address);
		return -1;
	}
	slash = strchr(address, '/');
	if (slash)
		*slash = '\0';
	if (!network_of_address(address, network)) {
		result = err_set(err, "bad address pattern: \"%s\"", text);
	} else if (slash && !text_number(slash + 1, UINT32_MAX, &bits)) {
		result = err_set(err, "bad mask value in \"%s\"", text);
	} else if (slash && bits > network->bits) {
		result = err_set(err, "bad mask length in \"%s\"", text);
	} else if (slash) {
		const struct network given = *network;
		char shown[INET6_ADDRSTRLEN];

		network_widen(network, (unsigned int)bits);
		if (memcmp(given.bytes, network->bytes, sizeof given.bytes) != 0)
			result = err_set(err,
			    "non-null host address bits in \"%s\", perhaps you should use \"%s/%u\" instead",
			    text, inet_ntop(network->family, network->bytes, shown, sizeof shown),
			    network->bits);
	}
	free(address);
	return result;
}

bool
network_has(const struct network *network, const struct network *address)
{
	struct network around = *address;

	network_widen(&around, network->bits);
	return around.family == network->family && around.bits == network->bits &&
	       memcmp(around.bytes, network->bytes, sizeof around.bytes) == 0;
}
