/* SPDX-License-Identifier: ISC */
/*
 * check_certs: the files with keys and certificates that each role is given.
 */
#include <stdlib.h>
#include <string.h>

#include "tls/pemfile.h"
#include "tlscheck/check_impl.h"
#include "tlscheck/pemgroup.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/text.h"

/* The three pairs of parameters. */
static const char *const pairs[][2] = {
	{ "cert_file", "key_file" },
	{ "eccert_file", "eckey_file" },
	{ "dcert_file", "dkey_file" },
};

enum { PAIR_COUNT = sizeof pairs / sizeof *pairs };

static struct check_chain
chain_of(const struct role *role, const char *name, const struct pemfile *pemfile)
{
	const char *file = role_value(role, "CAfile"), *path = role_value(role, "CApath");

	/* A client's own authorities are those of servers; those of clients are the server's. */
	return (struct check_chain){
		.pemfile = pemfile,
		.scope = role->scope,
		.name = name,
		.ca_file = *file ? file : scope_value(role->scope, "smtpd_tls_CAfile"),
		.ca_path = *path ? path : scope_value(role->scope, "smtpd_tls_CApath"),
		.host = role->server ? scope_value(role->scope, "myhostname") : NULL,
	};
}

static void
check_relative(const struct role *role, const char *name, const char *value)
{
	if (*value != '/')
		check_found(role->check, role->scope, "relative-path", name, "%s: %s is no absolute path",
		    scope_source(role->scope, name), value);
}

/* Adds a file, or says why not. */
static bool
add_file(const struct role *role, struct pemfile *pemfile, const char *name, const char *value)
{
	char *path = check_path(role->scope, value);
	struct err err;
	bool added = pemfile_add_file(pemfile, path, &err) == 0;

	check_relative(role, name, value);
	if (!added && !check_is_denied(role->check, scope_where(role->scope, name), path, err.code))
		check_found(role->check, role->scope, "file-unusable", name, "%s: %s",
		    scope_source(role->scope, name), err.text);
	free(path);
	return added;
}

static void
check_key_files(const struct role *role, const struct pemfile *pemfile, const char *name)
{
	for (size_t i = 0; i < pemfile_count(pemfile); i++)
		if (pemfile_object(pemfile, i)->kind == PEMFILE_KEY)
			check_key_file(role->check, role->scope, name, pemfile_object(pemfile, i)->file);
}

/* --- chain_files --- */

static void
check_chain_files(const struct role *role)
{
	const char *name = role_name(role, "chain_files");
	const char *list = role_value(role, "chain_files");
	struct pemfile *pemfile = pemfile_new();
	bool all = true;
	const char *word;
	size_t len;

	while ((word = text_token(&list, TEXT_LIST_SEPARATORS, &len))) {
		char *file = alloc_string_n(word, len);

		all = add_file(role, pemfile, name, file) && all;
		free(file);
	}
	if (all) {
		struct check_chain chain = chain_of(role, name, pemfile);

		pemgroup_check(role->check, &chain);
	}
	check_key_files(role, pemfile, name);
	pemfile_free(pemfile);
}

static void
check_pairs_ignored(const struct role *role)
{
	for (size_t i = 0; i < PAIR_COUNT; i++) {
		const char *name = scope_source(role->scope, role_name(role, pairs[i][0]));
		struct finding *found;

		if (!*role_value(role, pairs[i][0]) || !scope_raw(role->scope, name))
			continue;
		found = check_found(role->check, role->scope, "pairs-ignored", name,
		    "%s is ignored, because of %s", name,
		    check_setting(role->scope, role_name(role, "chain_files")));
		scope_mend_remove(role->scope, found, name, true);
	}
}

/* --- pairs --- */

/* Certificate and key are in files of their own, each of which may hold more. */
static void
check_two_files(const struct role *role, const struct pemfile *certs, const struct pemfile *keys, size_t pair)
{
	struct check_chain chain = chain_of(role, role_name(role, pairs[pair][0]), certs);
	size_t leaf = pemfile_next(certs, PEMFILE_CERTIFICATE, 0);
	const char *key_name = role_name(role, pairs[pair][1]);
	bool fits;

	pemgroup_check_objects(role->check, &chain);
	chain.pemfile = keys;
	chain.name = key_name;
	pemgroup_check_objects(role->check, &chain);
	chain.pemfile = certs;
	chain.name = role_name(role, pairs[pair][0]);
	if (leaf == pemfile_count(certs)) {
		check_found(role->check, role->scope, "no-pem", chain.name,
		    "%s: there is no certificate in %s", scope_source(role->scope, chain.name),
		    role_value(role, pairs[pair][0]));
		return;
	}
	fits = pemgroup_check_match(role->check, &chain, keys, key_name, leaf);
	chain.key_file = pemfile_count(keys) > 0 ? pemfile_object(keys, 0)->file : NULL;
	/* Of an authority's, taken for the server's, all has been said. */
	if (fits || !pemfile_object(certs, leaf)->authority || pemfile_object(certs, leaf)->self_signed)
		check_chain(role->check, &chain, leaf);
}

static void
check_pair(const struct role *role, size_t pair)
{
	const char *cert_name = role_name(role, pairs[pair][0]), *cert = role_value(role, pairs[pair][0]);
	const char *key_name = role_name(role, pairs[pair][1]), *key = role_value(role, pairs[pair][1]);
	struct pemfile *certs, *keys;

	if (!*cert && *key && scope_raw(role->scope, key_name)) {
		struct finding *found = check_found(role->check, role->scope, "key-alone", key_name,
		    "%s is set, but %s is not", key_name, cert_name);

		scope_mend_remove(role->scope, found, key_name, false);
	}
	if (!*cert || (role->server && text_equal_nocase(cert, "none")))
		return;
	certs = pemfile_new();
	keys = pemfile_new();
	if (add_file(role, certs, cert_name, cert) && add_file(role, keys, key_name, key)) {
		check_key_files(role, keys, key_name);
		check_two_files(role, certs, keys, pair);
	}
	pemfile_free(certs);
	pemfile_free(keys);
}

static void
check_role(const struct role *role)
{
	/* Then nothing of this is read. */
	if (role_level(role) == LEVEL_NONE && (role->server || !*role_value(role, "policy_maps")))
		return;
	if (*role_value(role, "chain_files")) {
		check_chain_files(role);
		check_pairs_ignored(role);
		return;
	}
	for (size_t i = 0; i < PAIR_COUNT; i++)
		check_pair(role, i);
}

void
check_certs(struct check *check)
{
	check_each_role(check, check_role);
}
