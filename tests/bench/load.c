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
 *   turns     COUNT full handshakes, one after the other; prints the median and the 99th percentile of their
 *             time, in us, from coming to the end of the handshake, the hand-over to tlsproxy included
 *   burst     the same of COUNT clients that come at once
 *   echo      COUNT round trips of 64 bytes, fifty sessions at once
 *   idle      COUNT sessions; prints "ready" and waits for end of file on standard input
 *   idle64    the same after 64 KiB each way
 *
 * Who pays for it is measured by the caller of this program (tlsproxy.sh, peers.sh).
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load_reach.h"
#include "load_tls.h"

enum { PIECE = 16384, BULK_SESSIONS_MAX = 100, ECHO_SESSIONS = 50, ECHO_BYTES = 64, WAITS_MAX = 1000 };

struct session {
	SSL *ssl;
	int plain;
	size_t bytes; /* to pass, for the bulk threads; of an answer, for round_trips */
};

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
	session.ssl = load_tls_new(fd, offer);
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
			offer = load_tls_newest();
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
send_request(const struct session *session)
{
	static const char bytes[ECHO_BYTES];

	if (SSL_write(session->ssl, bytes, ECHO_BYTES) != ECHO_BYTES)
		load_die("TLS write");
}

static void
answer_request(const struct session *session)
{
	char bytes[ECHO_BYTES];

	read_all(session->plain, bytes, sizeof(bytes));
	load_write_all(session->plain, bytes, sizeof(bytes));
}

/* Whether the answer is whole; a record may have been something else. */
static int
take_answer(struct session *session)
{
	char bytes[ECHO_BYTES];
	int n = SSL_read(session->ssl, bytes, ECHO_BYTES - (int)session->bytes);

	if (n <= 0)
		load_die("TLS read");
	session->bytes = (session->bytes + (size_t)n) % ECHO_BYTES;
	return session->bytes == 0;
}

/* Each session asks again as soon as it has its answer. The first of each pair of descriptors is its
 * client's. */
static void
round_trips(long count)
{
	struct session sessions[ECHO_SESSIONS];
	struct pollfd ends[2 * ECHO_SESSIONS];
	long asked = 0, answered = 0;

	for (int i = 0; i < ECHO_SESSIONS; i++) {
		sessions[i] = open_session(NULL);
		ping(&sessions[i], 1);
		ends[2 * i] = (struct pollfd){ .fd = SSL_get_fd(sessions[i].ssl), .events = POLLIN };
		ends[2 * i + 1] = (struct pollfd){ .fd = sessions[i].plain, .events = POLLIN };
	}
	for (; asked < count && asked < ECHO_SESSIONS; asked++)
		send_request(&sessions[asked]);
	while (answered < count) {
		if (poll(ends, 2 * ECHO_SESSIONS, -1) < 0)
			load_die("poll");
		for (int i = 0; i < ECHO_SESSIONS; i++) {
			if (ends[2 * i + 1].revents != 0)
				answer_request(&sessions[i]);
			if (ends[2 * i].revents == 0 || !take_answer(&sessions[i]))
				continue;
			answered++;
			if (asked < count) {
				send_request(&sessions[i]);
				asked++;
			}
		}
	}
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

struct wait {
	struct session session;
	double us;
	int over;
};

static double
us_since(const struct timespec *from)
{
	struct timespec to;

	clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)(to.tv_sec - from->tv_sec) * 1e6 + (double)(to.tv_nsec - from->tv_nsec) / 1e3;
}

static int
by_time(const void *a, const void *b)
{
	double x = ((const struct wait *)a)->us, y = ((const struct wait *)b)->us;

	return (x > y) - (x < y);
}

/* As far as it goes without waiting. Whether the handshake came to its end now. */
static int
further_handshake(struct wait *wait, const struct timespec *from)
{
	if (wait->over)
		return 0;
	int rc = SSL_connect(wait->session.ssl);

	if (rc != 1 && SSL_get_error(wait->session.ssl, rc) != SSL_ERROR_WANT_READ)
		load_die("handshake");
	wait->over = rc == 1;
	if (wait->over)
		wait->us = us_since(from);
	return wait->over;
}

struct arrivals {
	struct wait *waits;
	long count;
	int ready;
};

/* Clients come while others are in their handshakes: a caller hands sockets over beside all else. */
static void *
come(void *arg)
{
	const struct arrivals *arrivals = arg;

	for (long i = 0; i < arrivals->count; i++) {
		struct wait *wait = &arrivals->waits[i];
		struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = wait };

		wait->session = prepare_session(NULL);
		int fd = SSL_get_fd(wait->session.ssl);

		if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
		    epoll_ctl(arrivals->ready, EPOLL_CTL_ADD, fd, &event) != 0)
			load_die("epoll");
	}
	return NULL;
}

static void
all_at_once(struct wait *waits, long count)
{
	struct arrivals arrivals = { .waits = waits, .count = count, .ready = epoll_create1(0) };
	struct timespec from;
	pthread_t thread;

	clock_gettime(CLOCK_MONOTONIC, &from);
	if (pthread_create(&thread, NULL, come, &arrivals) != 0)
		load_die("thread");
	for (long over = 0; over < count;) {
		struct epoll_event events[64];
		int n = epoll_wait(arrivals.ready, events, 64, -1);

		for (int i = 0; i < n; i++)
			over += further_handshake(events[i].data.ptr, &from);
	}
	pthread_join(thread, NULL);
	close(arrivals.ready);
	for (long i = 0; i < count; i++)
		find_plain(&waits[i].session);
	for (long i = 0; i < count; i++)
		close_session(&waits[i].session);
}

static void
one_by_one(struct wait *waits, long count)
{
	for (long i = 0; i < count; i++) {
		struct timespec from;

		clock_gettime(CLOCK_MONOTONIC, &from);
		waits[i].session = prepare_session(NULL);
		begin_tls(&waits[i].session);
		waits[i].us = us_since(&from);
		find_plain(&waits[i].session);
		close_session(&waits[i].session);
	}
}

static void
measure_waits(long count, int at_once)
{
	static struct wait waits[WAITS_MAX];

	if (count < 1 || count > WAITS_MAX)
		load_die("count");
	if (at_once)
		all_at_once(waits, count);
	else
		one_by_one(waits, count);
	qsort(waits, (size_t)count, sizeof(waits[0]), by_time);
	printf("%.0f %.0f\n", waits[count / 2].us, waits[(count * 99 - 1) / 100].us);
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
	long count = atol(argv[4]);

	signal(SIGPIPE, SIG_IGN);
	load_tls_init(argv[3]);
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
		measure_waits(count, 1);
	else if (strcmp(mode, "turns") == 0)
		measure_waits(count, 0);
	else if (strcmp(mode, "idle") == 0 || strcmp(mode, "idle64") == 0)
		idle(count, mode[4] != 0);
	else
		return 64;
	return 0;
}
