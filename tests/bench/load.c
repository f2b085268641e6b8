/* SPDX-License-Identifier: ISC */
/*
 * load: work for a TLS server: both ends of its sessions. How they are had is in load_tlsproxy.c or
 * load_port.c.
 *
 * usage: load WHERE MODE 1.2|1.3 COUNT
 *
 *   full      COUNT full handshakes, one after the other       resumed   the same, each resumed
 *   in        COUNT MB plaintext into tlsproxy, ten sessions   out       COUNT MB decrypted, ten sessions
 *   out100    the same in a hundred sessions
 *   burst     COUNT full handshakes at once; prints the median and the 99th percentile of their time, in us
 *   turns     the same, one after the other
 *   echo      COUNT round trips of 64 bytes, fifty sessions
 *   idle      COUNT sessions; prints "ready" and waits for end of file on standard input
 *   idle64    the same after 64 KiB each way
 *
 * All ask for the same ciphers and group. Who pays for it is measured by the caller of this program
 * (tlsproxy.sh, peers.sh).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load_reach.h"

enum { PIECE = 16384, BULK_SESSIONS_MAX = 100, ECHO_SESSIONS = 50, ECHO_BYTES = 64, BURST_MAX = 1000 };

struct session {
	SSL *ssl;
	int plain;
	size_t bytes; /* for the bulk threads */
};

static SSL_CTX *ctx;
static SSL_SESSION *newest;

_Noreturn void
load_die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	ERR_print_errors_fp(stderr);
	exit(1);
}

static int
remember(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(newest);
	newest = session;
	return 1;
}

void
load_write_all(int fd, const void *bytes, unsigned long len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n <= 0)
			load_die("write");
		at += n;
		len -= (size_t)n;
	}
}

static void
read_all(int fd, void *bytes, size_t len)
{
	char *at = bytes;

	while (len > 0) {
		ssize_t n = read(fd, at, len);

		if (n <= 0)
			load_die("read");
		at += n;
		len -= (size_t)n;
	}
}

static struct session
prepare_session(SSL_SESSION *offer)
{
	struct session session = { 0 };
	int fd = reach_connect(&session.plain);

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	session.ssl = SSL_new(ctx);
	SSL_set_fd(session.ssl, fd);
	if (offer != NULL) {
		SSL_SESSION *copy = SSL_SESSION_dup(offer);

		SSL_set_session(session.ssl, copy);
		SSL_SESSION_free(copy);
	}
	return session;
}

static void
begin_tls(struct session *session)
{
	if (SSL_connect(session->ssl) != 1)
		load_die("handshake");
}

static void
find_plain(struct session *session)
{
	if (session->plain < 0)
		session->plain = reach_plain();
}

static struct session
open_session(SSL_SESSION *offer)
{
	struct session session = prepare_session(offer);

	begin_tls(&session);
	find_plain(&session);
	return session;
}

static void
close_session(struct session *session)
{
	int fd = SSL_get_fd(session->ssl);

	SSL_shutdown(session->ssl);
	SSL_free(session->ssl);
	close(fd);
	close(session->plain);
}

/* A byte each way: the session is up on both ends and its tickets have come. */
static void
ping(struct session *session, size_t len)
{
	char bytes[ECHO_BYTES] = { 0 };

	if (SSL_write(session->ssl, bytes, (int)len) != (int)len)
		load_die("TLS write");
	read_all(session->plain, bytes, len);
	load_write_all(session->plain, bytes, len);
	for (size_t have = 0; have < len;) {
		int n = SSL_read(session->ssl, bytes, (int)(len - have));

		if (n <= 0)
			load_die("TLS read");
		have += (size_t)n;
	}
}

static void
handshakes(long count, int resumed)
{
	SSL_SESSION *offer = NULL;
	long hits = 0;

	for (long i = 0; i < count; i++) {
		struct session session = open_session(offer);

		hits += SSL_session_reused(session.ssl);
		ping(&session, 1);
		if (resumed && offer == NULL) {
			offer = newest;
			newest = NULL;
		}
		close_session(&session);
	}
	if (resumed && hits < count - 1)
		fprintf(stderr, "load: only %ld of %ld sessions were resumed\n", hits, count - 1);
}

static void *
plain_writer(void *arg)
{
	static const char piece[PIECE];
	struct session *session = arg;

	for (size_t done = 0; done < session->bytes; done += PIECE)
		load_write_all(session->plain, piece, PIECE);
	return NULL;
}

static void *
plain_reader(void *arg)
{
	struct session *session = arg;
	char piece[PIECE];

	for (size_t done = 0; done < session->bytes; done += PIECE)
		read_all(session->plain, piece, PIECE);
	return NULL;
}

static void *
tls_writer(void *arg)
{
	static const char piece[PIECE];
	struct session *session = arg;

	for (size_t done = 0; done < session->bytes; done += PIECE) {
		if (SSL_write(session->ssl, piece, PIECE) != PIECE)
			load_die("TLS write");
	}
	return NULL;
}

static void *
tls_reader(void *arg)
{
	struct session *session = arg;
	char piece[PIECE];
	size_t done = 0;

	while (done < session->bytes) {
		int n = SSL_read(session->ssl, piece, PIECE);

		if (n <= 0)
			load_die("TLS read");
		done += (size_t)n;
	}
	return NULL;
}

