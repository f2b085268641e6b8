/* SPDX-License-Identifier: ISC */
#include "mail/tlsproxy_proto.h"

#include <stdbool.h>
#include <string.h>

#include "mail/attr.h"
#include "util/buf.h"

#define PLAINTEXT "plaintext_descriptor" /* offered, and taken */

static bool
is_next(const struct attr_scan *scan, const char *name)
{
	const char *next = attr_scan_peek(scan);

	return next && strcmp(next, name) == 0;
}

void
tlsproxy_proto_put_announcement(struct buf *to)
{
	attr_put_str(to, "protocol", TLSPROXY_PROTOCOL);
	attr_put_end(to);
}

void
tlsproxy_proto_put_request(struct buf *to, const struct tlsproxy_request *request)
{
	attr_put_str(to, "remote_endpoint", request->remote_endpoint);
	attr_put_int(to, "flags", request->flags);
	attr_put_int(to, "timeout", request->handshake_timeout_s);
	attr_put_int(to, "timeout", request->session_timeout_s);
	attr_put_str(to, "serverid", request->serverid);
	if (request->offers_plaintext)
		attr_put_int(to, PLAINTEXT, request->offers_plaintext);
	attr_put_end(to);
}

void
tlsproxy_proto_put_status(struct buf *to, int available)
{
	attr_put_int(to, "status", available);
	attr_put_end(to);
}

void
tlsproxy_proto_put_status_taken(struct buf *to)
{
	attr_put_int(to, "status", 1);
	attr_put_int(to, PLAINTEXT, 1);
	attr_put_end(to);
}

int
tlsproxy_proto_get_announcement(const void *list, size_t len, const char *stream)
{
	struct attr_scan scan;

	attr_scan_init(&scan, list, len, ATTR_FLAG_STRICT, stream);
	int match = attr_scan_match(&scan, "protocol", TLSPROXY_PROTOCOL);
	return attr_scan_end(&scan) < 0 || match < 0 ? -1 : 0;
}

int
tlsproxy_proto_get_request(const void *list, size_t len, const char *stream, struct tlsproxy_request *request)
{
	struct attr_scan scan;

	attr_scan_init(&scan, list, len, ATTR_FLAG_STRICT, stream);
	attr_scan_str(&scan, "remote_endpoint", &request->remote_endpoint);
	attr_scan_int(&scan, "flags", &request->flags);
	attr_scan_int(&scan, "timeout", &request->handshake_timeout_s);
	attr_scan_int(&scan, "timeout", &request->session_timeout_s);
	attr_scan_str(&scan, "serverid", &request->serverid);
	request->offers_plaintext = 0;
	int own = is_next(&scan, PLAINTEXT) ? attr_scan_int(&scan, PLAINTEXT, &request->offers_plaintext) : 0;

	bool more = attr_scan_peek(&scan) != NULL;
	if (own < 0 || attr_scan_end(&scan) != 5 + own)
		return -1;
	return more ? 1 : 0;
}

int
tlsproxy_proto_get_status(const void *list, size_t len, const char *stream, int *available, int *taken)
{
	struct attr_scan scan;

	*taken = 0;

	attr_scan_init(&scan, list, len, ATTR_FLAG_STRICT, stream);
	attr_scan_int(&scan, "status", available);
	int own = is_next(&scan, PLAINTEXT) ? attr_scan_int(&scan, PLAINTEXT, taken) : 0;
	return own >= 0 && attr_scan_end(&scan) == 1 + own ? 0 : -1;
}

/* The attributes are PREFIX, PREFIX_curve and so on. */
static void
get_signature(struct attr_scan *scan, const char *const names[4], struct tlsproxy_signature *signature)
{
	attr_scan_str(scan, names[0], &signature->name);
	attr_scan_str(scan, names[1], &signature->curve);
	attr_scan_int(scan, names[2], &signature->bits);
	attr_scan_str(scan, names[3], &signature->digest);
}

/* How many attributes of a whole list that is. */
static int
get_details(struct attr_scan *scan, struct tlsproxy_context *context)
{
	static const char *const client[] = { "clnt_signature", "clnt_signature_curve", "clnt_signature_bits",
		"clnt_signature_digest" };
	static const char *const server[] = { "srvr_signature", "srvr_signature_curve", "srvr_signature_bits",
		"srvr_signature_digest" };
	int rpk, wanted = 21;

	attr_scan_int(scan, "cipher_usebits", &context->cipher_usebits);
	attr_scan_int(scan, "cipher_algbits", &context->cipher_algbits);
	attr_scan_str(scan, "key_exchange", &context->key_exchange);
	attr_scan_str(scan, "key_exchange_curve", &context->key_exchange_curve);
	attr_scan_int(scan, "key_exchange_bits", &context->key_exchange_bits);
	/* Since 3.9. */
	const char *next = attr_scan_peek(scan);
	if (next && strcmp(next, "ctos_rpk") == 0) {
		attr_scan_int(scan, "ctos_rpk", &rpk);
		attr_scan_int(scan, "stoc_rpk", &rpk);
		wanted += 2;
	}
	get_signature(scan, client, &context->client_signature);
	get_signature(scan, server, &context->server_signature);
	return wanted;
}

int
tlsproxy_proto_get_context(const void *list, size_t len, const char *stream, struct tlsproxy_context *context)
{
	struct attr_scan scan;

	/* What follows depends on the version of tlsproxy, and is left unread. */
	attr_scan_init(&scan, list, len, ATTR_FLAG_MISSING | ATTR_FLAG_MORE, stream);
	attr_scan_str(&scan, "peer_CN", &context->peer_CN);
	attr_scan_str(&scan, "issuer_CN", &context->issuer_CN);
	attr_scan_str(&scan, "peer_fingerprint", &context->peer_fingerprint);
	attr_scan_str(&scan, "peer_pubkey_fingerprint", &context->peer_pubkey_fingerprint);
	attr_scan_int(&scan, "level", &context->level);
	attr_scan_int(&scan, "peer_status", &context->peer_status);
	attr_scan_str(&scan, "cipher_protocol", &context->cipher_protocol);
	attr_scan_str(&scan, "cipher_name", &context->cipher_name);

	int wanted = get_details(&scan, context);
	return scan.count == wanted ? 0 : -1;
}
