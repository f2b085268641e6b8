/* SPDX-License-Identifier: ISC */
/*
 * client: the connections to tlsmgr: the announcement, then requests and replies in order.
 *
 * No client waits for another: what one sent of its request, and what it has not read of its reply, is kept
 * in buffers of its own, and however much one sends at once, it gets its turn a little at a time. A request
 * must have come whole, and a reply must have been taken whole, within the time limit after its first byte:
 * one that sends a byte now and then does not stay for ever. Between requests a client may stay as long as it
 * likes, and costs little memory.
 *
 * Requests may be sent without waiting for the replies to those before them.
 */
#ifndef TLSMGR_CLIENT_H
#define TLSMGR_CLIENT_H

struct client_set;
struct mgr_request_env;
struct service;

/* What the clients share. All are borrowed. `timeout_s`: longest time for one request or reply. */
struct client_set *client_set_new(struct service *service, const struct mgr_request_env *env, int timeout_s);

/* After the last client, or at the end of the process. */
void client_set_free(struct client_set *set);

/* Takes `fd`. The client ends by itself. */
void client_start(struct client_set *set, int fd);

#endif
