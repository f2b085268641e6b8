/* SPDX-License-Identifier: ISC */
/* load_reach with a tlsproxy: the load generator is the caller that hands sockets over. */
#include "load_reach.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../tools/send_descriptor.h"
#include "load_tls.h"

const char reach_where[] = "QUEUE-DIRECTORY";

static const char *queue;
static int listener;

/* A list ends with an empty name. */
static void
skip_list(int fd)
{
	char list[4096];
	size_t have = 0;

	do {
		ssize_t n = read(fd, list + have, sizeof(list) - have);

		if (n <= 0)
			load_die("reply");
		have += (size_t)n;
	} while (have < 2 || list[have - 1] != 0 || list[have - 2] != 0);
}

static int
connect_service(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/private/%s", queue, name) >=
	    (int)sizeof(address.sun_path))
		load_die("queue directory");
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		load_die(address.sun_path);
	skip_list(fd);
	return fd;
}

static int
hand_over(int client)
{
	static const char request[] =
	    "remote_endpoint\0[127.0.0.1]:25\0flags\0001\0timeout\000300\0timeout\000300\0"
	    "serverid\0smtpd\0";
	int fd = connect_service("tlsproxy");

	load_write_all(fd, request, sizeof(request));
	skip_list(fd);
	if (send_descriptor(fd, client) < 0)
		load_die("pass the descriptor");
	close(client);
	return fd;
}

void
reach_init(const char *where)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	queue = where;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, 128) != 0)
		load_die("listen");
}

int
reach_connect(int *plain)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (getsockname(listener, (struct sockaddr *)&address, &len) != 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		load_die("connect");
	*plain = hand_over(accept(listener, NULL, NULL));
	return fd;
}

int
reach_plain(void)
{
	load_die("a session without its other end");
}
