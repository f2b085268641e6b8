/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_rules.h"

#include <string.h>

#include "tlsgate/gate_access.h"
#include "util/log.h"

/* `peer` without its port, and with the name that smtpd gives to who has none. */
static void
put_name(struct buf *to, const char *peer)
{
	const char *end = strrchr(peer, ']');

	buf_add_str(to, "unknown");
	buf_add(to, peer, end ? (size_t)(end - peer) + 1 : 0);
}

static void
decide(struct gate_session *s)
{
	struct gate_peer *peer = &s->tls_peer;
	struct buf name = BUF_INIT;

	if (!s->gate->access)
		return;
	put_name(&name, s->peer);

	const struct gate_access_client client = {
		.name = buf_str(&name),
		.tls = s->tls,
		.has_cert = peer->has_cert,
		.trusted = peer->trusted,
		.subject_cn = s->tls ? peer->subject_cn : "",
		.fingerprint = s->tls ? peer->fingerprint : "",
		.pkey_fingerprint = s->tls ? peer->pkey_fingerprint : "",
	};
	enum gate_access_verdict verdict = gate_access_decide(s->gate->access, &client, &s->refusal);

	s->certified = verdict == GATE_ACCESS_CERTIFIED;
	s->talk.refusal = verdict == GATE_ACCESS_REJECT ? buf_str(&s->refusal) : NULL;
	if (s->certified)
		log_info("certified client %s: %s", s->peer, peer->fingerprint);
	if (s->talk.refusal)
		log_info(
		    "NOQUEUE: reject: %s from %s: %s", s->tls ? "TLS" : "CONNECT", s->peer, s->talk.refusal);
	buf_release(&name);
}

void
gate_rules_begin(struct gate_session *s)
{
	if (!s->gate->wrappermode)
		decide(s);
}

/* There is nobody behind the gate any more. */
static enum gate_verdict
expel(struct gate_session *s)
{
	enum gate_word word = s->tls_peer.has_cert ? GATE_WORD_CERT_UNTRUSTED : GATE_WORD_NO_CERT;

	log_info("NOQUEUE: abort: TLS from %s: %s", s->peer, gate_talk_reason(word));
	if (!s->talk.protocol)
		return gate_state_end(s, gate_talk_reason(word));
	if (s->gate->wrappermode)
		return gate_state_goodbye(s, word);
	gate_talk_begin(&s->talk, true);
	s->talk.awaits = GATE_AWAITS_NOTHING;
	s->talk.expulsion = word;
	return gate_state_go(s, GATE_DIALOGUE);
}

enum gate_verdict
gate_rules_tls(struct gate_session *s)
{
	if (s->gate->req_ccert && !(s->tls_peer.has_cert && s->tls_peer.trusted))
		return expel(s);
	decide(s);
	s->talk.watches = s->gate->received_header;
	return gate_state_go(s, GATE_CONNECT);
}
