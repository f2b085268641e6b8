/* SPDX-License-Identifier: ISC */
#include "tlsproxy/role_files.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/authority.h"
#include "tls/context.h"
#include "tlsproxy/certfiles.h"
#include "tlsproxy/globals.h"
#include "tlsproxy/role_client.h"
#include "tlsproxy/role_server.h"
#include "util/alloc.h"
#include "util/text.h"

/* What is the same in both roles. */
struct values {
	const char *chain_files;
	const char *cert_file, *key_file;
	const char *dcert_file, *dkey_file;
	const char *eccert_file, *eckey_file;
	const char *CAfile, *CApath;
};

/* Takes `path`. */
static void
add(struct role_files *files, char *path, bool needed)
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
add_list(struct role_files *files, const char *paths)
{
	const char *word;
	size_t len;

	while ((word = text_token(&paths, TEXT_LIST_SEPARATORS, &len)) != NULL)
		add(files, alloc_string_n(word, len), true);
}

static void
add_pair(struct role_files *files, const char *cert_file, const char *key_file)
{
	if (!*cert_file)
		return;
	add(files, alloc_string(cert_file), true);
	if (*key_file)
		add(files, alloc_string(key_file), true);
}

static void
add_certificates(struct role_files *files, const struct values *values)
{
	if (*values->chain_files) {
		add_list(files, values->chain_files);
	} else {
		add_pair(files, values->cert_file, values->key_file);
		add_pair(files, values->dcert_file, values->dkey_file);
		add_pair(files, values->eccert_file, values->eckey_file);
	}
	files->certificates = files->count > 0;
}

/* A directory need not be there: it is looked into when an authority is wanted. */
static void
add_authorities(struct role_files *files, const struct values *values, const struct globals *globals)
{
	if (*values->CAfile)
		add(files, alloc_string(values->CAfile), true);
	if (*values->CApath)
		add(files, alloc_string(values->CApath), false);
	if (globals->append_default_CA && (*values->CAfile || *values->CApath))
		add(files, alloc_string(authority_default_file()), false);
}

void
role_files_of_server(
    struct role_files *files, const struct role_server_settings *settings, const struct globals *globals)
{
	struct values values = { CONTEXT_FILE_NAMES(settings) };
	const char *dh = settings->dh1024_param_file;

	*files = (struct role_files){ 0 };
	if (!role_server_is_on(settings))
		return;
	if (text_equal_nocase(values.cert_file, "none"))
		values.cert_file = "";
	add_certificates(files, &values);
	if (!files->certificates)
		return;
	add_authorities(files, &values, globals);
	if (*dh && strcmp(dh, "auto") != 0)
		add(files, alloc_string(dh), false);
}

void
role_files_of_client(
    struct role_files *files, const struct role_client_settings *settings, const struct globals *globals)
{
	const struct values values = { CONTEXT_FILE_NAMES(settings) };

	*files = (struct role_files){ 0 };
	if (!role_client_is_on(settings))
		return;
	add_certificates(files, &values);
	add_authorities(files, &values, globals);
}

void
role_files_release(struct role_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free((char *)(uintptr_t)files->names[i].path);
	free(files->names);
}
