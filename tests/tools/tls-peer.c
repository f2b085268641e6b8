/* SPDX-License-Identifier: ISC */
/*
 * tls-peer: many TLS clients in one process, driven by commands on standard input.
 *
 *   open N      N more sessions, handshake complete      -> "open N"
 *   resume N    the same, offering the saved session     -> "resumed M of N"
 *   raw N       N connections that send nothing          -> "raw N"
 *   half N      N connections with half a ClientHello    -> "half N"
 *   echo BYTES  through every session and back, compared -> "echo M of N"
 *   save        keeps the newest session for resume      -> "saved" or "none"
 *   end         waits until the peer ended each session  -> "ended M of N"
 *   close       closes every session and connection      -> "closed"
 *
 * Arguments: PORT 1.2|1.3. A wait longer than half a minute is a failure.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MAX 1000

static SSL_CTX *ctx;
static SSL_SESSION *newest, *saved;
static SSL *sessions[MAX];
static int n_sessions;
static int plain[MAX];
static int n_plain;
static int port;

static int
remember(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(newest);
	newest = session;
	return 1;
}

static int
connect_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = 30 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		perror("tls-peer: connect");
		exit(1);
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	return fd;
}

/* 1: open, and resumed. 0: open. -1: no session. */
static int
open_session(SSL_SESSION *offer)
{
	int fd = connect_port();
	SSL *ssl = SSL_new(ctx);

	if (n_sessions == MAX)
		exit(1);
	SSL_set_fd(ssl, fd);
	if (offer != NULL) {
		/* A copy: OpenSSL marks what it offered once as used up. */
		SSL_SESSION *copy = SSL_SESSION_dup(offer);

		SSL_set_session(ssl, copy);
		SSL_SESSION_free(copy);
	}
	if (SSL_connect(ssl) != 1) {
		ERR_print_errors_fp(stderr);
		SSL_free(ssl);
		close(fd);
		return -1;
	}
	sessions[n_sessions++] = ssl;
	return SSL_session_reused(ssl);
}

/* Records stay far below what the sockets in between can hold, so that both directions never fill at once. */
static int
echo(SSL *ssl, size_t bytes)
{
	static unsigned char out[16384], back[16384];
	unsigned char next = 1;

	while (bytes > 0) {
		size_t len = bytes < sizeof(out) ? bytes : sizeof(out);
		size_t have = 0;

		for (size_t i = 0; i < len; i++)
			out[i] = (unsigned char)(next = (unsigned char)(next * 5 + 7));
		if (SSL_write(ssl, out, (int)len) != (int)len)
			return 0;
		while (have < len) {
			int n = SSL_read(ssl, back + have, (int)(len - have));

			if (n <= 0)
				return 0;
			have += (size_t)n;
		}
		if (memcmp(out, back, len) != 0)
			return 0;
		bytes -= len;
	}
	return 1;
}

static int
ended(SSL *ssl)
{
	char byte;

	return SSL_read(ssl, &byte, 1) <= 0 && errno != EAGAIN;
}

static void
open_plain(int n, int half)
{
	/* A handshake record that announces 512 bytes and stops. */
	static const unsigned char hello[] = { 22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, 1, 2, 3, 4, 5, 6, 7, 8 };

	for (int i = 0; i < n && n_plain < MAX; i++) {
		plain[n_plain] = connect_port();
		if (half && write(plain[n_plain], hello, sizeof(hello)) != (ssize_t)sizeof(hello))
			exit(1);
		n_plain++;
	}
	printf("%s %d\n", half ? "half" : "raw", n);
}

static void
open_many(int n, SSL_SESSION *offer)
{
	int opened = 0, resumed = 0;

	for (int i = 0; i < n; i++) {
		int result = open_session(offer);

		opened += result >= 0;
		resumed += result == 1;
	}
	if (offer != NULL)
		printf("resumed %d of %d\n", resumed, n);
	else
		printf("open %d\n", opened);
}

static void
close_all(void)
{
	for (int i = 0; i < n_sessions; i++) {
		int fd = SSL_get_fd(sessions[i]);

		SSL_shutdown(sessions[i]);
		SSL_free(sessions[i]);
		close(fd);
	}
	for (int i = 0; i < n_plain; i++)
		close(plain[i]);
	n_sessions = n_plain = 0;
	puts("closed");
}

static void
obey(const char *word, int n)
{
	int good = 0;

	if (strcmp(word, "open") == 0) {
		open_many(n, NULL);
	} else if (strcmp(word, "resume") == 0) {
		open_many(n, saved);
	} else if (strcmp(word, "raw") == 0 || strcmp(word, "half") == 0) {
		open_plain(n, word[0] == 'h');
	} else if (strcmp(word, "echo") == 0) {
		for (int i = 0; i < n_sessions; i++)
			good += echo(sessions[i], (size_t)n);
		printf("echo %d of %d\n", good, n_sessions);
	} else if (strcmp(word, "end") == 0) {
		for (int i = 0; i < n_sessions; i++)
			good += ended(sessions[i]);
		printf("ended %d of %d\n", good, n_sessions);
	} else if (strcmp(word, "save") == 0) {
		SSL_SESSION_free(saved);
		saved = newest;
		newest = NULL;
		puts(saved != NULL ? "saved" : "none");
	} else if (strcmp(word, "close") == 0) {
		close_all();
	} else {
		printf("unknown command %s\n", word);
	}
}

int
main(int argc, char **argv)
{
	char line[80], word[20];

	if (argc != 3) {
		fprintf(stderr, "usage: tls-peer PORT 1.2|1.3\n");
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	port = atoi(argv[1]);
	ctx = SSL_CTX_new(TLS_client_method());
	int version = strcmp(argv[2], "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, remember);
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		int n = 0;

		if (sscanf(line, "%19s %d", word, &n) >= 1)
			obey(word, n);
	}
	return 0;
}
