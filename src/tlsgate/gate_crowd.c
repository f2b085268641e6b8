/* SPDX-License-Identifier: ISC */
#include "tlsgate/gate_crowd.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/table.h"

struct gate_crowd {
	int limit;
	struct table *counts; /* owned; address to int */
};

struct gate_crowd *
gate_crowd_new(int limit)
{
	struct gate_crowd *crowd = alloc_zero(sizeof *crowd);

	crowd->limit = limit;
	crowd->counts = table_new(free);
	return crowd;
}

void
gate_crowd_free(struct gate_crowd *crowd)
{
	if (!crowd)
		return;
	table_free(crowd->counts);
	free(crowd);
}

/* Freed by the caller. */
static char *
address_of(const char *peer)
{
	return alloc_string_n(peer, strcspn(peer, "]"));
}

bool
gate_crowd_enter(struct gate_crowd *crowd, const char *peer)
{
	char *address = address_of(peer);
	int *count = table_get(crowd->counts, address);
	bool room = !count || *count < crowd->limit;

	if (!count) {
		count = alloc_zero(sizeof *count);
		table_put(crowd->counts, address, count);
	}
	if (room)
		++*count;
	free(address);
	return room;
}

void
gate_crowd_leave(struct gate_crowd *crowd, const char *peer)
{
	char *address = address_of(peer);
	int *count = table_get(crowd->counts, address);

	if (count && --*count == 0)
		table_remove(crowd->counts, address);
	free(address);
}
