/* SPDX-License-Identifier: ISC */
/*
 * load_net: ports of this machine, for load generators. A failure ends the program.
 */
#ifndef BENCH_LOAD_NET_H
#define BENCH_LOAD_NET_H

int load_net_listen(unsigned int port);
int load_net_connect(unsigned int port);

/* A connection of a listening socket; small pieces are sent at once. */
int load_net_accept(int listener);

#endif
