/* SPDX-License-Identifier: ISC */
/*
 * gate_dialogue: the states in which client and back end talk: command by command, then bytes both ways.
 */
#ifndef TLSGATE_GATE_DIALOGUE_H
#define TLSGATE_GATE_DIALOGUE_H

#include "tlsgate/gate_state.h"

enum gate_verdict gate_dialogue_run(struct gate_session *s);
enum gate_verdict gate_dialogue_relay(struct gate_session *s);

#endif
