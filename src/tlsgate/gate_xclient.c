/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_xclient.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "tlsgate/gate_connect.h"
#include "tlsgate/gate_smtp.h"
#include "util/buf.h"

#define UNAVAILABLE "[UNAVAILABLE]"

static const struct {
	const char *name;
	enum gate_xclient bit;
} attributes[] = {
	{ "NAME", GATE_XCLIENT_NAME },
	{ "REVERSE_NAME", GATE_XCLIENT_REVERSE_NAME },
	{ "ADDR", GATE_XCLIENT_ADDR },
	{ "PORT", GATE_XCLIENT_PORT },
	{ "DESTADDR", GATE_XCLIENT_DESTADDR },
	{ "DESTPORT", GATE_XCLIENT_DESTPORT },
	{ "LOGIN", GATE_XCLIENT_LOGIN },
};

enum { ATTRIBUTES = sizeof attributes / sizeof attributes[0] };

static int
offers_of_line(const char *line)
{
	int offered = 0;
	size_t len;
	const char *rest = line, *word = gate_line_word(rest, &len, &rest);

	if (!gate_line_is(word, len, "XCLIENT"))
		return 0;
	while (*rest) {
		word = gate_line_word(rest, &len, &rest);
		for (size_t i = 0; i < ATTRIBUTES; i++)
			if (gate_line_is(word, len, attributes[i].name))
				offered |= (int)attributes[i].bit;
	}
	return offered;
}

int
gate_xclient_offers(const char *reply, size_t len)
{
	struct buf line = BUF_INIT;
	size_t taken;
	int offered = 0;

	for (size_t at = 0; at < len; at += taken) {
		ssize_t text = gate_line_next(reply + at, len - at, &taken);
		if (text < 0)
			break;
		buf_clear(&line);
		/* The first line is a name and words, whatever they are. */
		if (at > 0 && text > 4)
			buf_add(&line, reply + at + 4, (size_t)text - 4);
		offered |= offers_of_line(buf_str(&line));
	}
	buf_release(&line);
	return offered;
}

/* RFC 3461 xtext: a value is one word, whatever it holds. */
static void
put_xtext(struct buf *to, const char *text)
{
	for (; *text; text++) {
		if (*text > ' ' && *text <= '~' && *text != '+' && *text != '=')
			buf_add_byte(to, *text);
		else
			buf_printf(to, "+%02X", (unsigned char)*text);
	}
}

static void
put_attribute(struct buf *to, int offered, enum gate_xclient bit, const char *value)
{
	if (!(offered & (int)bit))
		return;
	for (size_t i = 0; i < ATTRIBUTES; i++)
		if (attributes[i].bit == bit)
			buf_printf(to, " %s=", attributes[i].name);
	/* Brackets are how this value is known from a text. */
	if (strcmp(value, UNAVAILABLE) == 0)
		buf_add_str(to, value);
	else
		put_xtext(to, value);
}

/* Address and port as numbers; UNAVAILABLE of what is not TCP. */
static void
put_end(struct buf *to, int offered, const struct sockaddr_storage *end, enum gate_xclient addr,
    enum gate_xclient port)
{
	union {
		struct sockaddr any;
		struct sockaddr_storage space;
	} address = { .space = *end };
	socklen_t len = end->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	char host[NI_MAXHOST] = UNAVAILABLE, service[NI_MAXSERV] = UNAVAILABLE, text[NI_MAXHOST + 8];

	if (end->ss_family != AF_INET && end->ss_family != AF_INET6)
		offered &= (int)GATE_XCLIENT_ADDR;
	else if (getnameinfo(&address.any, len, host, sizeof host, service, sizeof service,
		     NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(host, sizeof host, UNAVAILABLE);
	host[strcspn(host, "%")] = 0;
	snprintf(text, sizeof text, "%s%s", end->ss_family == AF_INET6 ? "IPV6:" : "", host);
	put_attribute(to, offered, addr, text);
	put_attribute(to, offered, port, service);
}

void
gate_xclient_put(struct buf *to, int offered, const struct gate_proxy2_ends *ends, const char *login)
{
	buf_add_str(to, "XCLIENT");
	/* No name is looked up; without a word of it the back end would take that of the gate. */
	put_attribute(to, offered, GATE_XCLIENT_NAME, UNAVAILABLE);
	put_attribute(to, offered, GATE_XCLIENT_REVERSE_NAME, UNAVAILABLE);
	put_end(to, offered, &ends->client, GATE_XCLIENT_ADDR, GATE_XCLIENT_PORT);
	put_end(to, offered, &ends->server, GATE_XCLIENT_DESTADDR, GATE_XCLIENT_DESTPORT);
	if (login)
		put_attribute(to, offered, GATE_XCLIENT_LOGIN, login);
	buf_add_str(to, "\r\n");
}

/* --- the state --- */

enum gate_verdict
gate_xclient_begin(struct gate_session *s)
{
	const char *hello = s->talk.protocol == &gate_lmtp_protocol ? "LHLO" : "EHLO";

	s->told = false;
	buf_clear(&s->greeting);
	buf_printf(&s->next.out, "%s %s\r\n", hello, s->gate->hostname);
	return gate_state_go(s, GATE_XCLIENT);
}

static enum gate_verdict
take_offers(struct gate_session *s, size_t len)
{
	int offered = gate_xclient_offers(s->next.in.bytes, len);
	const char *login = s->certified ? s->tls_peer.fingerprint : NULL;

	buf_consume(&s->next.in, len);
	if (!(offered & GATE_XCLIENT_ADDR))
		return gate_connect_failed(s, "does not offer XCLIENT");
	if (login && !(offered & GATE_XCLIENT_LOGIN))
		gate_state_warn(
		    s, "back end does not offer LOGIN with XCLIENT: it is not told of the certificate");
	gate_xclient_put(&s->next.out, offered, &s->ends, login);
	s->told = true;
	return gate_state_go(s, GATE_XCLIENT);
}

enum gate_verdict
gate_xclient_run(struct gate_session *s)
{
	size_t len;
	int code;

	switch (gate_smtp_find_reply(&s->next.in, &len, &code)) {
	case GATE_SMTP_REPLY_MALFORMED:
		return gate_connect_failed(s, "reply is not of this protocol");
	case GATE_SMTP_REPLY_MORE:
		if (s->next.eof || s->next.broken || s->timed_out)
			return gate_connect_failed(
			    s, s->timed_out ? "no reply" : "lost connection before XCLIENT");
		return GATE_WAIT;
	case GATE_SMTP_REPLY_COMPLETE:
		break;
	}
	if (code != (s->told ? 220 : 250))
		return gate_connect_failed(s, s->told ? "refuses XCLIENT" : "refuses EHLO");
	if (!s->told)
		return take_offers(s, len);
	gate_smtp_put_reply(&s->greeting, s->next.in.bytes, len);
	buf_consume(&s->next.in, len);
	return gate_connect_greeted(s, GATE_ANSWER_DONE);
}
