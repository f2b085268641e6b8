/* SPDX-License-Identifier: ISC */
/*
 * server_files: the files that the server role's parameters name.
 */
#ifndef TLSPROXY_SERVER_FILES_H
#define TLSPROXY_SERVER_FILES_H

#include <stddef.h>

struct certfiles_name;
struct globals;
struct role_server_settings;

struct server_files {
	struct certfiles_name *names; /* owned, and so are the paths */
	size_t count;
};

/* All that a context is made of: certificates, keys, authorities, DH parameters; each once. None, when there
 * is no certificate or the role is off. Released by the caller. */
void server_files_list(
    struct server_files *files, const struct role_server_settings *settings, const struct globals *globals);
void server_files_release(struct server_files *files);

#endif
