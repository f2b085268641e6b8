/* SPDX-License-Identifier: ISC */
/*
 * policy_table: smtp_tls_policy_maps, where a next hop or its parent domain has a level with attributes.
 */
#ifndef TLSPOLICY_POLICY_TABLE_H
#define TLSPOLICY_POLICY_TABLE_H

struct policy_request;
struct policy_result;

/* Asks for the next hop and its parents; what is found replaces the level of `result` and sets what the
 * attributes say. 0, or -1 when there can be no delivery. */
int policy_table_apply(const struct policy_request *request, struct policy_result *result)
    __attribute__((warn_unused_result));

#endif
