/* SPDX-License-Identifier: ISC */
/*
 * check_sni: tables of names and their chains: what is in them, and whether the files have changed since.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mail/map.h"
#include "tls/pemfile.h"
#include "tlscheck/check_impl.h"
#include "tlscheck/lineage.h"
#include "tlscheck/pemgroup.h"
#include "tlscheck/tables.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

struct reading {
	struct check *check;
	struct scope *scope;
	const char *name;
	const struct tables_item *item;
	bool first; /* nothing was asked of the index so far */
};

static void
mend(const struct reading *reading, struct finding *found)
{
	char *table = alloc_printf("%s:%s", reading->item->type, reading->item->path);
	char *quoted = finding_quote(table);

	finding_mend(found, "postmap %s-F %s", reading->check->site->option, quoted);
	finding_step(found, FINDING_POSTMAP, table, "-F ");
	free(quoted);
	free(table);
}

/* What the index holds are bytes of files in base64; without -F it is their names. */
static void
check_encoding(const struct reading *reading, const char *key)
{
	char *table = alloc_printf("%s:%s", reading->item->type, reading->item->path);
	struct buf value = BUF_INIT, ignored = BUF_INIT;
	struct map *map;
	struct err err;

	log_divert(&ignored);
	map = map_new(table, MAP_FOLD, &err);
	if (map && map_get(map, key, &value, &err) == 1 && *buf_str(&value) == '/')
		mend(reading, check_found(reading->check, reading->scope, "sni-not-files", reading->name,
				  "%s: %s has names of files in it instead of what is in the files",
				  reading->name, reading->item->index));
	log_divert(NULL);
	map_free(map);
	buf_release_secret(&value);
	buf_release(&ignored);
	free(table);
}

static void
check_age(const struct reading *reading, const char *file)
{
	struct stat index, pem;

	if (reading->item->indexed && stat(reading->item->index, &index) == 0 && stat(file, &pem) == 0 &&
	    pem.st_mtime > index.st_mtime)
		mend(reading, check_found(reading->check, reading->scope, "sni-outdated", reading->name,
				  "%s: %s is older than %s", reading->name, reading->item->index, file));
}

/* Whatever renews the file has to make the table anew, too. */
static void
check_hook(const struct reading *reading, const char *file)
{
	char *table = alloc_printf("%s:%s", reading->item->type, reading->item->path);
	struct lineage lineage;

	if (reading->item->indexed && lineage_find(&lineage, file)) {
		if (!lineage_has_hook(&lineage)) {
			char *command = alloc_printf("postmap %s-F %s", reading->check->site->option, table);

			check_renewal_mend_hook(&lineage,
			    check_found(reading->check, reading->scope, "renewal-no-hook", reading->name,
				"%s/renewal/%s.conf: nothing is run after a renewal, and %s holds copies",
				lineage.base, lineage.name, reading->item->index),
			    command);
			free(command);
		}
		lineage_release(&lineage);
	}
	free(table);
}

static void
check_line(const char *key, char *value, const char *where, void *context)
{
	struct reading *reading = context;
	struct pemfile *pemfile = pemfile_new();
	/* What a pattern stands for is not known. */
	char *host = key ? alloc_printf("%s%s", *key == '.' ? "any" : "", key) : NULL;
	struct check_chain chain = {
		.pemfile = pemfile,
		.scope = reading->scope,
		.name = reading->name,
		.where = where,
		.ca_file = scope_value(reading->scope, "smtpd_tls_CAfile"),
		.ca_path = scope_value(reading->scope, "smtpd_tls_CApath"),
		.host = host,
	};
	const char *at = value, *word;
	bool all = true;
	size_t len;

	while ((word = text_token(&at, TEXT_LIST_SEPARATORS, &len))) {
		char *file = alloc_string_n(word, len);
		struct err err;

		if (pemfile_add_file(pemfile, file, &err) < 0) {
			if (!check_is_denied(reading->check, alloc_string(where), file, err.code))
				check_add(reading->check, "file-unusable", alloc_string(where), "%s: %s",
				    key ? key : reading->name, err.text);
			all = false;
		}
		check_age(reading, file);
		check_hook(reading, file);
		free(file);
	}
	for (size_t i = 0; i < pemfile_count(pemfile); i++)
		if (pemfile_object(pemfile, i)->kind == PEMFILE_KEY)
			check_key_file(
			    reading->check, reading->scope, reading->name, pemfile_object(pemfile, i)->file);
	if (all && key)
		pemgroup_check(reading->check, &chain);
	if (reading->first && reading->item->indexed)
		check_encoding(reading, key);
	reading->first = false;
	pemfile_free(pemfile);
	free(host);
}

static void
check_table(struct check *check, struct scope *scope, const char *name, const struct tables_item *item)
{
	struct reading reading = {
		.check = check, .scope = scope, .name = name, .item = item, .first = true
	};
	struct stat index;

	if (item->indexed && stat(item->index, &index) == 0 && index.st_mode & S_IROTH)
		finding_mend_mode(check_found(check, scope, "key-readable", name,
				      "%s: everybody can read the private keys in it", item->index),
		    item->index, check_open_bits(index.st_mode));
	tables_lines(item, check_line, &reading);
}

static void
check_scope(struct check *check, struct scope *scope)
{
	if (*scope_value(scope, "tls_server_sni_maps"))
		tables_check(check, scope, "tls_server_sni_maps", "-F ", check_table);
}

void
check_sni(struct check *check)
{
	check_each_scope(check, check_scope);
}
