/* SPDX-License-Identifier: ISC */
/*
 * gate_rules: what a session may do, by the rules for clients, before TLS and with it.
 *
 * Who is refused may go on talking, and hears why when he names a recipient; who should have shown a
 * certificate hears so instead of the reply to his next command.
 */
#ifndef TLSGATE_GATE_RULES_H
#define TLSGATE_GATE_RULES_H

#include "tlsgate/gate_state.h"

/* At the start, before there is a back end. */
void gate_rules_begin(struct gate_session *s);

/* The TLS session is there, and its peer is known. Goes to the next state. */
enum gate_verdict gate_rules_tls(struct gate_session *s);

#endif
