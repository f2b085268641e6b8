/* SPDX-License-Identifier: ISC */
/*
 * probe_report: what a probe has found, in words.
 */
#ifndef POSTFIX_TLS_PROBE_REPORT_H
#define POSTFIX_TLS_PROBE_REPORT_H

struct buf;
struct probe_run;
struct probe_settings;

/* Appends. Lines of the client are as it would log them. */
void probe_report_put_text(const struct probe_run *run, const struct probe_settings *settings,
    const char *nexthop, struct buf *text);

#endif
