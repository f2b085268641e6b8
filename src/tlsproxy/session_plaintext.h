/* SPDX-License-Identifier: ISC */
/*
 * session_plaintext: the descriptor that a caller of ours gives for the plaintext, in place of its own
 * connection. That one stays, with nothing to say; its end is the session's.
 *
 * The descriptor may come while the handshake lasts. It is not touched before that is done and reported.
 */
#ifndef TLSPROXY_SESSION_PLAINTEXT_H
#define TLSPROXY_SESSION_PLAINTEXT_H

#include <stdbool.h>

struct session;

/* The caller's offer is taken: `given` is to come. */
void session_plaintext_expect(struct session *session);

/* The caller's connection is readable. False: the session is over. */
bool session_plaintext_hear(struct session *session);

#endif
