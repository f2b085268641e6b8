/* SPDX-License-Identifier: ISC */
#include "tls/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "tls/client_session.h"
#include "tls/context.h"
#include "tls/dump.h"
#include "tls/kept_session.h"
#include "tls/library.h"
#include "tls/loglevel.h"
#include "tls/resume.h"
#include "tls/resume_client.h"
#include "tls/sni.h"
#include "tls/summary.h"
#include "tls/verify.h"
#include "util/alloc.h"
#include "util/log.h"
#include "util/text.h"

enum {
	READ_AHEAD = 66 * 1024, /* taken off the descriptor at a time, once the session is up: four records */
	BYTES_PER_TURN = READ_AHEAD,
};

struct conn {
	struct context *context; /* a reference */
	SSL *ssl;                /* owned */
	char *namaddr;           /* owned; as given */
	char *namaddr_lower;     /* owned */
	char *serverid;          /* owned */
	struct verify verify;
	struct sni_conn sni;           /* server role */
	bool connected;                /* the handshake is done */
	struct resume_conn resume;     /* server role; in the client role all zero */
	struct client_session *client; /* owned; client role, else NULL */
	struct resume_client_conn resume_client;
	bool dumping;     /* what passes is logged */
	bool log_failure; /* of the handshake */
	size_t turn_left; /* bytes to be read in this turn */
};

static bool
logs_failure(const struct conn *conn)
{
	return conn->log_failure && !conn->connected;
}

/* `code` is an errno, or 0. */
static void
log_lost(const struct conn *conn, int code)
{
	if (logs_failure(conn))
		log_info(
		    "SSL_connect error to %s: %s", conn->namaddr, code ? strerror(code) : "lost connection");
}

