/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_peer.h"

#include <stdlib.h>

#include "mail/tlsproxy_proto.h"
#include "tlsgate/gate_received.h"
#include "util/alloc.h"
#include "util/buf.h"

void
gate_peer_set(struct gate_peer *peer, const struct tlsproxy_context *context)
{
	struct buf session = BUF_INIT;

	gate_peer_release(peer);
	peer->protocol = alloc_string(context->cipher_protocol);
	peer->cipher = alloc_string(context->cipher_name);
	gate_received_put_session(&session, context);
	peer->session = buf_detach(&session);
	peer->subject_cn = alloc_string(context->peer_CN);
	peer->issuer_cn = alloc_string(context->issuer_CN);
	peer->fingerprint = alloc_string(context->peer_fingerprint);
	peer->pkey_fingerprint = alloc_string(context->peer_pubkey_fingerprint);
	peer->has_cert = context->peer_status & TLSPROXY_PEER_PRESENT;
	peer->trusted = context->peer_status & TLSPROXY_PEER_TRUSTED;
}

void
gate_peer_release(struct gate_peer *peer)
{
	free(peer->protocol);
	free(peer->cipher);
	free(peer->session);
	free(peer->subject_cn);
	free(peer->issuer_cn);
	free(peer->fingerprint);
	free(peer->pkey_fingerprint);
	*peer = (struct gate_peer){ .protocol = NULL };
}
