/* SPDX-License-Identifier: ISC */
/*
 * gate_connect: the states that get a session its back end: at the start, and again when TLS starts.
 */
#ifndef TLSGATE_GATE_CONNECT_H
#define TLSGATE_GATE_CONNECT_H

#include "tlsgate/gate_state.h"

enum gate_verdict gate_connect_run(struct gate_session *s);
enum gate_verdict gate_connect_greeting(struct gate_session *s);

#endif
