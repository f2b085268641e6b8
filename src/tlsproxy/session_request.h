/* SPDX-License-Identifier: ISC */
/*
 * session_request: the states of a session until its status is known: reading the request, and judging it.
 *
 * A request is one list, or two: that of the role follows for a client role, and for a server role when the
 * caller is of Postfix 3.12. Such a caller sends both at once, so what is there behind the first list tells.
 */
#ifndef TLSPROXY_SESSION_REQUEST_H
#define TLSPROXY_SESSION_REQUEST_H

#include "tlsproxy/session_impl.h"

struct summary;

/* Once. */
void session_request_begin(struct session *session);

enum verdict session_request_receive(struct session *session);
enum verdict session_request_receive_settings(struct session *session);

/* The time for the request is up: says so. */
void session_request_expire(struct session *session);

/* After the handshake: whether the caller is to make no report of success (RFC 8460). */
bool session_request_is_reported(const struct session *session, const struct summary *summary);

/* What is left of the request once the handshake has begun, or never will. */
void session_request_release(struct session *session);

#endif
