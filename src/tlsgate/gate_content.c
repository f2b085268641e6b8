/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_content.h"

#include "tlsgate/gate_backend.h"
#include "tlsgate/gate_received.h"
#include "util/buf.h"

void
gate_content_init(struct gate_content *content, bool one_line)
{
	*content = (struct gate_content){ .one_line = one_line, .line = GATE_CONTENT_EMPTY };
}

/* Bytes up to a CR or LF. */
static size_t
run_length(const char *bytes, size_t len)
{
	size_t n = 0;

	while (n < len && bytes[n] != '\r' && bytes[n] != '\n')
		n++;
	return n;
}

/* Part of a line without its end. */
static void
add_text(struct gate_content *content, const char *bytes, size_t len, struct buf *out)
{
	bool dot = content->line == GATE_CONTENT_EMPTY && len == 1 && *bytes == '.';

	content->line = dot ? GATE_CONTENT_DOT : GATE_CONTENT_TEXT;
	buf_add(out, bytes, len);
}

/* True: that line was the last. */
static bool
end_line(struct gate_content *content, struct buf *out)
{
	bool dot = !content->one_line && content->line == GATE_CONTENT_DOT;
	bool bare = !content->cr;
	bool last = content->one_line || (dot && !bare && !content->after_bare);

	/* A dot that is no end becomes one of the text (RFC 5321 section 4.5.2). */
	if (dot && !last)
		buf_add_byte(out, '.');
	content->line = GATE_CONTENT_EMPTY;
	content->cr = false;
	content->after_bare = bare;
	buf_add_str(out, "\r\n");
	return last;
}

bool
gate_content_pass(struct gate_content *content, struct buf *in, struct buf *out)
{
	const char *bytes = buf_str(in);
	size_t at = 0;
	bool ended = false;

	while (at < in->len && !ended) {
		if (bytes[at] == '\n') {
			ended = end_line(content, out);
			at++;
			continue;
		}
		/* smtpd drops as many CR as there are before LF: ".\r\r\n" ends a message. */
		if (bytes[at] == '\r') {
			content->cr = true;
			at++;
			continue;
		}
		/* CR that end no line are text. */
		if (content->cr) {
			add_text(content, "\r", 1, out);
			content->cr = false;
		}
		size_t len = run_length(bytes + at, in->len - at);
		add_text(content, bytes + at, len, out);
		at += len;
	}
	buf_consume(in, at);
	return ended;
}

/* --- the state --- */

enum gate_verdict
gate_content_begin(struct gate_session *s, bool one_line)
{
	const struct gate_talk *talk = &s->talk;
	const struct gate_received received = {
		.helo = talk->helo,
		.peer = s->peer,
		.hostname = s->gate->hostname,
		.with = !talk->esmtp          ? "SMTP"
			: talk->authenticated ? "ESMTPSA"
					      : "ESMTPS",
		.ask_ccert = s->gate->ask_ccert,
		.tls_peer = &s->tls_peer,
	};

	gate_content_init(&s->content, one_line);
	if (!one_line)
		gate_received_put(&s->backend.out, &received);
	return gate_state_go(s, GATE_CONTENT);
}

enum gate_verdict
gate_content_run(struct gate_session *s)
{
	if (s->client.broken)
		return gate_state_end(s, "lost connection");
	if (s->timed_out)
		return gate_state_goodbye(s, GATE_WORD_TIMEOUT);
	if (s->backend.broken) {
		gate_state_warn(s, "back end %s: lost connection", gate_backend_name(gate_state_backend(s)));
		return gate_state_goodbye(s, GATE_WORD_NO_BACKEND);
	}
	if (s->backend.out.len >= GATE_SIDE_ROOM)
		return GATE_WAIT;
	if (s->client.in.len == 0)
		return s->client.eof ? gate_state_end(s, "lost connection") : GATE_WAIT;
	s->progress = true;
	if (!gate_content_pass(&s->content, &s->client.in, &s->backend.out))
		return GATE_GO_ON;
	s->talk.awaits = s->talk.resumes;
	return gate_state_go(s, GATE_DIALOGUE);
}
