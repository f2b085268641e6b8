/* SPDX-License-Identifier: ISC */
/*
 * role_files: the files that a role's parameters name.
 */
#ifndef TLSPROXY_ROLE_FILES_H
#define TLSPROXY_ROLE_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct certfiles_name;
struct globals;
struct role_client_settings;
struct role_server_settings;

struct role_files {
	struct certfiles_name *names; /* owned, and so are the paths */
	size_t count;
	bool certificates; /* there are some among them, and their keys */
};

/* All that a context is made of: certificates, keys, authorities, DH parameters; each once. None, when the
 * role is off. Released by the caller. */
void role_files_of_server(
    struct role_files *files, const struct role_server_settings *settings, const struct globals *globals);
void role_files_of_client(
    struct role_files *files, const struct role_client_settings *settings, const struct globals *globals);
void role_files_release(struct role_files *files);

#endif
