/* SPDX-License-Identifier: ISC */
/*
 * policy: the right-hand sides of smtp_tls_policy_maps and smtp_tls_per_site.
 */
#ifndef TLSCHECK_POLICY_H
#define TLSCHECK_POLICY_H

#include <stdbool.h>

struct err;

/* 0, or -1 with what makes it invalid. 1: it has attributes that are ignored. */
int policy_check(const char *value, struct err *err) __attribute__((warn_unused_result));

/* The old kind of table. */
bool policy_is_per_site(const char *value);

#endif
