/* SPDX-License-Identifier: ISC */
#include "tlsprobe/probe_session.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tls/level.h"
#include "tlspolicy/policy_result.h"
#include "tlsprobe/probe_plan.h"
#include "tlsprobe/probe_proxy.h"
#include "tlsprobe/probe_reply.h"
#include "tlsprobe/probe_settings.h"
#include "tlsprobe/probe_tls.h"
#include "tlsprobe/probe_wire.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

enum { OFFER_LIMIT = 100 };

struct talk {
	struct probe_session *session;
	const struct probe_session_input *input;
	struct probe_wire wire;
	struct probe_reply reply;
	bool is_over; /* nothing more can be said */
};

/* --- verdicts --- */

/* There is no delivery; what was said first counts. Takes `reason`. */
static int
fail(struct talk *talk, const char *dsn, char *reason)
{
	struct probe_session *session = talk->session;

	if (session->dsn) {
		free(reason);
		return -1;
	}
	session->dsn = alloc_string(dsn);
	session->reason = reason;
	return -1;
}

static const char *
namaddr_of(const struct talk *talk)
{
	return talk->input->tls->namaddr;
}

/* The server's own, or what its code comes to. Freed by the caller. */
static char *
dsn_of(const struct probe_reply *reply)
{
	const char *text = buf_str(&reply->text);
	size_t len = strspn(text, "0123456789.");

	if (len >= 5 && (text[0] == '4' || text[0] == '5') && text[1] == '.' &&
	    strchr(text + 2, '.') < text + len && text[len - 1] != '.' && text[len] == ' ')
		return alloc_string_n(text, len);
	return alloc_string(reply->code >= 500 ? "5.0.0" : "4.0.0");
}

static int
fail_refused(struct talk *talk)
{
	char *line = probe_reply_line(&talk->reply), *dsn = dsn_of(&talk->reply);

	fail(talk, dsn, alloc_printf("host %s refused to talk to me: %s", namaddr_of(talk), line));
	free(dsn);
	free(line);
	return -1;
}

/* --- commands --- */

/* 0: there is a reply. */
static int
ask(struct talk *talk, const char *command, const char *doing)
{
	enum probe_wire_result result = probe_wire_ask(&talk->wire, command, &talk->reply);

	talk->is_over = result != PROBE_WIRE_DONE;
	switch (result) {
	case PROBE_WIRE_DONE:
		return 0;
	case PROBE_WIRE_LATE:
		return fail(talk, "4.4.2",
		    alloc_printf("conversation with %s timed out while %s", namaddr_of(talk), doing));
	case PROBE_WIRE_LOST:
		return fail(
		    talk, "4.4.2", alloc_printf("lost connection with %s while %s", namaddr_of(talk), doing));
	case PROBE_WIRE_ODD:
		break;
	}
	return fail(
	    talk, "4.5.0", alloc_printf("%s does not speak the protocol while %s", namaddr_of(talk), doing));
}

static bool
is_positive(const struct talk *talk)
{
	return talk->reply.code / 100 == 2;
}

static void
note_offers(struct talk *talk, struct policy_words *offers)
{
	const char *offer = NULL;
	size_t len;

	while (offers->count < OFFER_LIMIT &&
	       (offer = probe_reply_next_offer(&talk->reply, offer, &len)) != NULL)
		policy_words_take(offers, alloc_string_n(offer, len));
}

static bool
is_discarded(const struct talk *talk, const char *keyword)
{
	const char *list = talk->input->tls->settings->discard_ehlo_keywords, *word;
	size_t len;

	while ((word = text_token(&list, TEXT_LIST_SEPARATORS, &len)) != NULL)
		if (len == strlen(keyword) && strncasecmp(word, keyword, len) == 0)
			return true;
	return false;
}

/* 1: the server takes the command, 0: it is one of those that know HELO only, -1: it is over. */
static int
say_hello(struct talk *talk)
{
	const struct probe_settings *settings = talk->input->tls->settings;
	bool lmtp = strcmp(settings->policy.client, "lmtp") == 0;
	const char *doing = lmtp ? "performing the LHLO handshake" : "performing the EHLO handshake";
	char *command = alloc_printf("%s %s", lmtp ? "LHLO" : "EHLO", settings->helo_name);
	int result = ask(talk, command, doing);

	free(command);
	if (result < 0)
		return -1;
	if (is_positive(talk))
		return 1;
	if (lmtp || talk->reply.code / 100 != 5)
		return fail_refused(talk);
	command = alloc_printf("HELO %s", settings->helo_name);
	result = ask(talk, command, "performing the HELO handshake");
	free(command);
	if (result == 0 && !is_positive(talk))
		return fail_refused(talk);
	return result;
}

/* --- steps; each returns 0, or -1 when the conversation is over --- */

static int
connect_to(struct talk *talk)
{
	const struct probe_tls *tls = talk->input->tls;
	struct err err = { 0 };

	talk->is_over = true;
	if (probe_wire_connect(&talk->wire, tls->server, talk->input->port, tls->settings, &err) < 0)
		return fail(talk, "4.4.1", alloc_printf("connect to %s: %s", tls->namaddr, err.text));
	talk->is_over = false;
	talk->session->connected = true;
	return 0;
}

static int
greet(struct talk *talk)
{
	if (ask(talk, NULL, "receiving the initial server greeting") < 0)
		return -1;
	talk->session->greeting = probe_reply_line(&talk->reply);
	return is_positive(talk) ? 0 : fail_refused(talk);
}

