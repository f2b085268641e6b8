/* SPDX-License-Identifier: ISC */
/*
 * result: the TLS context list: what a caller that asked for it learns about the handshake.
 */
#ifndef TLSPROXY_RESULT_H
#define TLSPROXY_RESULT_H

struct buf;
struct summary;

/* The list of Postfix 3.6 to 3.8, 22 attributes. */
void result_put(struct buf *to, const struct summary *summary);

#endif
