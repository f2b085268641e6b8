/* SPDX-License-Identifier: ISC */
/*
 * gate_talk: what client and back end say to each other before the gate stops listening, in any protocol.
 *
 * A protocol is a table: it reads a client's line and says what is to become of it, and it reads what the
 * back end answers and passes it on, edited where it tells what the server can do. It moves no bytes to or
 * from a socket and keeps what it must remember in struct gate_talk, which is set up anew with each
 * connection to a back end.
 */
#ifndef TLSGATE_GATE_TALK_H
#define TLSGATE_GATE_TALK_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* What the gate itself has to say. A '%' in the words of a protocol stands for the name of the host, or the
 * tag of the command. */
enum gate_word {
	GATE_WORD_READY, /* for TLS */
	GATE_WORD_TOO_LONG,
	GATE_WORD_MALFORMED,
	GATE_WORD_ARGUMENT,        /* STARTTLS has none */
	GATE_WORD_TLS_ACTIVE,      /* STARTTLS under TLS */
	GATE_WORD_NOT_IMPLEMENTED, /* STARTTLS where there is no TLS, BDAT where it is not offered */
	GATE_WORD_UNAVAILABLE,     /* TLS, for a reason of the gate */
	GATE_WORD_ENCRYPT,         /* not in plaintext */
	GATE_WORD_AUTH,            /* no password in plaintext */
	GATE_WORD_UNKNOWN,         /* a command before TLS, passed on for lack of knowing it */
	GATE_WORD_REFUSAL,         /* what the rules say */
	GATE_WORD_XCLIENT,         /* words that the back end takes from the gate only */
	/* The session ends with: */
	GATE_WORD_LITERAL, /* what follows is no command, and there is nobody to take it */
	GATE_WORD_TOO_MANY,
	GATE_WORD_TIMEOUT,
	GATE_WORD_NO_BACKEND,
	GATE_WORD_BUSY,
	GATE_WORD_CROWD, /* of sessions from one address */
	GATE_WORD_NO_CERT,
	GATE_WORD_CERT_UNTRUSTED,
	GATE_WORDS
};

enum gate_action {
	GATE_ACTION_PASS,     /* the line goes to the back end, which will answer */
	GATE_ACTION_PASS_ALL, /* the line goes there, and all that follows, unread */
	GATE_ACTION_STARTTLS,
	GATE_ACTION_REFUSE, /* *word says why */
	GATE_ACTION_END,    /* the same, and the session ends */
};

enum gate_answer {
	GATE_ANSWER_MORE, /* nothing that could be passed on yet */
	GATE_ANSWER_PART, /* something was passed on, and more is to come */
	GATE_ANSWER_DONE,
	GATE_ANSWER_NO,           /* done; a greeting that is none */
	GATE_ANSWER_ASKS,         /* done; what the client says next is no command */
	GATE_ANSWER_ASKS_MESSAGE, /* done; a message follows, then commands again */
	GATE_ANSWER_ASKS_LINE,    /* done; a line follows, and is answered */
	GATE_ANSWER_FAREWELL,     /* done; the back end will say nothing more */
	GATE_ANSWER_MALFORMED,    /* not of this protocol, too long, or unasked */
};

/* What the back end is to say; the numbers from GATE_AWAITS_OWN are those of the protocol. */
enum { GATE_AWAITS_NOTHING, GATE_AWAITS_GREETING, GATE_AWAITS_ANSWER, GATE_AWAITS_OWN };

enum { GATE_TALK_TAG = 64, GATE_TALK_HELO = 255 };

struct gate_talk;

struct gate_protocol {
	const char *name;
	int command_limit;        /* lines before the gate stops listening; 0: none */
	bool greets_again;        /* the greeting of the new back end is for the client, after TLS began */
	const char *bye;          /* a line for the back end, when the client leaves it for another */
	const char *const *words; /* GATE_WORDS of them */

	enum gate_action (*command)(struct gate_talk *talk, const char *line, enum gate_word *word);
	/* Takes off `in` what it passes to `out`. */
	enum gate_answer (*answer)(struct gate_talk *talk, struct buf *in, struct buf *out);
};

struct gate_talk {
	const struct gate_protocol *protocol;
	const char *hostname; /* borrowed */
	bool tls;
	bool no_tls;              /* TLS is neither offered nor begun */
	bool encrypt;             /* without TLS nothing is passed but what leads there */
	bool auth_only;           /* without TLS no password is */
	bool xclient;             /* the back end obeys XCLIENT of the gate, and so of the client */
	const char *refusal;      /* by the rules, for who would send mail; NULL: none. Borrowed */
	enum gate_word expulsion; /* instead of the next answer, and the session ends; 0: none */

	bool watches; /* the gate listens to the end, and passes no bytes unread */

	int awaits;
	int resumes;        /* what is awaited behind a message or a line */
	bool esmtp;         /* EHLO has been said */
	bool authenticated; /* and AUTH taken */
	char helo[GATE_TALK_HELO + 1];
	int commands;
	size_t answered;             /* bytes of the answer so far */
	char tag[GATE_TALK_TAG + 1]; /* of the command */
};

/* NULL: none of this name. */
const struct gate_protocol *gate_talk_protocol(const char *name);

/* A new back end, whose greeting is awaited. The tag stays: STARTTLS may have to be answered yet. */
void gate_talk_begin(struct gate_talk *talk, bool tls);

/* As the functions of the protocol, with the limits that all have, and `awaits` kept. */
enum gate_action gate_talk_command(struct gate_talk *talk, const char *line, enum gate_word *word);
enum gate_answer gate_talk_answer(struct gate_talk *talk, struct buf *in, struct buf *out);

/* Appends the words of the protocol. */
void gate_talk_put(const struct gate_talk *talk, enum gate_word word, struct buf *out);

/* Why a session ends with this word, for the log. */
const char *gate_talk_reason(enum gate_word word);

/* Is the client to be told of STARTTLS? */
static inline bool
gate_talk_offers(const struct gate_talk *talk)
{
	return !talk->tls && !talk->no_tls;
}

/* Are there to be no passwords? */
static inline bool
gate_talk_hides_auth(const struct gate_talk *talk)
{
	return !talk->tls && (talk->encrypt || talk->auth_only);
}

#endif
