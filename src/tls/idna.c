/* SPDX-License-Identifier: ISC */
#include "tls/idna.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <idn2.h>

#include "util/alloc.h"
#include "util/log.h"

/* U+3002, U+FF0E, U+FF61 */
static const char *const dots[] = { ".", "\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1" };

enum { NAME_LIMIT = 1024 }; /* bytes that are worth a conversion: a domain name has 255 at most */

static int
is_ascii(const char *name)
{
	while (*name)
		if ((unsigned char)*name++ >= 0x80)
			return 0;
	return 1;
}

char *
idna_to_ascii(const char *name)
{
	uint8_t *converted = NULL;
	int status = IDN2_TOO_BIG_DOMAIN;
	char *result;

	if (is_ascii(name))
		return alloc_string(name);
	if (strlen(name) <= NAME_LIMIT)
		status =
		    idn2_lookup_u8((const uint8_t *)name, &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (status != IDN2_OK) {
		log_warn(
		    "midna_domain_to_ascii_create: Problem translating domain \"%.100s\" to ASCII form: %s",
		    name, idn2_strerror(status));
		return alloc_string(name);
	}
	result = alloc_string((const char *)converted);
	idn2_free(converted);
	return result;
}

int
idna_leading_dot(const char *name)
{
	for (size_t i = 0; i < sizeof dots / sizeof dots[0]; i++) {
		size_t len = strlen(dots[i]);

		if (strncmp(name, dots[i], len) == 0 && name[len])
			return (int)len;
	}
	return 0;
}
