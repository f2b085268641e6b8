/* SPDX-License-Identifier: ISC */
/*
 * probe_proxy: the same TLS session as probe_tls, by way of a tlsproxy, as smtp(8) does it where it uses
 * connections again.
 *
 * What the engine has to say of it is in the mail log then, but for the summary, which comes back.
 */
#ifndef TLSPROBE_PROBE_PROXY_H
#define TLSPROBE_PROBE_PROXY_H

struct buf;
struct probe_tls;
struct probe_wire;
struct summary;

/*
 * Hands the socket of `wire` to the tlsproxy that listens at `path`. From then on `wire` is what comes out of
 * it. 0 with `summary`, which the caller releases, whose strings are in `reply`, and after logging it; -1
 * after logging why not.
 */
int probe_proxy_start(const struct probe_tls *tls, const char *path, int port, struct probe_wire *wire,
    struct buf *reply, struct summary *summary) __attribute__((warn_unused_result));

#endif
