/* SPDX-License-Identifier: ISC */
/*
 * probe_tlsa: the TLSA records of a server, looked for under the names that RFC 7672 section 2.2 allows.
 */
#ifndef TLSPROBE_PROBE_TLSA_H
#define TLSPROBE_PROBE_TLSA_H

#include <stdbool.h>

#include "tlspolicy/policy_request.h"

struct dane_set;
struct probe_server;
struct resolver;

/* Logs what the client would: a lookup that failed, a record that is of no use. `insecure_too`: also where
 * the address is not proven (smtp_tls_force_insecure_host_tlsa_lookup). *records is the caller's and named
 * after the base domain; NULL unless the answer is POLICY_TLSA_USABLE. */
enum policy_tlsa probe_tlsa_find(struct resolver *resolver, const struct probe_server *server, int port,
    bool insecure_too, struct dane_set **records);

#endif
