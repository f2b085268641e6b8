/* SPDX-License-Identifier: ISC */
#include "tlsproxy/relay.h"

#include <errno.h>
#include <unistd.h>

#include "tls/conn.h"
#include "tlsproxy/session_impl.h"
#include "util/alloc.h"
#include "util/log.h"

enum {
	CHUNK = 16 * 1024,  /* one full TLS record */
	BUDGET = 4 * CHUNK, /* per direction and wake-up; passes in one piece where it can */
};

/* Only one session runs at a time: what passes straight through needs no memory of its own. What was used of
 * it is wiped when the session's turn in one direction is over, so that none of it lasts longer than the
 * turn. */
static unsigned char passing[BUDGET];

/* Passes on as much of the bytes as the caller takes: *taken. False: it is gone. */
static bool
write_to_caller(struct session *session, const void *bytes, size_t len, size_t *taken)
{
	ssize_t put;

	do {
		put = write(session->plaintext->fd, bytes, len);
	} while (put < 0 && errno == EINTR);
	if (put < 0 && errno != EAGAIN)
		return false;
	*taken = put > 0 ? (size_t)put : 0;
	return true;
}

/* The same towards the remote: stops when TLS has to wait. */
static bool
write_to_remote(struct session *session, const unsigned char *bytes, size_t len, size_t *taken)
{
	*taken = 0;
	session->write_waits = 0;
	while (*taken < len) {
		size_t step = 0;

		switch (conn_write(session->conn, bytes + *taken, len - *taken, &step)) {
		case TLS_IO_DONE:
			*taken += step;
			break;
		case TLS_IO_WANT_READ:
			session->write_waits = EV_READ;
			return true;
		case TLS_IO_WANT_WRITE:
			session->write_waits = EV_WRITE;
			return true;
		default:
			return false;
		}
	}
	return true;
}

enum relay_result
relay_flush_to_caller(struct session *session)
{
	size_t taken = 0;

	if (session->to_caller.len > 0) {
		if (!write_to_caller(session, session->to_caller.bytes, session->to_caller.len, &taken))
			return RELAY_TARGET_END;
		buf_consume(&session->to_caller, taken);
		if (session->to_caller.len > 0)
			return RELAY_WAIT;
		buf_release_secret(&session->to_caller);
	}
	return RELAY_SOURCE_END;
}

enum relay_result
relay_flush_to_remote(struct session *session)
{
	size_t taken = 0;

	if (session->to_remote.len > 0) {
		const unsigned char *bytes = (const unsigned char *)session->to_remote.bytes;

		if (!write_to_remote(session, bytes, session->to_remote.len, &taken))
			return RELAY_TARGET_END;
		buf_consume(&session->to_remote, taken);
		if (session->to_remote.len > 0)
			return RELAY_WAIT;
		buf_release_secret(&session->to_remote);
	}
	return RELAY_SOURCE_END;
}

static enum relay_result
move_to_remote(struct session *session, size_t *used)
{
	size_t taken = 0;
	ssize_t got;

	do {
		got = read(session->plaintext->fd, passing, sizeof passing);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return RELAY_WAIT;
	if (got <= 0)
		return RELAY_SOURCE_END;
	*used = (size_t)got;
	if (!write_to_remote(session, passing, (size_t)got, &taken))
		return RELAY_TARGET_END;
	if (taken < (size_t)got) {
		buf_add(&session->to_remote, passing + taken, (size_t)got - taken);
		return RELAY_WAIT;
	}
	/* A short read has emptied the socket: do not ask again. */
	return (size_t)got < sizeof passing ? RELAY_WAIT : RELAY_MORE;
}

/* Decrypts record after record. RELAY_MORE: the room is used up. */
static enum relay_result
gather_from_remote(struct session *session, size_t *used)
{
	conn_begin_turn(session->conn);
	session->read_waits = EV_READ;
	while (sizeof passing - *used >= CHUNK) {
		size_t got = 0;

		switch (conn_read(session->conn, passing + *used, sizeof passing - *used, &got)) {
		case TLS_IO_DONE:
			*used += got;
			break;
		case TLS_IO_WANT_READ:
			return RELAY_WAIT;
		case TLS_IO_WANT_WRITE:
			session->read_waits = EV_WRITE;
			return RELAY_WAIT;
		default:
			return RELAY_SOURCE_END;
		}
	}
	return RELAY_MORE;
}

static enum relay_result
move_to_caller(struct session *session, size_t *used)
{
	enum relay_result result = gather_from_remote(session, used);
	size_t taken = 0;

	if (*used == 0)
		return result;
	if (!write_to_caller(session, passing, *used, &taken))
		return RELAY_TARGET_END;
	if (taken == *used)
		return result;
	buf_add(&session->to_caller, passing + taken, *used - taken);
	return result == RELAY_MORE ? RELAY_WAIT : result;
}

enum relay_result
relay_to_remote(struct session *session)
{
	enum relay_result result = relay_flush_to_remote(session);
	size_t used = 0;

	if (result != RELAY_SOURCE_END)
		return result;
	result = move_to_remote(session, &used);
	alloc_wipe(passing, used);
	return result;
}

enum relay_result
relay_to_caller(struct session *session)
{
	enum relay_result result = relay_flush_to_caller(session);
	size_t used = 0;

	if (result != RELAY_SOURCE_END)
		return result;
	result = move_to_caller(session, &used);
	alloc_wipe(passing, used);
	return result;
}
