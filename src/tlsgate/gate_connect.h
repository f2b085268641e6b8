/* SPDX-License-Identifier: ISC */
/*
 * gate_connect: the states that get a session its back end: at the start, and again when TLS starts.
 */
#ifndef TLSGATE_GATE_CONNECT_H
#define TLSGATE_GATE_CONNECT_H

#include "tlsgate/gate_state.h"

/* How long to wait before a local back end that had no room for another connection is called again. */
enum { GATE_CONNECT_AGAIN_MS = 20 };

enum gate_verdict gate_connect_again(struct gate_session *s);
enum gate_verdict gate_connect_run(struct gate_session *s);
enum gate_verdict gate_connect_greeting(struct gate_session *s);

/* The back end on side `next` cannot be used, for a reason that belongs behind its name. */
enum gate_verdict gate_connect_failed(struct gate_session *s, const char *why);

/* It has said all that comes before the client's first command. */
enum gate_verdict gate_connect_greeted(struct gate_session *s, enum gate_answer answer);

#endif
