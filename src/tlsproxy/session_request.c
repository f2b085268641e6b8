/* SPDX-License-Identifier: ISC */
#include "tlsproxy/session_request.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/tlsproxy_proto.h"
#include "mail/tlsproxy_proto_client.h"
#include "mail/tlsproxy_proto_server.h"
#include "tls/context.h"
#include "tls/level.h"
#include "tls/summary.h"
#include "tlsproxy/caller_settings.h"
#include "tlsproxy/role_client.h"
#include "tlsproxy/session.h"
#include "tlsproxy/session_plaintext.h"
#include "util/alloc.h"
#include "util/log.h"
#include "util/now.h"
#include "util/text.h"

enum {
	REQUEST_LIMIT = 256 * 1024,   /* the first list; all of it is names */
	SETTINGS_LIMIT = 1024 * 1024, /* the second; it may bring trust anchors */
	PIECE = 16 * 1024,
	REQUEST_PART_S = 10,  /* a request that has begun must be complete by then */
	SESSION_GRACE_S = 10, /* added to the caller's session time */
};

#define STREAM "plaintext" /* the caller's connection, in log lines */

static int
role_of(const struct session *s)
{
	return s->flags & (TLSPROXY_SERVER | TLSPROXY_CLIENT);
}

static void
warn_request(const struct session *s, const char *why)
{
	const char *what = "request attributes";

	if (s->state == RECEIVE_SETTINGS)
		what = role_of(s) == TLSPROXY_CLIENT ? "client TLS settings" : "server TLS settings";
	log_warn("tlsp_get_request_event: receive %s: %s", what, why);
}

void
session_request_begin(struct session *s)
{
	attr_frame_init(&s->frame, REQUEST_LIMIT);
}

/* --- lists --- */

/* What came before end of file, or before the time was up, is looked at only for the words in the log. */
static void
give_up(struct session *s, const char *why)
{
	struct tlsproxy_request request;
	struct tlsproxy_client_request client;
	struct tlsproxy_server_request server;

	if (s->request.len == 0) {
		warn_request(s, why);
	} else if (s->state == RECEIVE_REQUEST) {
		if (tlsproxy_proto_get_request(s->request.bytes, s->request.len, STREAM, &request) < 0)
			warn_request(s, why);
	} else if (role_of(s) == TLSPROXY_CLIENT) {
		if (tlsproxy_proto_client_get(&client, s->request.bytes, s->request.len, STREAM) < 0)
			warn_request(s, why);
		tlsproxy_proto_client_release(&client);
	} else if (tlsproxy_proto_server_get(&server, s->request.bytes, s->request.len, STREAM) < 0) {
		warn_request(s, why);
	}
}

void
session_request_expire(struct session *s)
{
	give_up(s, strerror(ETIMEDOUT));
}

/* GO_ON: the list is complete, and its first *len bytes are it. */
static enum verdict
receive_list(struct session *s, size_t *len)
{
	bool first = s->request.len == 0 && s->state == RECEIVE_REQUEST;
	enum attr_progress progress = attr_frame_feed(&s->frame, s->request.bytes, s->request.len, len);

	if (progress == ATTR_MORE) {
		char piece[PIECE];
		ssize_t got = read(s->caller.fd, piece, sizeof piece);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return WAIT;
		if (got < 0) {
			warn_request(s, strerror(errno));
			return END;
		}
		if (got == 0) {
			give_up(s, "Application error");
			return END;
		}
		buf_add(&s->request, piece, (size_t)got);
		progress = attr_frame_feed(&s->frame, s->request.bytes, s->request.len, len);
	}
	switch (progress) {
	case ATTR_COMPLETE:
		return GO_ON;
	case ATTR_TOO_LONG:
		warn_request(s, "request too long");
		return END;
	default:
		if (first)
			s->deadline_ms = now_ms() + REQUEST_PART_S * 1000;
		return WAIT;
	}
}

/* --- the answer --- */

static enum verdict
answer(struct session *s, bool available)
{
	s->available = available;
	if (available && s->given)
		tlsproxy_proto_put_status_taken(&s->to_caller);
	else
		tlsproxy_proto_put_status(&s->to_caller, available);
	if (!available)
		session_request_release(s);
	session_enter(s, SEND_STATUS);
	return GO_ON;
}

/* Numbers travel unsigned: what looks negative here is absurd. */
static bool
take_limits(struct session *s, const struct tlsproxy_request *request)
{
	if (request->handshake_timeout_s < 0 || request->session_timeout_s < 0 ||
	    request->session_timeout_s > INT_MAX - SESSION_GRACE_S) {
		log_warn("tlsp_get_request_event: bad time limit: %u, %u",
		    (unsigned int)request->handshake_timeout_s, (unsigned int)request->session_timeout_s);
		return false;
	}
	s->handshake_timeout_s = request->handshake_timeout_s;
	s->session_timeout_s = request->session_timeout_s;
	/* A caller that does not see the plaintext leaves its time limit to us. */
	if (!s->given)
		s->session_timeout_s += SESSION_GRACE_S;
	return true;
}

static bool
role_is_there(const struct session *s)
{
	if (role_of(s) == TLSPROXY_SERVER)
		return s->shared->server != NULL;
	return s->shared->client != NULL;
}

