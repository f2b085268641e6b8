/* SPDX-License-Identifier: ISC */
/*
 * gate_sieve: ManageSieve until somebody logs in, with STARTTLS (RFC 5804).
 *
 * The capabilities, which are the greeting, the answer to CAPABILITY, and what a server says of itself when
 * TLS has begun, are edited: STARTTLS added or taken away, and no mechanism named while no password may be
 * said. All that is not CAPABILITY, STARTTLS, NOOP and LOGOUT belongs to a login.
 */
#ifndef TLSGATE_GATE_SIEVE_H
#define TLSGATE_GATE_SIEVE_H

#include "tlsgate/gate_talk.h"

extern const struct gate_protocol gate_sieve_protocol;

#endif
