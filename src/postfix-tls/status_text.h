/* SPDX-License-Identifier: ISC */
/*
 * status_text: the status in words.
 */
#ifndef POSTFIX_TLS_STATUS_TEXT_H
#define POSTFIX_TLS_STATUS_TEXT_H

struct buf;
struct status;

/* Appends lines for a terminal. */
void status_text_put(const struct status *status, struct buf *to);

#endif
