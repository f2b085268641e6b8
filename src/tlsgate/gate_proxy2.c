/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_proxy2.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "util/buf.h"

enum { LOCAL = 0x20, PROXY = 0x21, UNSPEC = 0, TCP4 = 0x11, TCP6 = 0x21 };
enum { TYPE_SSL = 0x20, TYPE_VERSION = 0x21, TYPE_CN = 0x22, TYPE_CIPHER = 0x23 };
enum { CLIENT_SSL = 1, CLIENT_CERT_SESSION = 4 };
enum { TEXT_LIMIT = 1024 };

static void
learn(struct sockaddr_storage *address, int (*get)(int, struct sockaddr *, socklen_t *), int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage space;
	} it = { .space = { .ss_family = AF_UNSPEC } };
	socklen_t len = sizeof it;

	*address = (struct sockaddr_storage){ .ss_family = AF_UNSPEC };
	if (get(fd, &it.any, &len) < 0)
		return;
	if (it.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&it.v6.sin6_addr)) {
		struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = it.v6.sin6_port };
		memcpy(&v4.sin_addr, it.v6.sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
		it.v4 = v4;
	}
	if (it.any.sa_family == AF_INET || it.any.sa_family == AF_INET6)
		memcpy(address, &it.space, sizeof *address);
}

void
gate_proxy2_learn(struct gate_proxy2_ends *ends, int fd)
{
	learn(&ends->client, getpeername, fd);
	learn(&ends->server, getsockname, fd);
}

static void
put_16(struct buf *to, size_t number)
{
	buf_add_byte(to, (char)(number >> 8));
	buf_add_byte(to, (char)number);
}

/* Both addresses, then both ports. The family. */
static int
put_ends(struct buf *to, const struct gate_proxy2_ends *ends)
{
	const struct sockaddr_storage *both[] = { &ends->client, &ends->server };
	struct buf ports = BUF_INIT;

	if (ends->client.ss_family == AF_UNSPEC || ends->client.ss_family != ends->server.ss_family)
		return UNSPEC;
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		if (both[i]->ss_family == AF_INET) {
			memcpy(&v4, both[i], sizeof v4);
			buf_add(to, &v4.sin_addr, sizeof v4.sin_addr);
			buf_add(&ports, &v4.sin_port, sizeof v4.sin_port);
		} else {
			memcpy(&v6, both[i], sizeof v6);
			buf_add(to, &v6.sin6_addr, sizeof v6.sin6_addr);
			buf_add(&ports, &v6.sin6_port, sizeof v6.sin6_port);
		}
	}
	buf_add(to, ports.bytes, ports.len);
	buf_release(&ports);
	return ends->client.ss_family == AF_INET ? TCP4 : TCP6;
}

static void
put_text(struct buf *to, int type, const char *text)
{
	size_t len = strnlen(text, TEXT_LIMIT);

	if (len == 0)
		return;
	buf_add_byte(to, (char)type);
	put_16(to, len);
	buf_add(to, text, len);
}

static void
put_tls(struct buf *to, const struct gate_proxy2_tls *tls)
{
	struct buf value = BUF_INIT;

	/* A certificate may have been shown when the session that is resumed began: that it was on this
	 * connection cannot be said. */
	buf_add_byte(&value, (char)(CLIENT_SSL | (tls->has_cert ? CLIENT_CERT_SESSION : 0)));
	buf_add(&value, "\0\0\0", 3);
	buf_add_byte(&value, !(tls->has_cert && tls->verified));
	put_text(&value, TYPE_VERSION, tls->version);
	if (tls->has_cert)
		put_text(&value, TYPE_CN, tls->subject_cn);
	put_text(&value, TYPE_CIPHER, tls->cipher);
	buf_add_byte(to, TYPE_SSL);
	put_16(to, value.len);
	buf_add(to, value.bytes, value.len);
	buf_release(&value);
}

void
gate_proxy2_put(struct buf *to, const struct gate_proxy2_ends *ends, const struct gate_proxy2_tls *tls)
{
	static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";
	struct buf body = BUF_INIT;
	int family = put_ends(&body, ends);

	if (tls && family != UNSPEC)
		put_tls(&body, tls);
	buf_add(to, signature, sizeof signature - 1);
	buf_add_byte(to, (char)(family == UNSPEC ? LOCAL : PROXY));
	buf_add_byte(to, (char)family);
	put_16(to, body.len);
	buf_add(to, buf_str(&body), body.len);
	buf_release(&body);
}
