/* SPDX-License-Identifier: ISC */
/*
 * status_json: the status as a JSON document.
 */
#ifndef POSTFIX_TLS_STATUS_JSON_H
#define POSTFIX_TLS_STATUS_JSON_H

struct json_t;
struct status;

/* Released with json_decref(). */
struct json_t *status_json(const struct status *status);

#endif
