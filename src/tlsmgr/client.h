/* SPDX-License-Identifier: ISC */
/*
 * client: one connection to tlsmgr: the announcement, then requests and replies in turn.
 *
 * No client waits for another: what one sent of its request, and what it has not read of its reply, is kept
 * in buffers of its own, with a time limit of its own. Between requests it may stay as long as it likes.
 */
#ifndef TLSMGR_CLIENT_H
#define TLSMGR_CLIENT_H

struct mgr_request_env;
struct service;

/* Takes `fd`. The client ends by itself. `timeout_s`: longest silence inside a request or a reply. */
void client_start(struct service *service, int fd, const struct mgr_request_env *env, int timeout_s);

#endif
