/* SPDX-License-Identifier: ISC */
/*
 * policy_attribute: the right-hand side of a policy table, "LEVEL name=value ...".
 */
#ifndef TLSPOLICY_POLICY_ATTRIBUTE_H
#define TLSPOLICY_POLICY_ATTRIBUTE_H

struct policy_request;
struct policy_result;

/* Reads `text`, which was found under `key`, into `result`. 0, or -1 when the policy is invalid. */
int policy_attribute_apply(const struct policy_request *request, const char *key, const char *text,
    struct policy_result *result) __attribute__((warn_unused_result));

/* Adds the fingerprints in `list`; those that are none are warned about and left out. */
void policy_attribute_add_fingerprints(
    struct policy_result *result, const char *list, const char *separators);

/* Adds a file of trust anchors. 0, or -1 when it cannot be used; then the policy is invalid. */
int policy_attribute_add_anchors(const struct policy_request *request, const char *file,
    struct policy_result *result) __attribute__((warn_unused_result));

#endif
