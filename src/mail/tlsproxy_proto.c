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
	return scan.count == 8 ? 0 : -1;
}
