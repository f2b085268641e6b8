/* SPDX-License-Identifier: ISC */
/*
 * check_renewal: keys and certificates that another program renews: whether they come to be used.
 */
#include <stdlib.h>
#include <string.h>

#include "mail/mastercf.h"
#include "tls/pemfile.h"
#include "tlscheck/check_impl.h"
#include "tlscheck/lineage.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/text.h"

enum { PROGRAM_LIMIT = 64 << 20 };

/* --- the right one of the files --- */

static char *
beside(const char *path, const char *name)
{
	return alloc_printf("%.*s/%s", (int)(strrchr(path, '/') - path), path, name);
}

/* The value with another file in it. Freed by the caller. */
static char *
with_file(const char *value, const char *old, const char *new)
{
	const char *at = strstr(value, old);

	if (!at)
		return alloc_string(new);
	return alloc_printf("%.*s%s%s", (int)(at - value), value, new, at + strlen(old));
}

static bool
begins_with(const char *path, enum pemfile_kind kind, const char *digest)
{
	struct pemfile *pemfile = pemfile_new();
	bool fits = pemfile_add_file(pemfile, path, NULL) == 0 && pemfile_count(pemfile) > 0 &&
		    pemfile_object(pemfile, 0)->kind == kind &&
		    strcmp(pemfile_object(pemfile, 0)->digest, digest) == 0;

	pemfile_free(pemfile);
	return fits;
}

void
check_renewal_mend_chain(
    const struct check_chain *chain, struct finding *found, const char *file, const char *digest)
{
	const char *source = scope_source(chain->scope, chain->name);
	char *full = beside(file, "fullchain.pem");

	if (!chain->where && strcmp(full, file) != 0 && begins_with(full, PEMFILE_CERTIFICATE, digest)) {
		char *value = with_file(scope_value(chain->scope, source), file, full);

		scope_mend_set(chain->scope, found, source, value, false);
		free(value);
	}
	free(full);
}

void
check_renewal_mend_key(
    struct scope *scope, struct finding *found, const char *name, const char *file, const char *digest)
{
	char *key = beside(file, "privkey.pem");

	if (begins_with(key, PEMFILE_KEY, digest))
		scope_mend_set(scope, found, name, key, false);
	free(key);
}

bool
check_renewal_mend_links(struct finding *found, const char *key, const char *cert)
{
	struct lineage lineage;
	int last, generation = lineage_generation(key);

	if (generation == lineage_generation(cert) || !lineage_find(&lineage, key))
		return false;
	last = lineage_last(&lineage);
	if (last > 0) {
		finding_because(found, "TLS is off: a renewal stopped half-way, with the links to the key "
				       "and to the certificate "
				       "of different age");
		lineage_mend_links(&lineage, found, last);
	}
	lineage_release(&lineage);
	return last > 0;
}

/* --- what happens after a renewal --- */

void
check_renewal_mend_hook(const struct lineage *lineage, struct finding *found, const char *command)
{
	char *directory = alloc_printf("%s/renewal-hooks/deploy", lineage->base);
	char *hook = alloc_printf("%s/postfix", directory);
	char *quoted_directory = finding_quote(directory), *quoted_hook = finding_quote(hook);
	char *quoted_command = finding_quote(command);

	finding_mend(found, "mkdir -p %s", quoted_directory);
	finding_mend(found, "printf '#!/bin/sh\\n%%s\\n' %s >%s", quoted_command, quoted_hook);
	finding_mend(found, "chmod 755 %s", quoted_hook);
	free(quoted_command);
	free(quoted_hook);
	free(quoted_directory);
	free(hook);
	free(directory);
}

/* A program that has no word for it has not learnt it. What cannot be read is taken for one that has. */
static bool
reloads(struct scope *scope)
{
	static const char name[] = "tlsproxy_certificate_reload";
	const char *command = scope_entry(scope)->command;
	char *path = *command == '/' ? alloc_string(command)
				     : alloc_printf("%s/%s", scope_value(scope, "daemon_directory"), command);
	struct buf program = BUF_INIT;
	bool knows = file_read(path, PROGRAM_LIMIT, &program, NULL) < 0 ||
		     memmem(program.bytes, program.len, name, strlen(name));

	buf_release(&program);
	free(path);
	return knows && scope_is_yes(scope, name);
}

static void
check_hook(const struct role *role, const char *name, const struct lineage *lineage)
{
	struct scope *proxy = effective_find(role->check->effective, "tlsproxy");
	struct finding *found;
	char *command;

	if (!proxy || reloads(proxy) || lineage_has_hook(lineage))
		return;
	found = check_found(role->check, role->scope, "renewal-no-hook", name,
	    "%s/renewal/%s.conf: nothing is run after a renewal", lineage->base, lineage->name);
	command = alloc_printf("postfix %sreload", role->check->site->option);
	check_renewal_mend_hook(lineage, found, command);
	free(command);
}

static void
check_links(const struct role *role, const char *name, const struct lineage *lineage)
{
	char *key = lineage_file(lineage, "privkey.pem"), *certs = lineage_file(lineage, "fullchain.pem");
	int generation = lineage_generation(certs), last = lineage_last(lineage);

	/* Of two that differ, the mismatch is found. */
	if (last > generation && lineage_generation(key) == generation)
		lineage_mend_links(lineage,
		    check_found(role->check, role->scope, "renewal-not-linked", name,
			"%s: the links lead to files of generation %d, and %d is complete", certs, generation,
			last),
		    last);
	free(certs);
	free(key);
}

static void
check_files_of(const struct role *role, const char *rest)
{
	const char *name = role_name(role, rest), *list = role_value(role, rest), *word;
	size_t len;

	while ((word = text_token(&list, TEXT_LIST_SEPARATORS, &len))) {
		char *file = alloc_string_n(word, len);
		struct lineage lineage;

		if (lineage_find(&lineage, file)) {
			check_links(role, name, &lineage);
			if (role->server)
				check_hook(role, name, &lineage);
			lineage_release(&lineage);
		}
		free(file);
	}
}

static void
check_role(const struct role *role)
{
	static const char *const pairs[] = { "cert_file", "eccert_file", "dcert_file" };

	if (role_level(role) < LEVEL_MAY)
		return;
	check_files_of(role, "chain_files");
	for (size_t i = 0; !*role_value(role, "chain_files") && i < sizeof pairs / sizeof *pairs; i++)
		check_files_of(role, pairs[i]);
}

void
check_renewal(struct check *check)
{
	check_each_role(check, check_role);
}
