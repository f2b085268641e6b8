/* SPDX-License-Identifier: ISC */
/*
 * policy_dane: what becomes of the levels dane and dane-only with these settings and this answer of DNS.
 */
#ifndef TLSPOLICY_POLICY_DANE_H
#define TLSPOLICY_POLICY_DANE_H

struct err;
struct policy_request;
struct policy_result;
struct policy_settings;

/* 0, or -1 with the words with which the client ends at its start. */
int policy_dane_check(const struct policy_settings *settings, struct err *err)
    __attribute__((warn_unused_result));

/* Changes the level of `result` if it is one of the two. 0, or -1 when there is no delivery. */
int policy_dane_apply(const struct policy_request *request, struct policy_result *result)
    __attribute__((warn_unused_result));

#endif
