/* SPDX-License-Identifier: ISC */
#include "tls/level.h"

#include <stddef.h>

#include "util/text.h"

static const char *const names[] = {
	[LEVEL_NONE] = "none",
	[LEVEL_MAY] = "may",
	[LEVEL_ENCRYPT] = "encrypt",
	[LEVEL_FINGERPRINT] = "fingerprint",
	[LEVEL_HALFDANE] = "halfdane",
	[LEVEL_DANE] = "dane",
	[LEVEL_DANE_ONLY] = "dane-only",
	[LEVEL_VERIFY] = "verify",
	[LEVEL_SECURE] = "secure",
};

enum level
level_from_name(const char *name)
{
	for (int level = LEVEL_NONE; level <= LEVEL_SECURE; level++)
		if (level != LEVEL_HALFDANE && text_equal_nocase(name, names[level]))
			return (enum level)level;
	return LEVEL_INVALID;
}

const char *
level_name(int level)
{
	return level >= LEVEL_NONE && level <= LEVEL_SECURE ? names[level] : NULL;
}

bool
level_is_mandatory(int level)
{
	return level > LEVEL_MAY;
}

bool
level_must_match(int level)
{
	return level > LEVEL_ENCRYPT;
}

bool
level_is_dane(int level)
{
	return level >= LEVEL_HALFDANE && level <= LEVEL_DANE_ONLY;
}

bool
level_needs_pkix(int level)
{
	return level >= LEVEL_VERIFY;
}