static void
bulk(long megabytes, int in, int count)
{
	struct session sessions[BULK_SESSIONS_MAX];
	pthread_t threads[2 * BULK_SESSIONS_MAX];

	for (int i = 0; i < count; i++) {
		sessions[i] = open_session(NULL);
		sessions[i].bytes = (size_t)megabytes * 1000000 / count / PIECE * PIECE;
	}
	for (int i = 0; i < count; i++) {
		if (pthread_create(&threads[2 * i], NULL, in ? plain_writer : tls_writer, &sessions[i]) !=
			0 ||
		    pthread_create(&threads[2 * i + 1], NULL, in ? tls_reader : plain_reader, &sessions[i]) !=
			0)
			load_die("thread");
	}
	for (int i = 0; i < 2 * count; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < count; i++)
		close_session(&sessions[i]);
}

static void
round_trips(long count)
{
	struct session sessions[ECHO_SESSIONS];

	for (int i = 0; i < ECHO_SESSIONS; i++)
		sessions[i] = open_session(NULL);
	for (long i = 0; i < count; i++)
		ping(&sessions[i % ECHO_SESSIONS], ECHO_BYTES);
	for (int i = 0; i < ECHO_SESSIONS; i++)
		close_session(&sessions[i]);
}

/* 64 KiB each way, a record at a time. */
static void
pass_some(struct session *session)
{
	static char piece[PIECE];

	for (int i = 0; i < 4; i++) {
		if (SSL_write(session->ssl, piece, PIECE) != PIECE)
			load_die("TLS write");
		read_all(session->plain, piece, PIECE);
		load_write_all(session->plain, piece, PIECE);
		for (size_t have = 0; have < PIECE;) {
			int n = SSL_read(session->ssl, piece, (int)(PIECE - have));

			if (n <= 0)
				load_die("TLS read");
			have += (size_t)n;
		}
	}
}

struct burst {
	struct session session;
	pthread_barrier_t *start;
	double us;
};

static void *
one_of_burst(void *arg)
{
	struct burst *burst = arg;
	struct timespec from, to;

	if (burst->start != NULL)
		pthread_barrier_wait(burst->start);
	clock_gettime(CLOCK_MONOTONIC, &from);
	if (reach_is_timed)
		burst->session = prepare_session(NULL);
	begin_tls(&burst->session);
	clock_gettime(CLOCK_MONOTONIC, &to);
	burst->us = (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3;
	return NULL;
}

static int
by_time(const void *a, const void *b)
{
	double x = ((const struct burst *)a)->us, y = ((const struct burst *)b)->us;

	return (x > y) - (x < y);
}

static void
all_at_once(struct burst *bursts, long count)
{
	static pthread_t threads[BURST_MAX];
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, (unsigned int)count);
	for (long i = 0; i < count; i++) {
		if (!reach_is_timed)
			bursts[i].session = prepare_session(NULL);
		bursts[i].start = &start;
	}
	for (long i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, one_of_burst, &bursts[i]) != 0)
			load_die("thread");
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	for (long i = 0; i < count; i++)
		find_plain(&bursts[i].session);
	for (long i = 0; i < count; i++)
		close_session(&bursts[i].session);
}

static void
waits(long count, int at_once)
{
	static struct burst bursts[BURST_MAX];

	if (count < 1 || count > BURST_MAX)
		load_die("count");
	if (at_once)
		all_at_once(bursts, count);
	for (long i = 0; i < count && !at_once; i++) {
		if (!reach_is_timed)
			bursts[i].session = prepare_session(NULL);
		one_of_burst(&bursts[i]);
		find_plain(&bursts[i].session);
		close_session(&bursts[i].session);
	}
	qsort(bursts, (size_t)count, sizeof(bursts[0]), by_time);
	printf("%.0f %.0f\n", bursts[count / 2].us, bursts[(count * 99 - 1) / 100].us);
}

static void
idle(long count, int used)
{
	struct session *sessions = calloc((size_t)count, sizeof(*sessions));

	for (long i = 0; i < count; i++) {
		sessions[i] = open_session(NULL);
		ping(&sessions[i], 1);
		if (used)
			pass_some(&sessions[i]);
	}
	puts("ready");
	fflush(stdout);
	(void)getchar();
	for (long i = 0; i < count; i++)
		close_session(&sessions[i]);
	free(sessions);
}

int
main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr,
		    "usage: load %s full|resumed|in|out|out100|echo|burst|turns|idle|idle64 1.2|1.3 COUNT\n",
		    reach_where);
		return 64;
	}
	const char *mode = argv[2];
	int version = strcmp(argv[3], "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
	long count = atol(argv[4]);

	signal(SIGPIPE, SIG_IGN);
	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384");
	SSL_CTX_set_cipher_list(ctx, "ECDHE+AES256+AESGCM");
	SSL_CTX_set1_groups_list(ctx, "P-256");
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, remember);
	reach_init(argv[1]);
	if (strcmp(mode, "full") == 0 || strcmp(mode, "resumed") == 0)
		handshakes(count, mode[0] == 'r');
	else if (strcmp(mode, "in") == 0 || strcmp(mode, "out") == 0)
		bulk(count, mode[0] == 'i', 10);
	else if (strcmp(mode, "out100") == 0)
		bulk(count, 0, BULK_SESSIONS_MAX);
	else if (strcmp(mode, "echo") == 0)
		round_trips(count);
	else if (strcmp(mode, "burst") == 0)
		waits(count, 1);
	else if (strcmp(mode, "turns") == 0)
		waits(count, 0);
	else if (strcmp(mode, "idle") == 0 || strcmp(mode, "idle64") == 0)
		idle(count, mode[4] != 0);
	else
		return 64;
	return 0;
}
