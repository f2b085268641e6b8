/* SPDX-License-Identifier: ISC */
/*
 * gate_backend: where the mail server behind the gate is, and how to reach it.
 *
 * Names are looked up once, when the back end is made, so that no session waits for DNS.
 */
#ifndef TLSGATE_GATE_BACKEND_H
#define TLSGATE_GATE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct event_base;
struct gate_backend;

/* "host:port", "[address]:port", "unix:path" or "builtin". NULL with err. Freed by the caller. */
struct gate_backend *gate_backend_new(const char *where, struct err *err);
void gate_backend_free(struct gate_backend *backend);

/* How many addresses there are to try; "builtin" and "unix:" have one. */
size_t gate_backend_count(const struct gate_backend *backend);

bool gate_backend_is_builtin(const struct gate_backend *backend);

/* As configured, for the log. Borrowed. */
const char *gate_backend_name(const struct gate_backend *backend);

/* Starts to connect to address `index`; not for "builtin". The non-blocking descriptor, *connecting if it is
 * not yet connected; -1 with err. */
int gate_backend_connect(const struct gate_backend *backend, size_t index, bool *connecting, struct err *err)
    __attribute__((warn_unused_result));

#endif
