/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_received.h"

#include <string.h>
#include <time.h>

#include "mail/tlsproxy_proto.h"
#include "tlsgate/gate_peer.h"
#include "util/buf.h"
#include "util/now.h"

#define NEXT_LINE "\r\n\t"

enum { TEXT_LIMIT = 255 };

static bool
is_plain(char c)
{
	return c >= ' ' && c <= '~' && c != '\\';
}

/* In a comment: every parenthesis that closes has one that opens, and is closed. */
static void
put_comment(struct buf *to, const char *text)
{
	size_t len = strnlen(text, TEXT_LIMIT);
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		bool stray = text[i] == ')' && depth == 0;
		depth += text[i] == '(' ? 1 : text[i] == ')' && !stray ? -1 : 0;
		buf_add_byte(to, is_plain(text[i]) && !stray ? text[i] : '?');
	}
	while (depth-- > 0)
		buf_add_byte(to, ')');
}

/* Outside of a comment: nothing that begins one, a string or the date. */
static void
put_word(struct buf *to, const char *text)
{
	size_t len = strnlen(text, TEXT_LIMIT);

	if (len == 0)
		buf_add_str(to, "unknown");
	for (size_t i = 0; i < len; i++)
		buf_add_byte(to, is_plain(text[i]) && !strchr(" ();<>\"", text[i]) ? text[i] : '?');
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" */
static void
put_address(struct buf *to, const char *peer)
{
	const char *end = strrchr(peer, ']');
	size_t len = end && *peer == '[' ? (size_t)(end - peer) - 1 : 0;

	buf_printf(to, "[%s%.*s]", memchr(peer + 1, ':', len) ? "IPv6:" : "", (int)len, peer + 1);
}

static void
put_date(struct buf *to)
{
	time_t now = now_wall();
	struct tm tm;
	char text[64];

	if (gmtime_r(&now, &tm) && strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000 (UTC)", &tm) > 0)
		buf_add_str(to, text);
}

/* "key-exchange X25519", "server-signature ECDSA (prime256v1)": name, then its curve or its bits. */
static void
put_key(struct buf *to, const char *label, const char *name, const char *curve, int bits)
{
	buf_printf(to, " %s %s", label, name);
	if (*curve)
		buf_printf(to, " (%s)", curve);
	else if (bits > 0)
		buf_printf(to, " (%d bits)", bits);
}

static void
put_signature(struct buf *to, const char *who, const struct tlsproxy_signature *signature)
{
	struct buf label = BUF_INIT;

	buf_printf(&label, "%s-signature", who);
	put_key(to, buf_str(&label), signature->name, signature->curve, signature->bits);
	if (*signature->digest)
		buf_printf(to, " %s-digest %s", who, signature->digest);
	buf_release(&label);
}

void
gate_received_put_session(struct buf *to, const struct tlsproxy_context *context)
{
	buf_printf(to, "using %s with cipher %s (%d/%d bits)", context->cipher_protocol, context->cipher_name,
	    context->cipher_usebits, context->cipher_algbits);
	if (*context->key_exchange || *context->server_signature.name)
		buf_add_str(to, NEXT_LINE);
	if (*context->key_exchange)
		put_key(to, "key-exchange", context->key_exchange, context->key_exchange_curve,
		    context->key_exchange_bits);
	if (*context->server_signature.name)
		put_signature(to, "server", &context->server_signature);
	if (*context->client_signature.name) {
		buf_add_str(to, NEXT_LINE);
		put_signature(to, "client", &context->client_signature);
	}
}

static void
put_certificate(struct buf *to, const struct gate_received *received)
{
	const struct gate_peer *peer = received->tls_peer;

	if (!peer->has_cert) {
		buf_add_str(to, received->ask_ccert ? "Client did not present a certificate"
						    : "No client certificate requested");
		return;
	}
	buf_add_str(to, "Client CN \"");
	put_comment(to, peer->subject_cn);
	buf_add_str(to, "\", Issuer \"");
	put_comment(to, peer->issuer_cn);
	buf_printf(to, "\" (%s)", peer->trusted ? "verified OK" : "not verified");
}

void
gate_received_put(struct buf *to, const struct gate_received *received)
{
	buf_add_str(to, "Received: from ");
	put_word(to, received->helo);
	buf_add_str(to, " (unknown ");
	put_address(to, received->peer);
	buf_printf(to, ")" NEXT_LINE "(%s)" NEXT_LINE "(", received->tls_peer->session);
	put_certificate(to, received);
	buf_printf(
	    to, ")" NEXT_LINE "by %s (tlsgate) with %s;" NEXT_LINE, received->hostname, received->with);
	put_date(to);
	buf_add_str(to, "\r\n");
}
