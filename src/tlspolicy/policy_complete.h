/* SPDX-License-Identifier: ISC */
/*
 * policy_complete: what a level needs and no table has said, from main.cf.
 */
#ifndef TLSPOLICY_POLICY_COMPLETE_H
#define TLSPOLICY_POLICY_COMPLETE_H

struct policy_request;
struct policy_result;

/* 0, or -1 when there can be no delivery. */
int policy_complete(const struct policy_request *request, struct policy_result *result)
    __attribute__((warn_unused_result));

#endif
