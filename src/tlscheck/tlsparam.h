/* SPDX-License-Identifier: ISC */
/*
 * tlsparam: the parameters that have to do with TLS: their types, bounds and readers.
 */
#ifndef TLSCHECK_TLSPARAM_H
#define TLSCHECK_TLSPARAM_H

#include <stdbool.h>
#include <stddef.h>

enum tlsparam_type { TLSPARAM_STRING, TLSPARAM_INT, TLSPARAM_TIME, TLSPARAM_BOOL };

struct tlsparam {
	const char *name;
	enum tlsparam_type type;
	int min, max;         /* of numbers, seconds of times; 0: no limit */
	const char *programs; /* that read it, with blanks between; "": all */
	bool later;           /* Postfix has it since 3.8 or later, Sealpost has not */
};

/* NULL: there is none. */
const struct tlsparam *tlsparam_find(const char *name);

/* All, in byte order of the names; NULL behind the last. */
const struct tlsparam *tlsparam_at(size_t index);

bool tlsparam_is_read_by(const struct tlsparam *param, const char *program);

#endif
