/* SPDX-License-Identifier: ISC */
/*
 * policy_report: the policy for a destination, in words and as a JSON document.
 */
#ifndef POSTFIX_TLS_POLICY_REPORT_H
#define POSTFIX_TLS_POLICY_REPORT_H

struct buf;
struct json_t;
struct policy_request;
struct policy_result;

/* Appends. */
void policy_report_put_text(
    const struct policy_request *request, const struct policy_result *result, struct buf *text);

/* Released with json_decref(). */
struct json_t *policy_report_json(const struct policy_request *request, const struct policy_result *result);

#endif
