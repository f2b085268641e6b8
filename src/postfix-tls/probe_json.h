/* SPDX-License-Identifier: ISC */
/*
 * probe_json: what a probe has found, as a JSON document.
 */
#ifndef POSTFIX_TLS_PROBE_JSON_H
#define POSTFIX_TLS_PROBE_JSON_H

struct json_t;
struct probe_run;
struct probe_settings;

/* Released with json_decref(). */
struct json_t *probe_json(
    const struct probe_run *run, const struct probe_settings *settings, const char *nexthop);

#endif
