/* SPDX-License-Identifier: ISC */
#include "tlsproxy/result.h"

#include "mail/attr.h"
#include "tls/summary.h"

static void
put_str(struct buf *to, const char *name, const char *value)
{
	attr_put_str(to, name, value ? value : "");
}

void
result_put(struct buf *to, const struct summary *summary, enum tlsproxy_context_shape shape, bool is_reported,
    int trace_size_limit)
{
	const struct summary_signature *clnt = &summary->clnt_signature;
	const struct summary_signature *srvr = &summary->srvr_signature;

	put_str(to, "peer_CN", summary->peer_CN);
	put_str(to, "issuer_CN", summary->issuer_CN);
	put_str(to, "peer_fingerprint", summary->peer_fingerprint);
	put_str(to, "peer_pubkey_fingerprint", summary->peer_pubkey_fingerprint);
	attr_put_int(to, "level", summary->level);
	attr_put_int(to, "peer_status", summary->peer_status);
	put_str(to, "cipher_protocol", summary->protocol);
	put_str(to, "cipher_name", summary->cipher_name);
	attr_put_int(to, "cipher_usebits", summary->cipher_usebits);
	attr_put_int(to, "cipher_algbits", summary->cipher_algbits);
	put_str(to, "key_exchange", summary->key_exchange);
	put_str(to, "key_exchange_curve", summary->key_exchange_curve);
	attr_put_int(to, "key_exchange_bits", summary->key_exchange_bits);
	if (shape >= TLSPROXY_CONTEXT_3_9) {
		attr_put_int(to, "ctos_rpk", summary->ctos_rpk);
		attr_put_int(to, "stoc_rpk", summary->stoc_rpk);
	}
	put_str(to, "clnt_signature", clnt->name);
	put_str(to, "clnt_signature_curve", clnt->curve);
	attr_put_int(to, "clnt_signature_bits", clnt->bits);
	put_str(to, "clnt_signature_digest", clnt->digest);
	put_str(to, "srvr_signature", srvr->name);
	put_str(to, "srvr_signature_curve", srvr->curve);
	attr_put_int(to, "srvr_signature_bits", srvr->bits);
	put_str(to, "srvr_signature_digest", srvr->digest);
	put_str(to, "namaddr", summary->namaddr);
	if (shape >= TLSPROXY_CONTEXT_3_10)
		attr_put_int(to, "rpt_reported", is_reported);
	/* Nothing is traced here. */
	if (shape >= TLSPROXY_CONTEXT_3_12)
		attr_put_int(to, "trace_size_limit", trace_size_limit);
	attr_put_end(to);
}
