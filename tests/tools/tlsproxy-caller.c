/* SPDX-License-Identifier: ISC */
/*
 * tlsproxy-caller: plays the part of postscreen, or of smtp, towards a tlsproxy.
 *
 * Listens on a loopback port, which it prints. Each TCP connection is handed to the tlsproxy behind SOCKET;
 * what tlsproxy decrypts is sent back (echo) or relayed to a TCP port that speaks plaintext. With -c, what
 * connects speaks plaintext, and a connection to TCP port TARGET, which speaks TLS, is handed over with a
 * request as Postfix of that RELEASE (37, 311, 312) sends it. A child serves each connection, so that one
 * which hangs is alone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "send_descriptor.h"
#include "tlsproxy_request.h"

static const char announcement[] = "protocol\0tlsproxy_protocol\0";
static const char ready[] = "status\0001\0";

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "tlsproxy-caller: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
read_exactly(int fd, const char *expected, size_t len, const char *what)
{
	char got[64];
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(fd, got + have, len - have);

		if (n <= 0)
			die(what);
		have += (size_t)n;
	}
	if (memcmp(got, expected, len) != 0) {
		errno = EPROTO;
		die(what);
	}
}

static int
connect_tlsproxy(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		die(path);
	}
	strcpy(address.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die(path);
	return fd;
}

static int
connect_port(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("connect to the back end");
	return fd;
}

/* `release` 0: the server role. */
static int
hand_over(const char *path, int remote, int remote_port, int release)
{
	struct list request = { 0 };
	char endpoint[32];
	int fd = connect_tlsproxy(path);

	snprintf(endpoint, sizeof(endpoint), "[127.0.0.1]:%d", remote_port);
	request_common(&request, endpoint, release ? 2 : 1, 300, 300, release ? "smtp" : "smtpd");
	if (release)
		request_client(&request, &(struct session_request){ .release = release });
	read_exactly(fd, announcement, sizeof(announcement), "announcement");
	if (write(fd, request.bytes, request.len) != (ssize_t)request.len)
		die("send the request");
	list_free(&request);
	read_exactly(fd, ready, sizeof(ready), "status");
	if (send_descriptor(fd, remote) < 0)
		die("pass the descriptor");
	close(remote);
	return fd;
}

/* One piece from one descriptor to another, waiting as long as it takes; 0 at the end of input. */
static int
move(int from, int to)
{
	char piece[16384];
	ssize_t n = read(from, piece, sizeof(piece));
	ssize_t done = 0;

	if (n <= 0)
		return 0;
	while (done < n) {
		ssize_t written = write(to, piece + done, (size_t)(n - done));

		if (written <= 0)
			return 0;
		done += written;
	}
	return 1;
}

static void
relay(int plain, int backend)
{
	struct pollfd both[2] = { { .fd = plain, .events = POLLIN }, { .fd = backend, .events = POLLIN } };

	for (;;) {
		if (poll(both, 2, -1) < 0)
			return;
		if (both[0].revents != 0 && !move(plain, backend))
			return;
		if (both[1].revents != 0 && !move(backend, plain))
			return;
	}
}

static void
serve(const char *path, int client, int client_port, int backend_port)
{
	int plain = hand_over(path, client, client_port, 0);

	if (backend_port != 0) {
		relay(plain, connect_port(backend_port));
		return;
	}
	while (move(plain, plain))
		continue;
}

static void
serve_plaintext(const char *path, int client, int target_port, int release)
{
	relay(hand_over(path, connect_port(target_port), target_port, release), client);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	int release = 0;

	if (argc == 5 && strcmp(argv[1], "-c") == 0) {
		release = atoi(argv[2]);
		argc -= 2;
		argv += 2;
	}
	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: tlsproxy-caller SOCKET [BACKEND-PORT]\n"
				"       tlsproxy-caller -c RELEASE SOCKET TARGET-PORT\n");
		return 64;
	}
	signal(SIGCHLD, SIG_IGN);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, 1024) != 0 || getsockname(listener, (struct sockaddr *)&address, &len) != 0)
		die("listen");
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	for (;;) {
		struct sockaddr_in peer;
		socklen_t peer_len = sizeof(peer);
		int client = accept(listener, (struct sockaddr *)&peer, &peer_len);

		if (client < 0)
			continue;
		if (fork() == 0) {
			close(listener);
			if (release)
				serve_plaintext(argv[1], client, atoi(argv[2]), release);
			else
				serve(argv[1], client, ntohs(peer.sin_port), argc > 2 ? atoi(argv[2]) : 0);
			_exit(0);
		}
		close(client);
	}
}
