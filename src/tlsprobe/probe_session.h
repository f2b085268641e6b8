/* SPDX-License-Identifier: ISC */
/*
 * probe_session: one conversation with one server, as far as the client would go before the first message.
 *
 * Greeting, EHLO or LHLO, STARTTLS and the handshake if the policy wants them, EHLO once more, QUIT. Nothing
 * else is ever said: no mail, no names of users, no secrets.
 */
#ifndef TLSPROBE_PROBE_SESSION_H
#define TLSPROBE_PROBE_SESSION_H

#include <stdbool.h>

#include "tls/summary.h"
#include "tlspolicy/policy_words.h"
#include "util/buf.h"

struct context;
struct probe_tls;

/* What was seen. Strings are owned; NULL: it did not come to that. */
struct probe_session {
	bool connected;
	char *greeting;             /* the first reply */
	struct policy_words offers; /* before TLS */
	bool offers_starttls;
	bool discards_starttls; /* main.cf has it overlooked */
	bool has_tls;
	struct summary summary; /* with TLS */
	struct buf proxy_reply; /* with a tlsproxy: where the strings of `summary` are */
	struct policy_words offers_in_tls;
	char *dsn, *reason; /* why there would be no delivery over this connection; NULL: there would be */
};

/* All borrowed. */
struct probe_session_input {
	struct probe_tls *tls;   /* `helo` is set here while the session lasts */
	struct context *context; /* NULL: TLS is not possible */
	const char *proxy;       /* path of a tlsproxy that shall do TLS; NULL: it is done here */
	int port;
	int timeout_s; /* of each step */
};

/* What the engine says is logged. Released by the caller. */
void probe_session_run(struct probe_session *session, const struct probe_session_input *input);
void probe_session_release(struct probe_session *session);

#endif
