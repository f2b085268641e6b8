/* SPDX-License-Identifier: ISC */
/*
 * gate_smtp: command lines and replies of SMTP, as far as tlsgate must understand them.
 *
 * What passes here has one reading only: a command handed on ends in CRLF and holds no other CR, LF or zero
 * byte, so that no back end can see two commands where the gate saw one.
 */
#ifndef TLSGATE_GATE_SMTP_H
#define TLSGATE_GATE_SMTP_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* RFC 5321 asks for 512 bytes of command line and reply line; four times that is tolerated, line end
 * included. */
enum { GATE_SMTP_LINE_LIMIT = 2048, GATE_SMTP_REPLY_LIMIT = 16384 };

enum gate_smtp_line {
	GATE_SMTP_MORE,     /* the line is not complete */
	GATE_SMTP_COMMAND,  /* `line` holds it, without its end */
	GATE_SMTP_TOO_LONG, /* a line was dropped */
	GATE_SMTP_MALFORMED /* a line with a zero byte, or a CR inside, was dropped */
};

/* Takes the next line, ended by LF or CRLF, out of `in`. *skipping starts as false and belongs to this
 * function: the rest of a line that is too long is being dropped. */
enum gate_smtp_line gate_smtp_take_line(struct buf *in, bool *skipping, struct buf *line);

enum gate_smtp_verb {
	GATE_SMTP_OTHER,
	GATE_SMTP_EHLO,
	GATE_SMTP_STARTTLS,
	GATE_SMTP_MAIL,
	GATE_SMTP_BDAT,
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

/* The same for a positive reply to EHLO, without the STARTTLS the back end may have offered, and with one of
 * the gate's own if `offer`. */
void gate_smtp_put_ehlo_reply(struct buf *to, const char *reply, size_t len, bool offer);

#endif
