/* SPDX-License-Identifier: ISC */
/*
 * gate_content: what a client says between commands: the lines of a message, or one line of AUTH.
 *
 * Where it ends has one reading only: every line, whether LF came with a CR before it, none or several, goes
 * on with CRLF, so that no back end finds an end, and commands behind it, where the gate saw none. Of several
 * CR inside a line one goes on.
 *
 * A dot ends a message between two CRLF. Beside a LF alone it is text, and gets a second dot: a mail server
 * that passes on what is text to it must not have said commands to the next one (SMTP smuggling).
 */
#ifndef TLSGATE_GATE_CONTENT_H
#define TLSGATE_GATE_CONTENT_H

#include <stdbool.h>

#include "tlsgate/gate_state.h"

struct buf;

void gate_content_init(struct gate_content *content, bool one_line);

/* Takes content off `in` and appends it to `out`. True: it has ended, and what `in` holds is no content. */
bool gate_content_pass(struct gate_content *content, struct buf *in, struct buf *out);

/* The state in which it is passed, and how to get there. A message begins with a header of the gate's own. */
enum gate_verdict gate_content_begin(struct gate_session *s, bool one_line);
enum gate_verdict gate_content_run(struct gate_session *s);

#endif
