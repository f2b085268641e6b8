/* SPDX-License-Identifier: ISC */
#include "tlsgate/builtin_pair.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "tlsgate/builtin.h"
#include "tlsgate/gate_side.h"
#include "util/alloc.h"
#include "util/err.h"

struct builtin_pair {
	struct builtin *builtin; /* owned */
	struct gate_side side;
	bool over;
};

static void
pair_free(struct builtin_pair *pair)
{
	gate_side_close(&pair->side);
	builtin_free(pair->builtin);
	free(pair);
}

/* Replies that nobody fetches stop the reading of commands. */
static void
pair_run(struct builtin_pair *pair)
{
	struct gate_side *side = &pair->side;

	while (!pair->over && side->out.len < GATE_SIDE_ROOM) {
		size_t before = side->in.len;
		pair->over = !builtin_run(pair->builtin, &side->in, &side->out);
		if (side->in.len == before)
			break;
	}
	gate_side_flush(side);
	if (side->broken || ((side->eof || pair->over) && side->out.len == 0)) {
		pair_free(pair);
		return;
	}
	gate_side_arm(side, !side->eof && !pair->over && side->out.len < GATE_SIDE_ROOM ? EV_READ : 0);
}

static void
pair_event(evutil_socket_t fd, short what, void *context)
{
	struct builtin_pair *pair = context;

	(void)fd;
	if (what & EV_READ)
		gate_side_read(&pair->side);
	pair_run(pair);
}

int
builtin_pair_new(struct event_base *base, const char *hostname, const char *peer, struct err *err)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return err_errno(err, "socketpair");

	struct builtin_pair *pair = alloc_zero(sizeof *pair);
	gate_side_init(&pair->side);
	gate_side_open(&pair->side, base, fds[1], pair_event, pair);
	pair->builtin = builtin_new(hostname, peer, &pair->side.out);
	pair_run(pair);
	return fds[0];
}
