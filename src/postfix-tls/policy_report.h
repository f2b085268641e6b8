/* SPDX-License-Identifier: ISC */
/*
 * policy_report: the policy for a destination, in words.
 */
#ifndef POSTFIX_TLS_POLICY_REPORT_H
#define POSTFIX_TLS_POLICY_REPORT_H

struct buf;
struct policy_request;
struct policy_result;
struct policy_settings;

/* Appends. */
void policy_report_put_text(
    const struct policy_request *request, const struct policy_result *result, struct buf *text);

/* What decided the level: a parameter with tables, "main.cf", or an option that begins with '-'. Freed by the
 * caller. */
char *policy_report_source(const struct policy_settings *settings, const struct policy_result *result);

#endif
