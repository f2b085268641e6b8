/* SPDX-License-Identifier: ISC */
/* load_reach with a TLS server on a port: the load generator is the back end behind it, too. */
#include "load_reach.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

const char reach_where[] = "PORT:BACKEND-PORT";

enum { BACKLOG = 1024 };

static int listener;
static struct sockaddr_in server;

static struct sockaddr_in
loopback(unsigned int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((in_port_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

void
reach_init(const char *where)
{
	unsigned int port, backend_port;

	if (sscanf(where, "%u:%u", &port, &backend_port) != 2)
		load_die(reach_where);
	server = loopback(port);
	struct sockaddr_in address = loopback(backend_port);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, BACKLOG) != 0)
		load_die("listen");
}

int
reach_connect(int *plain)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&server, sizeof(server)) != 0)
		load_die("connect");
	*plain = -1;
	return fd;
}

int
reach_plain(void)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		load_die("accept");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	return fd;
}
