/* SPDX-License-Identifier: ISC */
/*
 * policy_global: the level that main.cf asks for where no table says otherwise.
 */
#ifndef TLSPOLICY_POLICY_GLOBAL_H
#define TLSPOLICY_POLICY_GLOBAL_H

struct err;
struct policy_result;
struct policy_settings;

/* Sets both levels of `result` and says why. 0, or -1 with the words with which the client ends at its start.
 */
int policy_global_level(const struct policy_settings *settings, struct policy_result *result, struct err *err)
    __attribute__((warn_unused_result));

#endif
