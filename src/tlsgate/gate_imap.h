/* SPDX-License-Identifier: ISC */
/*
 * gate_imap: IMAP until somebody logs in, with STARTTLS (RFC 3501, RFC 9051).
 *
 * What the back end says it can do, in its greeting or asked for it, is edited: STARTTLS added or taken away,
 * and LOGINDISABLED instead of AUTH=, LOGIN-REFERRALS and SASL-IR while no password may be said. LOGIN and
 * AUTHENTICATE end the listening. A back end that says PREAUTH is none: there is no STARTTLS in that state,
 * so a client could be made to go without.
 */
#ifndef TLSGATE_GATE_IMAP_H
#define TLSGATE_GATE_IMAP_H

#include "tlsgate/gate_talk.h"

extern const struct gate_protocol gate_imap_protocol;

#endif