static int
take_features(struct talk *talk)
{
	struct probe_session *session = talk->session;
	int answer = say_hello(talk);

	if (answer < 0)
		return -1;
	if (answer > 0) {
		note_offers(talk, &session->offers);
		session->offers_starttls = probe_reply_offers(&talk->reply, "STARTTLS");
		session->discards_starttls = session->offers_starttls && is_discarded(talk, "STARTTLS");
	}
	return 0;
}

static bool
can_tls(const struct talk *talk)
{
	return talk->input->context || talk->input->proxy;
}

static int
handshake(struct talk *talk)
{
	struct probe_tls *tls = talk->input->tls;
	struct probe_session *session = talk->session;
	char *name = probe_reply_name(&talk->reply);
	int result = -1;

	if (!can_tls(talk)) {
		free(name);
		return fail(
		    talk, "4.7.5", alloc_string("TLS is required, but our TLS engine is unavailable"));
	}
	tls->helo = name;
	result = talk->input->proxy
		     ? probe_proxy_start(tls, talk->input->proxy, talk->input->port, &talk->wire,
			   &session->proxy_reply, &session->summary)
		     : probe_tls_start(tls, talk->input->context, &talk->wire, &session->summary);
	tls->helo = NULL;
	free(name);
	talk->is_over = result < 0;
	if (result < 0)
		return fail(talk, "4.7.5", alloc_string("Cannot start TLS: handshake failure"));
	session->has_tls = true;
	if (level_must_match(session->summary.level) && !(session->summary.peer_status & SUMMARY_MATCHED))
		fail(talk, "4.7.5", alloc_string("Server certificate not verified"));
	return 0;
}

/* Plaintext is good enough, or it is not. */
static int
do_without(struct talk *talk, const char *dsn, char *reason)
{
	if (talk->input->tls->policy->level > LEVEL_MAY)
		return fail(talk, dsn, reason);
	log_info("%s", reason);
	free(reason);
	return 0;
}

static int
refused_starttls(struct talk *talk)
{
	char *line = probe_reply_line(&talk->reply);
	char *reason = talk->input->tls->policy->level > LEVEL_MAY
			   ? alloc_printf("TLS is required, but host %s refused to start TLS: %s",
				 namaddr_of(talk), line)
			   : alloc_printf("host %s refused to start TLS: %s", namaddr_of(talk), line);
	char *dsn = dsn_of(&talk->reply);
	int result = do_without(talk, dsn, reason);

	free(dsn);
	free(line);
	return result;
}

static int
start_tls(struct talk *talk)
{
	const struct probe_session *session = talk->session;
	int level = talk->input->tls->policy->level;
	struct probe_reply ehlo = talk->reply;
	int result;

	if (level < LEVEL_MAY) {
		if (session->offers_starttls && talk->input->tls->settings->policy.tls_note_starttls_offer)
			log_info("Host offered STARTTLS: [%s]", talk->input->tls->server->host);
		return 0;
	}
	if (!session->offers_starttls || session->discards_starttls)
		return level == LEVEL_MAY
			   ? 0
			   : fail(talk, "4.7.4",
				 alloc_printf(
				     "TLS is required, but was not offered by host %s", namaddr_of(talk)));
	if (!can_tls(talk))
		return level == LEVEL_MAY
			   ? 0
			   : fail(talk, "4.7.5",
				 alloc_string("TLS is required, but our TLS engine is unavailable"));
	/* The server's name for itself is that of its EHLO reply. */
	talk->reply = (struct probe_reply){ 0 };
	result = ask(talk, "STARTTLS", "performing the STARTTLS handshake");
	if (result == 0 && !is_positive(talk)) {
		result = refused_starttls(talk);
		probe_reply_release(&ehlo);
		return result;
	}
	probe_reply_release(&talk->reply);
	talk->reply = ehlo;
	return result < 0 ? -1 : handshake(talk);
}

/* A certificate that is not good enough ends the session there. */
static int
say_hello_in_tls(struct talk *talk)
{
	if (!talk->session->has_tls || talk->session->dsn ||
	    talk->input->tls->settings->policy.tls_wrappermode)
		return 0;
	if (say_hello(talk) < 0)
		return -1;
	note_offers(talk, &talk->session->offers_in_tls);
	return 0;
}

/* The last reply brings TLS 1.3's sessions along; whatever else it is does not matter. */
static void
quit(struct talk *talk)
{
	if (!talk->is_over && probe_wire_ask(&talk->wire, "QUIT", &talk->reply) != PROBE_WIRE_DONE) {
		/* Nothing would be lost by it. */
	}
}

void
probe_session_run(struct probe_session *session, const struct probe_session_input *input)
{
	struct talk talk = {
		.session = session,
		.input = input,
		.wire = PROBE_WIRE_INIT(input->timeout_s),
	};
	bool wrapper = input->tls->settings->policy.tls_wrappermode;

	*session = (struct probe_session){ 0 };
	if (connect_to(&talk) == 0 && (!wrapper || handshake(&talk) == 0) && greet(&talk) == 0 &&
	    take_features(&talk) == 0 && (wrapper || start_tls(&talk) == 0) && say_hello_in_tls(&talk) == 0) {
		/* All was said. */
	}
	quit(&talk);
	probe_wire_close(&talk.wire);
	probe_reply_release(&talk.reply);
}

void
probe_session_release(struct probe_session *session)
{
	free(session->greeting);
	policy_words_release(&session->offers);
	policy_words_release(&session->offers_in_tls);
	if (session->has_tls)
		summary_release(&session->summary);
	buf_release(&session->proxy_reply);
	free(session->dsn);
	free(session->reason);
	*session = (struct probe_session){ 0 };
}
