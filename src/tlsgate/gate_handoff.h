/* SPDX-License-Identifier: ISC */
/*
 * gate_handoff: the states from STARTTLS to TLS: the client's socket goes to tlsproxy.
 *
 * tlsproxy is asked first, then the new back end; only when both are there does the descriptor go, then the
 * reply to STARTTLS. Until the descriptor went, any failure is a 454 reply and the session continues in
 * plaintext.
 */
#ifndef TLSGATE_GATE_HANDOFF_H
#define TLSGATE_GATE_HANDOFF_H

#include "tlsgate/gate_state.h"

/* The client has said STARTTLS. */
enum gate_verdict gate_handoff_begin(struct gate_session *s, const char *arguments);

/* The STARTTLS command fails, and the session continues without. */
enum gate_verdict gate_handoff_refuse(struct gate_session *s);

enum gate_verdict gate_handoff_announcement(struct gate_session *s);
enum gate_verdict gate_handoff_status(struct gate_session *s);
enum gate_verdict gate_handoff_run(struct gate_session *s);
enum gate_verdict gate_handoff_ready(struct gate_session *s);

#endif
