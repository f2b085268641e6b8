/* SPDX-License-Identifier: ISC */
/*
 * policy_site: smtp_tls_per_site, the table of NONE, MAY, MUST_NOPEERMATCH and MUST.
 */
#ifndef TLSPOLICY_POLICY_SITE_H
#define TLSPOLICY_POLICY_SITE_H

struct policy_request;
struct policy_result;

/* Asks for next hop and host, and changes the level of `result` from the global one. 0, or -1 when there can
 * be no delivery. */
int policy_site_apply(const struct policy_request *request, struct policy_result *result)
    __attribute__((warn_unused_result));

#endif
