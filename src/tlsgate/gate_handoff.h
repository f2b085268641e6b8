/* SPDX-License-Identifier: ISC */
/*
 * gate_handoff: the states from STARTTLS to TLS: the client's socket goes to tlsproxy.
 *
 * tlsproxy is asked first, then the new back end; only when both are there does the descriptor go, then the
 * reply to STARTTLS. Until the descriptor went, any failure is a refusal (454) and the session continues in
 * plaintext. In wrapper mode there is no reply and no plaintext to go back to: the descriptor goes as soon as
 * tlsproxy takes it, and a client that cannot be served is told so inside TLS.
 *
 * Without a protocol to listen to, the back end's descriptor follows the client's. tlsproxy then keeps the
 * time limit of the session, and its end of our connection tells the session's. Ours of the back end stays
 * open, so that what was sent last arrives there, whatever is left unread.
 */
#ifndef TLSGATE_GATE_HANDOFF_H
#define TLSGATE_GATE_HANDOFF_H

#include "tlsgate/gate_state.h"

/* How long to wait before tlsproxy, which had no room for another client, is called again; and how often. */
enum { GATE_HANDOFF_CALL_MS = 20, GATE_HANDOFF_CALLS = 500 };

/* The client has said STARTTLS. */
enum gate_verdict gate_handoff_begin(struct gate_session *s);

/* The STARTTLS command fails, and the session continues without; in wrapper mode the session ends. */
enum gate_verdict gate_handoff_refuse(struct gate_session *s);

enum gate_verdict gate_handoff_call(struct gate_session *s);
enum gate_verdict gate_handoff_announcement(struct gate_session *s);
enum gate_verdict gate_handoff_status(struct gate_session *s);
enum gate_verdict gate_handoff_run(struct gate_session *s);
enum gate_verdict gate_handoff_ready(struct gate_session *s);
enum gate_verdict gate_handoff_context(struct gate_session *s);
enum gate_verdict gate_handoff_give(struct gate_session *s);
enum gate_verdict gate_handoff_given(struct gate_session *s);

#endif
