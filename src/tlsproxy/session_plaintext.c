/* SPDX-License-Identifier: ISC */
#include "tlsproxy/session_plaintext.h"

#include <errno.h>
#include <sys/socket.h>

#include "tlsproxy/session_impl.h"
#include "util/alloc.h"
#include "util/fdio.h"
#include "util/log.h"

void
session_plaintext_expect(struct session *s)
{
	s->given = alloc_zero(sizeof *s->given);
	session_open_side(s, s->given, -1);
}

static bool
is_stream(int fd)
{
	int type;
	socklen_t len = sizeof type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

bool
session_plaintext_hear(struct session *s)
{
	int fd = -1;

	errno = 0;
	int result = fdio_receive_fd(s->caller.fd, &fd);
	if (result == -1 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (result == 1 && s->given->fd < 0 && is_stream(fd) && !fdio_has_no_peer(fd) &&
	    fdio_set_nonblocking(fd, true) == 0) {
		session_open_side(s, s->given, fd);
		return true;
	}
	if (result == 1 || result == -2)
		log_warn("%s: what came for the plaintext is not one connected stream socket", s->endpoint);
	fdio_close(&fd);
	return false;
}
