/* SPDX-License-Identifier: ISC */
/*
 * findkind: the kinds of findings: identifier, severity and reason. The manual lists them all.
 */
#ifndef TLSCHECK_FINDKIND_H
#define TLSCHECK_FINDKIND_H

#include <stddef.h>

#include "tlscheck/finding.h"

struct findkind {
	const char *id;
	enum finding_severity severity;
	const char *why;
};

/* NULL behind the last. */
const struct findkind *findkind_at(size_t index);

/* NULL: there is none. */
const struct findkind *findkind_find(const char *id);

#endif
