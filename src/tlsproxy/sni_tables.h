/* SPDX-License-Identifier: ISC */
/*
 * sni_tables: the tables of tls_server_sni_maps, from the start on, and kept as their files are.
 */
#ifndef TLSPROXY_SNI_TABLES_H
#define TLSPROXY_SNI_TABLES_H

#include <stdbool.h>

struct globals;
struct role_server_settings;
struct service;

/* As root, outside the jail: opens the tables into `settings` and, with tlsproxy_certificate_reload, begins
 * to look after them. All are borrowed for good. `hold` as in renewal.h. */
void sni_tables_open(struct service *service, struct role_server_settings *settings,
    const struct globals *globals, void (*hold)(bool on, void *service));

#endif
