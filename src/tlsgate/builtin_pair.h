/* SPDX-License-Identifier: ISC */
/*
 * builtin_pair: the built-in mail server behind a socket, so that a session need not know it is built in.
 */
#ifndef TLSGATE_BUILTIN_PAIR_H
#define TLSGATE_BUILTIN_PAIR_H

struct err;
struct event_base;

/* A non-blocking, close-on-exec socket to a new server, which ends when that socket is closed; -1 with err.
 */
int builtin_pair_new(struct event_base *base, const char *hostname, const char *peer, struct err *err)
    __attribute__((warn_unused_result));

#endif
