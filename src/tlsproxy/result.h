/* SPDX-License-Identifier: ISC */
/*
 * result: the TLS context list: what a caller that asked for it learns about the handshake.
 */
#ifndef TLSPROXY_RESULT_H
#define TLSPROXY_RESULT_H

#include <stdbool.h>

#include "mail/tlsproxy_proto.h"

struct buf;
struct summary;

/* `trace_size_limit` as the request had it; only the longest shape has it. Shapes before 3.10 have no word of
 * reports. */
void result_put(struct buf *to, const struct summary *summary, enum tlsproxy_context_shape shape,
    bool is_reported, int trace_size_limit);

#endif
