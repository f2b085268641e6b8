/* SPDX-License-Identifier: ISC */
/*
 * gate_crowd: how many sessions the clients of each network have, and how many they began lately, in all
 * processes of a service. An address may be a network of its own.
 *
 * The processes share a file. Each counts in a part of its own and adds up what the others have there, so
 * nobody waits. What a process that has ended leaves behind are no sessions, but it has been connected to.
 * Two clients of a network that come to two processes in the same instant, when there is room for one, may
 * both be sent away; never are there more than may be.
 *
 * A network that finds no place, because very many others have sessions, is not counted, and let in.
 */
#ifndef TLSGATE_GATE_CROWD_H
#define TLSGATE_GATE_CROWD_H

struct address_list;
struct err;
struct gate_crowd;

struct gate_crowd_limits {
	int sessions;                          /* from one network at once; 0: any number */
	int rate;                              /* begun by one network in one unit of time; 0: any number */
	int unit_s;                            /* at least 1 */
	int ipv4_bits, ipv6_bits;              /* that addresses of one network have in common */
	const struct address_list *exceptions; /* who is not counted; borrowed; may be NULL */
};

enum gate_crowd_verdict {
	GATE_CROWD_ENTERED,   /* gate_crowd_leave() is to be called */
	GATE_CROWD_UNCOUNTED, /* there is room, and nothing to be undone */
	GATE_CROWD_FULL,      /* as many sessions as may be */
	GATE_CROWD_FAST,      /* as many in this unit of time as may be */
};

/* `path` is that of the file, which is made if there is none. NULL: this process counts alone, and nothing
 * can fail. Otherwise NULL with err. Freed by the caller. */
struct gate_crowd *gate_crowd_new(const char *path, const struct gate_crowd_limits *limits, struct err *err);
void gate_crowd_free(struct gate_crowd *crowd);

/* One session more of "[address]:port". */
enum gate_crowd_verdict gate_crowd_enter(struct gate_crowd *crowd, const char *peer);

/* Undoes one gate_crowd_enter() that was GATE_CROWD_ENTERED. */
void gate_crowd_leave(struct gate_crowd *crowd, const char *peer);

#endif
