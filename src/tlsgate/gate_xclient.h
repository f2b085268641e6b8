/* SPDX-License-Identifier: ISC */
/*
 * gate_xclient: tells a back end of the client with XCLIENT, before the client hears its greeting.
 *
 * The back end is asked what it takes with EHLO, and begins anew with another greeting. One that does not
 * take the client's address is none: it would go by the address of the gate, which it trusts.
 */
#ifndef TLSGATE_GATE_XCLIENT_H
#define TLSGATE_GATE_XCLIENT_H

#include <stddef.h>

#include "tlsgate/gate_state.h"

struct buf;

/* Attributes, as bits; what a client says itself (HELO, PROTO) reaches the back end without. */
enum gate_xclient {
	GATE_XCLIENT_NAME = 1,
	GATE_XCLIENT_REVERSE_NAME = 2,
	GATE_XCLIENT_ADDR = 4,
	GATE_XCLIENT_PORT = 8,
	GATE_XCLIENT_DESTADDR = 16,
	GATE_XCLIENT_DESTPORT = 32,
	GATE_XCLIENT_LOGIN = 64,
};

/* What a whole reply to EHLO offers, or-ed. */
int gate_xclient_offers(const char *reply, size_t len);

/* Appends the command with what is offered and known. `login`: NULL, or who the client is. */
void gate_xclient_put(struct buf *to, int offered, const struct gate_proxy2_ends *ends, const char *login);

/* Side `next` has said its greeting: asks what it takes. */
enum gate_verdict gate_xclient_begin(struct gate_session *s);

enum gate_verdict gate_xclient_run(struct gate_session *s);

#endif
