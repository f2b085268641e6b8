/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_talk.h"

#include <string.h>

#include "tlsgate/gate_imap.h"
#include "tlsgate/gate_line.h"
#include "tlsgate/gate_pop3.h"
#include "tlsgate/gate_sieve.h"
#include "tlsgate/gate_smtp.h"
#include "util/buf.h"

static const struct gate_protocol *const protocols[] = {
	&gate_smtp_protocol,
	&gate_lmtp_protocol,
	&gate_pop3_protocol,
	&gate_imap_protocol,
	&gate_sieve_protocol,
};

const struct gate_protocol *
gate_talk_protocol(const char *name)
{
	for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
		if (gate_line_is(name, strlen(name), protocols[i]->name))
			return protocols[i];
	return NULL;
}

void
gate_talk_begin(struct gate_talk *talk, bool tls)
{
	talk->tls = tls;
	talk->awaits = GATE_AWAITS_GREETING;
	talk->commands = 0;
	talk->answered = 0;
	talk->esmtp = talk->authenticated = false;
	talk->helo[0] = 0;
}

enum gate_action
gate_talk_command(struct gate_talk *talk, const char *line, enum gate_word *word)
{
	const struct gate_protocol *protocol = talk->protocol;

	if (talk->expulsion) {
		*word = talk->expulsion;
		return GATE_ACTION_END;
	}
	if (protocol->command_limit && ++talk->commands > protocol->command_limit) {
		*word = GATE_WORD_TOO_MANY;
		return GATE_ACTION_END;
	}
	talk->answered = 0;
	talk->awaits = GATE_AWAITS_ANSWER;
	enum gate_action action = protocol->command(talk, line, word);
	if (action == GATE_ACTION_STARTTLS && talk->no_tls) {
		*word = GATE_WORD_NOT_IMPLEMENTED;
		action = GATE_ACTION_REFUSE;
	}
	if (action != GATE_ACTION_PASS)
		talk->awaits = GATE_AWAITS_NOTHING;
	return action;
}

enum gate_answer
gate_talk_answer(struct gate_talk *talk, struct buf *in, struct buf *out)
{
	size_t before = in->len;
	enum gate_answer answer = talk->protocol->answer(talk, in, out);

	talk->answered += before - in->len;
	switch (answer) {
	case GATE_ANSWER_PART:
		if (talk->answered > GATE_LINE_ANSWER_LIMIT)
			return GATE_ANSWER_MALFORMED;
		break;
	case GATE_ANSWER_MORE:
	case GATE_ANSWER_MALFORMED:
		break;
	case GATE_ANSWER_DONE:
	case GATE_ANSWER_NO:
	case GATE_ANSWER_ASKS:
	case GATE_ANSWER_ASKS_MESSAGE:
	case GATE_ANSWER_ASKS_LINE:
	case GATE_ANSWER_FAREWELL:
		talk->awaits = GATE_AWAITS_NOTHING;
		break;
	}
	return answer;
}

void
gate_talk_put(const struct gate_talk *talk, enum gate_word word, struct buf *out)
{
	const char *words = word == GATE_WORD_REFUSAL ? talk->refusal : talk->protocol->words[word];
	size_t before = strcspn(words, "%");

	buf_add(out, words, before);
	if (word == GATE_WORD_REFUSAL) {
		buf_add_str(out, words + before);
	} else if (words[before]) {
		/* A command without a tag is answered without one. */
		buf_add_str(out, talk->protocol != &gate_imap_protocol ? talk->hostname
				 : *talk->tag                          ? talk->tag
								       : "*");
		buf_add_str(out, words + before + 1);
	}
	buf_add_str(out, "\r\n");
}

const char *
gate_talk_reason(enum gate_word word)
{
	static const char *const reasons[GATE_WORDS] = {
		[GATE_WORD_LITERAL] = "literal before TLS",
		[GATE_WORD_TOO_MANY] = "Error: too many errors",
		[GATE_WORD_TIMEOUT] = "Error: timeout exceeded",
		[GATE_WORD_CROWD] = "Error: too many connections",
		[GATE_WORD_NO_CERT] = "No client certificate presented",
		[GATE_WORD_CERT_UNTRUSTED] = "Client certificate not trusted",
		[GATE_WORD_NO_BACKEND] = "Service currently unavailable",
	};

	return reasons[word];
}
