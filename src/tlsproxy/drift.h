/* SPDX-License-Identifier: ISC */
/*
 * drift: tells the administrator when a caller's settings are not those of tlsproxy.
 *
 * Each difference is told once. What was told is remembered for the last hundred of them, so that a caller
 * with ever new settings costs no memory.
 */
#ifndef TLSPROXY_DRIFT_H
#define TLSPROXY_DRIFT_H

struct drift;

struct drift *drift_new(void);
void drift_free(struct drift *drift);

/* `role`: what the caller's program is towards TLS, "client" or "server"; `differences`: as from
 * tlsproxy_proto_shape_differ(). */
void drift_warn(struct drift *drift, const char *role, const char *differences);

#endif
