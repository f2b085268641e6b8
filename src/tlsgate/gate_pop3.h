/* SPDX-License-Identifier: ISC */
/*
 * gate_pop3: POP3 until somebody logs in (RFC 1939, RFC 2449), with STLS (RFC 2595).
 *
 * CAPA is answered by the back end, with STLS added or taken away, and without USER and SASL while no
 * password may be said. All that is not CAPA, STLS, NOOP, UTF8 and QUIT belongs to a login.
 */
#ifndef TLSGATE_GATE_POP3_H
#define TLSGATE_GATE_POP3_H

#include "tlsgate/gate_talk.h"

extern const struct gate_protocol gate_pop3_protocol;

#endif
