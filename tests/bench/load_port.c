/* SPDX-License-Identifier: ISC */
/* load_reach with a TLS server on a port: the load generator is the back end behind it, too. */
#include "load_reach.h"

#include <stdio.h>

#include "load_net.h"
#include "load_tls.h"

const char reach_where[] = "PORT:BACKEND-PORT";

static int listener;
static unsigned int server_port;

void
reach_init(const char *where)
{
	unsigned int backend_port;

	if (sscanf(where, "%u:%u", &server_port, &backend_port) != 2)
		load_die(reach_where);
	listener = load_net_listen(backend_port);
}

int
reach_connect(int *plain)
{
	*plain = -1;
	return load_net_connect(server_port);
}

int
reach_plain(void)
{
	return load_net_accept(listener);
}
