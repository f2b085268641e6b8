/* SPDX-License-Identifier: ISC */
/*
 * gate_line: lines, as every protocol of tlsgate has them.
 *
 * What passes here has one reading only: a command handed on ends in CRLF and holds no other CR, LF or zero
 * byte, so that no back end can see two commands where the gate saw one.
 */
#ifndef TLSGATE_GATE_LINE_H
#define TLSGATE_GATE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;

/* Line end included. RFC 5321 asks for 512 bytes of command line and reply line, RFC 2449 for 255 and 512,
 * RFC 5804 for 1024 of string; what fits four times 512 is tolerated. GATE_LINE_ANSWER_LIMIT: all lines of
 * one answer. */
enum { GATE_LINE_LIMIT = 2048, GATE_LINE_ANSWER_LIMIT = 16384 };

enum gate_line {
	GATE_LINE_MORE,     /* the line is not complete */
	GATE_LINE_COMMAND,  /* `line` holds it, without its end */
	GATE_LINE_TOO_LONG, /* a line was dropped */
	GATE_LINE_MALFORMED /* a line with a zero byte, or a CR inside, was dropped */
};

/* Takes a client's next line, ended by LF or CRLF, out of `in`. *skipping starts as false and belongs to this
 * function: the rest of a line that is too long is being dropped. */
enum gate_line gate_line_take(struct buf *in, bool *skipping, struct buf *line);

/* Every byte that any server might take for white space. */
static inline bool
gate_line_is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The first word, blanks before it skipped, *len bytes; *rest: what follows, leading blanks skipped. Borrowed
 * from `line`. */
const char *gate_line_word(const char *line, size_t *len, const char **rest);

/* Is `word` this one, in any case? */
bool gate_line_is(const char *word, size_t len, const char *name);

/* A back end's line: length without its end, and in *taken with it; -1: no line end there. */
ssize_t gate_line_next(const char *bytes, size_t len, size_t *taken);

/* A back end's line of a protocol with literals, "{5}" before the line end and then so many bytes: these, and
 * the line they are part of, belong to it. *taken: of all. *text: without the last line end. 1: all is there.
 * 0: not yet. -1: it is longer than GATE_LINE_ANSWER_LIMIT, or one of its lines than GATE_LINE_LIMIT. */
int gate_line_with_literals(const char *bytes, size_t len, size_t *text, size_t *taken);

/* Does a line end with the announcement of a literal, "{5}" or "{5+}"? Then *size is it. *waits: the other
 * side wants to be asked for it. */
bool gate_line_has_literal(const char *line, size_t len, size_t *size, bool *waits);

#endif
