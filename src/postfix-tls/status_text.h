/* SPDX-License-Identifier: ISC */
/*
 * status_text: the status in words, and as a JSON document.
 */
#ifndef POSTFIX_TLS_STATUS_TEXT_H
#define POSTFIX_TLS_STATUS_TEXT_H

struct buf;
struct json_t;
struct status;

/* Appends lines for a terminal. */
void status_put_text(const struct status *status, struct buf *to);

/* Released with json_decref(). */
struct json_t *status_json(const struct status *status);

#endif
