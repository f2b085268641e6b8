/* SPDX-License-Identifier: ISC */
/*
 * policy_advice: what will go wrong with a valid policy, and what it does not protect from.
 *
 * A name in DNS that nothing protects may be anybody's: whoever answers for it chooses the key for the
 * per-site table and the name in the certificate. The loophole is closed when neither comes from an answer.
 */
#ifndef TLSPOLICY_POLICY_ADVICE_H
#define TLSPOLICY_POLICY_ADVICE_H

struct policy_request;
struct policy_result;

void policy_advice_add(const struct policy_request *request, struct policy_result *result);

#endif
