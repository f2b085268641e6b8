/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_backend.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mail/hostport.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"

struct gate_backend {
	char *name;                 /* owned */
	const char *path;           /* of a local socket, part of `name`; NULL: none */
	struct addrinfo *addresses; /* owned; NULL for "unix:" and "builtin" */
	size_t count;
};

static int
resolve(struct gate_backend *backend, const char *where, struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char *copy = alloc_string(where), *host, *port;
	int result = 0;

	if (!hostport_split(copy, &host, &port)) {
		result =
		    err_set(err, "\"%s\" is neither host:port, [address]:port, unix:path nor builtin", where);
	} else {
		int rc = getaddrinfo(host, port, &hints, &backend->addresses);
		if (rc != 0)
			result = err_set(err, "%s: %s", where, gai_strerror(rc));
	}
	free(copy);
	for (struct addrinfo *at = backend->addresses; at; at = at->ai_next)
		backend->count++;
	return result;
}

struct gate_backend *
gate_backend_new(const char *where, struct err *err)
{
	struct gate_backend *backend = alloc_zero(sizeof *backend);

	backend->name = alloc_string(where);
	if (strncmp(where, "unix:", 5) == 0 && where[5]) {
		backend->path = backend->name + 5;
		backend->count = 1;
	} else if (strcmp(where, "builtin") == 0) {
		backend->count = 1;
	} else if (resolve(backend, where, err) < 0) {
		gate_backend_free(backend);
		return NULL;
	}
	return backend;
}

void
gate_backend_free(struct gate_backend *backend)
{
	if (!backend)
		return;
	if (backend->addresses)
		freeaddrinfo(backend->addresses);
	free(backend->name);
	free(backend);
}

size_t
gate_backend_count(const struct gate_backend *backend)
{
	return backend->count;
}

bool
gate_backend_is_builtin(const struct gate_backend *backend)
{
	return !backend->path && !backend->addresses;
}

const char *
gate_backend_name(const struct gate_backend *backend)
{
	return backend->name;
}

/* On the same machine the answer is there when the first call returns, and the second one tells. */
static int
start_connect(int fd, const struct addrinfo *address)
{
	int result = connect(fd, address->ai_addr, address->ai_addrlen);

	if (result < 0 && errno == EINPROGRESS)
		result = connect(fd, address->ai_addr, address->ai_addrlen);
	return result < 0 && errno == EISCONN ? 0 : result;
}

int
gate_backend_connect(const struct gate_backend *backend, size_t index, bool *connecting, struct err *err)
{
	*connecting = false;
	if (backend->path)
		return fdio_connect_unix(backend->path, true, err);

	const struct addrinfo *address = backend->addresses;
	while (address && index-- > 0)
		address = address->ai_next;
	if (!address)
		return err_set(err, "no such address");

	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, "socket");
	int on = 1;
	/* Without it the dialogue is slower, nothing else. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
		errno = 0;
	if (start_connect(fd, address) < 0) {
		if (errno != EINPROGRESS && errno != EALREADY && errno != EINTR) {
			err_errno(err, "connect to %s", backend->name);
			fdio_close(&fd);
			return -1;
		}
		*connecting = true;
	}
	return fd;
}