/* The request is well-formed. Either it is answered now, or its second list is awaited. */
static enum verdict
judge(struct session *s, const struct tlsproxy_request *request, size_t len, bool more_than_wanted)
{
	int role = role_of(s);

	if (role != TLSPROXY_SERVER && role != TLSPROXY_CLIENT) {
		log_info("CONNECT %s %s", role & TLSPROXY_SERVER ? "from" : "(bogus_direction)", s->endpoint);
		log_warn("tlsp_get_request_event: bad request flags: 0x%x", (unsigned int)s->flags);
		return answer(s, false);
	}
	log_info("CONNECT %s %s", role == TLSPROXY_SERVER ? "from" : "to", s->endpoint);
	if (!role_is_there(s)) {
		if (role == TLSPROXY_CLIENT)
			log_warn("TLS client role is disabled by configuration");
		return answer(s, false);
	}
	if (s->flags & TLSPROXY_PROBE) {
		s->probe = true;
		return answer(s, true);
	}
	buf_consume(&s->request, len);
	bool last = role == TLSPROXY_SERVER && s->request.len == 0;
	if (last && request->offers_plaintext)
		session_plaintext_expect(s);
	if (!take_limits(s, request))
		return answer(s, false);

	attr_frame_init(&s->frame, SETTINGS_LIMIT);
	if (last) {
		s->context = context_ref(s->shared->server);
		return answer(s, true);
	}

	/* One request, one time limit, however many lists: it runs already if the first came in pieces. */
	int64_t deadline_ms = now_ms() + REQUEST_PART_S * 1000;
	if (s->deadline_ms < deadline_ms)
		deadline_ms = s->deadline_ms;
	session_enter(s, RECEIVE_SETTINGS);
	s->deadline_ms = deadline_ms;
	if (more_than_wanted) {
		warn_request(s, "malformed request");
		return END;
	}
	return GO_ON;
}

enum verdict
session_request_receive(struct session *s)
{
	struct tlsproxy_request request = { 0 };
	size_t len;
	enum verdict verdict = receive_list(s, &len);

	if (verdict != GO_ON)
		return verdict;

	int result = tlsproxy_proto_get_request(s->request.bytes, len, STREAM, &request);
	if (result < 0) {
		warn_request(s, "malformed request");
		return END;
	}
	s->endpoint = text_printable(alloc_string(request.remote_endpoint));
	s->serverid = alloc_string(request.serverid);
	s->flags = request.flags;
	return judge(s, &request, len, result > 0);
}

static void
note_report(struct session_report *report, const struct tlsproxy_client_start *start)
{
	const struct tlsproxy_tlsrpt *tlsrpt = &start->tlsrpt;

	if (tlsrpt->present == TLSPROXY_SHAPE_ABSENT || tlsrpt->present == 0)
		return;
	*report = (struct session_report){
		.wanted = true,
		.done = tlsrpt->flags & TLSPROXY_TLSRPT_REPORTED,
		.skip_reused = tlsrpt->skip_reused_hs != 0,
		.level = start->tls_level,
	};
}

/* Failures are not reported from here. Where Postfix's would have done so, its caller must not take the
 * session for a success. */
bool
session_request_is_reported(const struct session *s, const struct summary *summary)
{
	const struct session_report *report = &s->report;
	bool trusted = !level_must_match(report->level) || (summary->peer_status & SUMMARY_MATCHED);

	return report->wanted &&
	       (report->done || !trusted || (report->skip_reused && summary->session_reused));
}

static enum verdict
take_client_settings(struct session *s, size_t len)
{
	s->client = alloc_zero(sizeof *s->client);
	if (tlsproxy_proto_client_get(s->client, s->request.bytes, len, STREAM) < 0) {
		warn_request(s, "malformed request");
		return END;
	}
	s->shape = tlsproxy_proto_client_shape(s->client);
	s->trace_size_limit = s->client->start.trace_size_limit;
	note_report(&s->report, &s->client->start);
	s->context = role_client_context(s->shared->client, s->client);
	return answer(s, s->context != NULL);
}

/* The label and the name in the log are the session's, not those of the first list. */
static enum verdict
take_server_settings(struct session *s, size_t len)
{
	struct tlsproxy_server_request request;

	if (tlsproxy_proto_server_get(&request, s->request.bytes, len, STREAM) < 0) {
		warn_request(s, "malformed request");
		return END;
	}
	free(s->serverid);
	s->serverid = alloc_string(request.start.serverid);
	s->namaddr = alloc_string(request.start.namaddr);
	s->shape = TLSPROXY_CONTEXT_3_12;
	s->trace_size_limit = request.start.trace_size_limit;
	s->context = caller_settings_context(s->shared->caller, &request, s->shared->server);
	buf_release(&s->request);
	return answer(s, s->context != NULL);
}

enum verdict
session_request_receive_settings(struct session *s)
{
	size_t len;
	enum verdict verdict = receive_list(s, &len);

	if (verdict != GO_ON)
		return verdict;
	return role_of(s) == TLSPROXY_CLIENT ? take_client_settings(s, len) : take_server_settings(s, len);
}

void
session_request_release(struct session *s)
{
	if (s->client) {
		tlsproxy_proto_client_release(s->client);
		free(s->client);
		s->client = NULL;
	}
	context_unref(s->context);
	s->context = NULL;
	buf_release(&s->request);
}
