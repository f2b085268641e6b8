/* SPDX-License-Identifier: ISC */
/*
 * gate_smtp: SMTP and LMTP until a message or a password comes, with STARTTLS (RFC 5321, RFC 2033, RFC 3207).
 *
 * BDAT, and MAIL under TLS, end the listening, and so does a reply that asks for more. Without TLS, when it
 * is asked for, only NOOP, EHLO (LHLO), HELO, HELP, STARTTLS and QUIT are passed (RFC 3207; Postfix), or all
 * but AUTH. Where the gate is to listen to the end, BDAT is not offered, and DATA and AUTH say where commands
 * begin again.
 */
#ifndef TLSGATE_GATE_SMTP_H
#define TLSGATE_GATE_SMTP_H

#include <stdbool.h>
#include <stddef.h>

#include "tlsgate/gate_line.h"
#include "tlsgate/gate_talk.h"

extern const struct gate_protocol gate_smtp_protocol, gate_lmtp_protocol;

enum gate_smtp_verb {
	GATE_SMTP_OTHER,
	GATE_SMTP_EHLO, /* or LHLO */
	GATE_SMTP_HELO,
	GATE_SMTP_HARMLESS, /* HELP, NOOP: pass at any time, as those above */
	GATE_SMTP_QUIT,
	GATE_SMTP_AUTH,
	GATE_SMTP_STARTTLS,
	GATE_SMTP_MAIL,
	GATE_SMTP_RSET,
	GATE_SMTP_DATA,
	GATE_SMTP_BDAT,
	GATE_SMTP_XCLIENT,
	GATE_SMTP_XFORWARD,
	GATE_SMTP_KNOWN, /* any other command of a mail server */
};

/* *arguments: what follows the verb, leading blanks skipped; borrowed from `line`. */
enum gate_smtp_verb gate_smtp_verb(const char *line, const char **arguments);

enum gate_smtp_reply {
	GATE_SMTP_REPLY_MORE,
	GATE_SMTP_REPLY_COMPLETE,
	GATE_SMTP_REPLY_MALFORMED, /* not a reply, or longer than allowed */
};

/* Is there a whole reply, of one or more lines, at the beginning of `in`? Then *len bytes are it, *code its
 * code. */
enum gate_smtp_reply gate_smtp_find_reply(const struct buf *in, size_t *len, int *code);

/* Appends a whole reply with every line ended by CRLF. */
void gate_smtp_put_reply(struct buf *to, const char *reply, size_t len);

enum gate_smtp_edit {
	GATE_SMTP_OFFER = 1,
	GATE_SMTP_HIDE_AUTH = 2,
	GATE_SMTP_HIDE_XCLIENT = 4,
	GATE_SMTP_HIDE_CHUNKING = 8
};

/* The same for a positive reply to EHLO, without the STARTTLS the back end may have offered; with one of the
 * gate's own (GATE_SMTP_OFFER), without AUTH (GATE_SMTP_HIDE_AUTH), without XCLIENT and XFORWARD
 * (GATE_SMTP_HIDE_XCLIENT), and without CHUNKING and BINARYMIME (GATE_SMTP_HIDE_CHUNKING). */
void gate_smtp_put_ehlo_reply(struct buf *to, const char *reply, size_t len, int edit);

#endif
