/* SPDX-License-Identifier: ISC */
/*
 * probe_report: what a probe has found, in words and as a JSON document.
 */
#ifndef POSTFIX_TLS_PROBE_REPORT_H
#define POSTFIX_TLS_PROBE_REPORT_H

struct buf;
struct json_t;
struct policy_result;
struct probe_run;
struct probe_settings;

/* Appends. Lines of the client are as it would log them. */
void probe_report_put_text(const struct probe_run *run, const struct probe_settings *settings,
    const char *nexthop, struct buf *text);

/* What decided the level. Freed by the caller. */
char *probe_report_source(const struct probe_settings *settings, const struct policy_result *policy);

/* Released with json_decref(). */
struct json_t *probe_report_json(
    const struct probe_run *run, const struct probe_settings *settings, const char *nexthop);

#endif
