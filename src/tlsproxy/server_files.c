/* SPDX-License-Identifier: ISC */
#include "tlsproxy/server_files.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/authority.h"
#include "tlsproxy/certfiles.h"
#include "tlsproxy/globals.h"
#include "tlsproxy/role_server.h"
#include "util/alloc.h"
#include "util/text.h"

/* Takes `path`. */
static void
add(struct server_files *files, char *path, bool needed)
{
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->names[i].path, path) == 0) {
			files->names[i].needed |= needed;
			free(path);
			return;
		}
	files->names = alloc_resize(files->names, files->count + 1, sizeof *files->names);
	files->names[files->count++] = (struct certfiles_name){ path, needed };
}

static void
add_list(struct server_files *files, const char *paths)
{
	const char *word;
	size_t len;

	while ((word = text_token(&paths, TEXT_LIST_SEPARATORS, &len)) != NULL)
		add(files, alloc_string_n(word, len), true);
}

static void
add_pair(struct server_files *files, const char *cert_file, const char *key_file)
{
	if (!*cert_file)
		return;
	add(files, alloc_string(cert_file), true);
	if (*key_file)
		add(files, alloc_string(key_file), true);
}

static void
add_certificates(struct server_files *files, const struct role_server_settings *settings)
{
	if (*settings->chain_files) {
		add_list(files, settings->chain_files);
		return;
	}
	if (!text_equal_nocase(settings->cert_file, "none"))
		add_pair(files, settings->cert_file, settings->key_file);
	add_pair(files, settings->dcert_file, settings->dkey_file);
	add_pair(files, settings->eccert_file, settings->eckey_file);
}

static void
add_others(
    struct server_files *files, const struct role_server_settings *settings, const struct globals *globals)
{
	const char *dh = settings->dh1024_param_file;

	if (*settings->CAfile)
		add(files, alloc_string(settings->CAfile), true);
	if (globals->append_default_CA && (*settings->CAfile || *settings->CApath))
		add(files, alloc_string(authority_default_file()), false);
	if (*dh && strcmp(dh, "auto") != 0)
		add(files, alloc_string(dh), false);
}

void
server_files_list(
    struct server_files *files, const struct role_server_settings *settings, const struct globals *globals)
{
	*files = (struct server_files){ 0 };
	if (!role_server_is_on(settings))
		return;
	add_certificates(files, settings);
	if (files->count > 0)
		add_others(files, settings, globals);
}

void
server_files_release(struct server_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free((char *)(uintptr_t)files->names[i].path);
	free(files->names);
}
