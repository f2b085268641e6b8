/* SPDX-License-Identifier: ISC */
/*
 * load_reach: how both ends of a session through a TLS server are had: the client's and, behind the server,
 * the one that has the plaintext. One way is linked to a load generator; which, the build decides.
 *
 * A failure ends the program.
 */
#ifndef BENCH_LOAD_REACH_H
#define BENCH_LOAD_REACH_H

/* How to give `where`, for the usage line. */
extern const char reach_where[];

void reach_init(const char *where);

/* A connection to the server, TLS not yet begun. *plain: the other end, -1: it comes with the handshake. */
int reach_connect(int *plain);

/* The other end of a session whose handshake is done, in the order in which sessions are made. */
int reach_plain(void);

#endif
