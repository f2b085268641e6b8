/* SPDX-License-Identifier: ISC */
/*
 * policy: the right-hand sides of smtp_tls_policy_maps and smtp_tls_per_site, as tlspolicy reads them.
 */
#ifndef TLSCHECK_POLICY_H
#define TLSCHECK_POLICY_H

#include <stdbool.h>

struct err;

/* 0, or -1 with what makes it invalid. 1: part of it does nothing, and `err` says which. `later`: the mail
 * system has attributes and braces of Postfix 3.9 and later; what those hold is not judged. */
int policy_check(const char *value, bool later, struct err *err) __attribute__((warn_unused_result));

/* The old kind of table: 0, or -1. */
int policy_check_site(const char *value, struct err *err) __attribute__((warn_unused_result));

#endif