/* The only place that looks at an OpenSSL result. */
static enum tls_io
io_result(struct conn *conn, int result)
{
	if (result > 0)
		return TLS_IO_DONE;

	int code = errno;
	switch (SSL_get_error(conn->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return TLS_IO_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_IO_WANT_WRITE;
	case SSL_ERROR_WANT_CLIENT_HELLO_CB:
		return TLS_IO_WANT_LOOKUP;
	case SSL_ERROR_ZERO_RETURN:
		log_lost(conn, 0);
		return TLS_IO_CLOSED;
	case SSL_ERROR_SYSCALL:
		if (ERR_peek_error() == 0) {
			log_lost(conn, code);
			errno = code;
			return TLS_IO_CLOSED;
		}
		break;
	default:
		break;
	}
	if (logs_failure(conn))
		log_info("SSL_connect error to %s: %d", conn->namaddr, result);
	library_log_errors();
	return TLS_IO_ERROR;
}

/* A short read has emptied the socket. */
static void
count_read(struct conn *conn, size_t wanted, size_t got)
{
	if (got < wanted || wanted > conn->turn_left)
		conn->turn_left = 0;
	else
		conn->turn_left -= wanted;
}

/*
 * OpenSSL goes on reading for as long as what comes is no data: a peer that sends KeyUpdates (RFC 8446
 * section 4.6.3) faster than they are worked off would keep every other session waiting. So the bytes are
 * said to have run out when the turn is over; those left in the socket bring the next turn about.
 */
static long
on_bio(BIO *bio, int what, const char *bytes, size_t len, int argi, long argl, int result, size_t *processed)
{
	struct conn *conn = (struct conn *)(void *)BIO_get_callback_arg(bio);

	(void)argi, (void)argl;
	if (conn->dumping &&
	    (what == (BIO_CB_READ | BIO_CB_RETURN) || what == (BIO_CB_WRITE | BIO_CB_RETURN)))
		dump_block(bio, what == (BIO_CB_READ | BIO_CB_RETURN), bytes, len, result, *processed);
	if (what == (BIO_CB_READ | BIO_CB_RETURN) && result > 0)
		count_read(conn, len, *processed);
	if (what != BIO_CB_READ || conn->turn_left > 0)
		return result;
	BIO_set_retry_read(bio);
	return -1;
}

void
conn_begin_turn(struct conn *conn)
{
	conn->turn_left = BYTES_PER_TURN;
}

static bool
attach(struct conn *conn, int fd)
{
	conn->dumping = (conn->verify.log_mask & LOGLEVEL_HANDSHAKE_PACKETS) != 0;
	/* One read(2) takes whatever has come, not first a record's head and then its body; except where a
	 * reader wants to tell them apart. */
	SSL_set_read_ahead(conn->ssl, !conn->dumping);
	if (verify_attach(&conn->verify, conn->ssl) < 0 || SSL_set_fd(conn->ssl, fd) != 1)
		return false;
	BIO_set_callback_arg(SSL_get_rbio(conn->ssl), (char *)conn);
	BIO_set_callback_ex(SSL_get_rbio(conn->ssl), on_bio);
	return true;
}

struct conn *
conn_new_server(struct context *context, struct resume *resume, const struct conn_settings *settings)
{
	SSL *ssl = context_new_ssl(context, settings->namaddr);

	if (!ssl)
		return NULL;

	struct conn *conn = alloc_zero(sizeof *conn);
	conn->ssl = ssl;
	conn->context = context_ref(context);
	conn->namaddr = alloc_string(settings->namaddr);
	conn->namaddr_lower = text_lower(alloc_string(settings->namaddr));
	conn->serverid = alloc_string(settings->serverid);
	verify_init(&conn->verify, conn->namaddr_lower, context_log_mask(context));
	conn->resume = (struct resume_conn){
		.resume = resume,
		.ssl = ssl,
		.serverid = conn->serverid,
		.namaddr = conn->namaddr_lower,
		.log_mask = context_log_mask(context),
		.own_scope = settings->own_scope,
		.ready = settings->ready,
		.context = settings->context,
	};

	conn->sni.namaddr = conn->namaddr_lower;
	if (resume_attach(&conn->resume) < 0 || sni_attach(&conn->sni, ssl) < 0 ||
	    !attach(conn, settings->fd)) {
		library_log_errors();
		conn_free(conn);
		return NULL;
	}
	SSL_set_accept_state(ssl);
	return conn;
}

struct conn *
conn_new_client(
    struct context *context, struct resume_client *resume, const struct conn_client_settings *settings)
{
	struct conn *conn = alloc_zero(sizeof *conn);
	struct client_session *client = alloc_zero(sizeof *client);

	conn->client = client;
	conn->context = context_ref(context);
	conn->ssl = client_session_prepare(client, context, settings);
	if (!conn->ssl) {
		conn_free(conn);
		return NULL;
	}
	conn->namaddr = alloc_string(settings->namaddr ? settings->namaddr : "");
	conn->log_failure = settings->log_failure;
	verify_init(&conn->verify, client->namaddr, client->log_mask);
	conn->verify.must_fail = client->must_fail;
	conn->verify.forced_failure = client->forced_failure;
	conn->verify.spare_mismatch = client->release >= CONN_RELEASE_3_10;
	conn->resume_client = (struct resume_client_conn){
		.resume = resume,
		.kept = settings->kept,
		.ssl = conn->ssl,
		.id = client->session_id,
		.namaddr = client->namaddr,
		.log_mask = client->log_mask,
		.first_only = client->release >= CONN_RELEASE_3_11,
		.ready = settings->ready,
		.context = settings->context,
	};
	if (settings->kept)
		kept_session_use(settings->kept, client->session_id, conn->ssl);
	if (resume_client_attach(&conn->resume_client) < 0 || !attach(conn, settings->fd)) {
		library_log_errors();
		conn_free(conn);
		return NULL;
	}
	return conn;
}

void
conn_free(struct conn *conn)
{
	if (!conn)
		return;
	/* Whatever it was that ended the handshake. */
	if (conn->resume_client.looked_up && !conn->connected)
		resume_client_forget(&conn->resume_client);
	resume_client_release(&conn->resume_client);
	resume_release(&conn->resume);
	SSL_free(conn->ssl);
	sni_release(&conn->sni);
	verify_release(&conn->verify);
	if (conn->client)
		client_session_release(conn->client);
	free(conn->client);
	context_unref(conn->context);
	free(conn->serverid);
	free(conn->namaddr_lower);
	free(conn->namaddr);
	free(conn);
}

enum tls_io
conn_handshake(struct conn *conn)
{
	if (conn->client && resume_client_suspends(&conn->resume_client))
		return TLS_IO_WANT_LOOKUP;
	ERR_clear_error();
	errno = 0;
	conn_begin_turn(conn);

	enum tls_io result = io_result(conn, SSL_do_handshake(conn->ssl));

	conn->connected = result == TLS_IO_DONE;
	if (conn->connected)
		SSL_set_default_read_buffer_len(conn->ssl, READ_AHEAD);
	if (conn->connected && !(conn->verify.log_mask & LOGLEVEL_SESSION_PACKETS))
		conn->dumping = false;
	return result;
}

/* Empties a key in place: who still holds it holds nothing. The type is one whose methods do without a key.
 */
static void
forget_key(EVP_PKEY *key)
{
	if (EVP_PKEY_set_type(key, EVP_PKEY_X25519) != 1)
		ERR_clear_error();
	EVP_PKEY_free(key);
}

/*
 * The library keeps both sides' ephemeral keys, private half and all, until the SSL is freed: secrets that
 * nobody needs once the handshake is done, and with their groups a fifth of what an idle session holds.
 */
static void
forget_ephemeral_keys(SSL *ssl)
{
	EVP_PKEY *key = NULL;

	if (SSL_get_tmp_key(ssl, &key) == 1)
		forget_key(key);
	if (SSL_get_peer_tmp_key(ssl, &key) == 1)
		forget_key(key);
	ERR_clear_error();
}

void
conn_summary(struct conn *conn, struct summary *summary)
{
	struct summary_input input = {
		.namaddr = conn->namaddr,
		.sni = conn->sni.name,
		.ticket_used = conn->resume.ticket_used,
		.log_mask = conn->client ? conn->client->log_mask : context_log_mask(conn->context),
	};

	if (conn->client)
		summary_from_client(summary, conn->ssl, conn->context, &conn->verify, &input, conn->client);
	else
		summary_from_server(summary, conn->ssl, conn->context, &conn->verify, &input);
	if (input.log_mask & LOGLEVEL_SUMMARY)
		summary_log(summary);
	forget_ephemeral_keys(conn->ssl);
}

enum tls_io
conn_read(struct conn *conn, void *bytes, size_t room, size_t *len)
{
	ERR_clear_error();
	errno = 0;
	return io_result(conn, SSL_read_ex(conn->ssl, bytes, room, len));
}

bool
conn_has_pending(const struct conn *conn)
{
	return SSL_has_pending(conn->ssl) == 1;
}

enum tls_io
conn_write(struct conn *conn, const void *bytes, size_t len, size_t *taken)
{
	/* The peer's part of a renegotiation is read here, where nobody else reads any more. */
	if (SSL_in_init(conn->ssl))
		conn_begin_turn(conn);
	ERR_clear_error();
	errno = 0;
	return io_result(conn, SSL_write_ex(conn->ssl, bytes, len, taken));
}

enum tls_io
conn_close(struct conn *conn)
{
	ERR_clear_error();
	errno = 0;

	int result = SSL_shutdown(conn->ssl);
	return result == 0 ? TLS_IO_DONE : io_result(conn, result);
}
