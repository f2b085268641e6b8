/* SPDX-License-Identifier: ISC */
/*
 * check_dns: TLSA records of the server, as the DNS has them, against the certificates it serves.
 */
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "tls/dane.h"
#include "tls/pemfile.h"
#include "tlscheck/check_impl.h"
#include "tlscheck/lineage.h"
#include "tlscheck/resolver.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/hex.h"
#include "util/log.h"
#include "util/buf.h"
#include "util/text.h"

enum { FIXED_LEN = 3 };

/* Appends the certificates of one file. What cannot be read, check_certs has found. */
static void
add_file(const struct role *role, struct pemfile *pemfile, const char *value)
{
	char *path = check_path(role->scope, value);
	struct err err;

	if (pemfile_add_file(pemfile, path, &err) < 0)
		pemfile_add(pemfile, path, "", 0);
	free(path);
}

static void
add_served(const struct role *role, struct pemfile *pemfile)
{
	static const char *const certs[] = { "cert_file", "eccert_file", "dcert_file" };
	static const char *const keys[] = { "key_file", "eckey_file", "dkey_file" };
	const char *list = role_value(role, "chain_files"), *word;
	size_t len;

	for (size_t i = 0; !*list && i < sizeof certs / sizeof *certs; i++)
		if (*role_value(role, certs[i])) {
			/* The key in front begins a chain, as it does in a list of chains. */
			add_file(role, pemfile, role_value(role, keys[i]));
			if (strcmp(role_value(role, certs[i]), role_value(role, keys[i])) != 0)
				add_file(role, pemfile, role_value(role, certs[i]));
		}
	while ((word = text_token(&list, TEXT_LIST_SEPARATORS, &len))) {
		char *file = alloc_string_n(word, len);

		add_file(role, pemfile, file);
		free(file);
	}
}

/* --- records --- */

static void
add_record(const unsigned char *data, size_t len, void *context)
{
	if (len > FIXED_LEN)
		dane_set_add(context, data[0], data[1], data[2], data + FIXED_LEN, len - FIXED_LEN);
}

/* Does a record speak for the chain that begins with this leaf? */
static bool
speaks_for(const struct dane_record *record, const struct pemfile *pemfile, size_t leaf)
{
	size_t end = pemfile_next(pemfile, PEMFILE_KEY, leaf);

	if (record->usage == DANE_USAGE_EE)
		end = leaf + 1;
	else if (record->usage != DANE_USAGE_TA)
		return false;
	for (size_t i = leaf; i < end; i++)
		if (pemfile_fits_record(
			pemfile, i, record->selector, record->mtype, record->data, record->len))
			return true;
	return false;
}

/* The certificate that follows a key or, in a file without one in front, the first. */
static size_t
next_leaf(const struct pemfile *pemfile, size_t from)
{
	return pemfile_next(pemfile, PEMFILE_CERTIFICATE, pemfile_next(pemfile, PEMFILE_KEY, from));
}

/* --- the next key --- */

/* Keys that were made, and are not served: new-server-key puts them beside main.cf. */
struct pending {
	glob_t files;
	struct pemfile *keys; /* owned */
};

static void
pending_init(struct pending *pending, const struct role *role, const struct pemfile *served)
{
	char *pattern = alloc_printf("%s/*key-*.pem", role->check->site->config_directory);

	pending->keys = pemfile_new();
	if (glob(pattern, 0, NULL, &pending->files) != 0)
		pending->files.gl_pathc = 0;
	free(pattern);
	for (size_t i = 0; i < pending->files.gl_pathc; i++) {
		struct pemfile *one = pemfile_new();
		bool is_served = pemfile_add_file(one, pending->files.gl_pathv[i], NULL) < 0 ||
				 pemfile_count(one) == 0 || pemfile_object(one, 0)->kind != PEMFILE_KEY;

		for (size_t n = 0; !is_served && n < pemfile_count(served); n++)
			is_served =
			    strcmp(pemfile_object(served, n)->digest, pemfile_object(one, 0)->digest) == 0;
		if (!is_served && pemfile_add_file(pending->keys, pending->files.gl_pathv[i], NULL) < 0)
			log_debug("%s is gone", pending->files.gl_pathv[i]);
		pemfile_free(one);
	}
}

static void
pending_release(struct pending *pending)
{
	pemfile_free(pending->keys);
	globfree(&pending->files);
}

/* Records of keys alone are the ones that can be made before there is a certificate. */
static bool
is_record_of(const struct dane_record *record, const struct pemfile_object *key)
{
	struct buf hex = BUF_INIT;
	bool is;

	if (record->usage != DANE_USAGE_EE || record->selector != 1 || record->mtype != 1)
		return false;
	hex_encode(&hex, record->data, record->len, 0);
	is = text_equal_nocase(buf_str(&hex), key->digest);
	buf_release(&hex);
	return is;
}

static void
check_pending(
    const struct role *role, const struct pending *pending, const struct dane_set *records, const char *name)
{
	for (size_t i = 0; i < pemfile_count(pending->keys); i++) {
		const struct pemfile_object *key = pemfile_object(pending->keys, i);
		struct finding *found;
		char *quoted;
		bool has = key->kind != PEMFILE_KEY;

		for (size_t n = 0; !has && n < dane_set_count(records); n++)
			has = is_record_of(dane_set_record(records, n), key);
		if (has)
			continue;
		quoted = finding_quote(key->file);
		found = check_found(role->check, role->scope, "tlsa-next-missing", "myhostname",
		    "%s: no record fits %s, which may be the next key", name, key->file);
		finding_mend(found, "postfix %stls output-server-tlsa %s", role->check->site->option, quoted);
		free(quoted);
	}
}

/* Who renews the certificate makes a new key each time, unless told not to. */
static void
check_rollover(const struct role *role, const struct pemfile_object *cert, const struct dane_record *record,
    const char *name)
{
	struct lineage lineage;
	struct finding *found;

	if (record->usage != DANE_USAGE_EE || !lineage_find(&lineage, cert->file))
		return;
	if (record->selector == 0) {
		found = check_found(role->check, role->scope, "tlsa-rollover", "myhostname",
		    "%s: the record is of the certificate in %s, and each renewal makes another", name,
		    cert->file);
		finding_mend(found, "postfix %stls output-server-tlsa", role->check->site->option);
	} else if (!lineage_says(&lineage, "reuse_key", "True")) {
		char *conf = alloc_printf("%s/renewal/%s.conf", lineage.base, lineage.name);
		char *quoted = finding_quote(conf);

		found = check_found(role->check, role->scope, "tlsa-rollover", "myhostname",
		    "%s: the record is of the key of %s, and each renewal makes another", name, cert->file);
		finding_mend(found, "sed -i '/^\\[renewalparams\\]/a reuse_key = True' %s", quoted);
		free(quoted);
		free(conf);
	}
	lineage_release(&lineage);
}

/* --- served and published --- */

static void
check_leaf(const struct role *role, const struct pemfile *pemfile, size_t leaf,
    const struct dane_set *records, const char *name)
{
	const struct pemfile_object *cert = pemfile_object(pemfile, leaf);
	struct finding *found;

	for (size_t i = 0; i < dane_set_count(records); i++)
		if (speaks_for(dane_set_record(records, i), pemfile, leaf)) {
			check_rollover(role, cert, dane_set_record(records, i), name);
			return;
		}
	found = check_found(role->check, role->scope, "tlsa-mismatch", "myhostname",
	    "%s: no TLSA record fits the %s certificate in %s", name, cert->algorithm, cert->file);
	finding_mend(found, "postfix %stls output-server-tlsa", role->check->site->option);
}

static void
check_record(const struct role *role, const struct pemfile *pemfile, const struct pending *pending,
    const struct dane_record *record, const char *name)
{
	size_t count = pemfile_count(pemfile);
	struct buf hex = BUF_INIT;

	for (size_t leaf = next_leaf(pemfile, 0); leaf < count; leaf = next_leaf(pemfile, leaf))
		if (speaks_for(record, pemfile, leaf))
			return;
	for (size_t i = 0; i < pemfile_count(pending->keys); i++)
		if (is_record_of(record, pemfile_object(pending->keys, i)))
			return;
	hex_encode(&hex, record->data, record->len, 0);
	check_found(role->check, role->scope, "tlsa-partly", "myhostname",
	    "%s: record %d %d %d %.16s... fits nothing", name, record->usage, record->selector, record->mtype,
	    buf_str(&hex));
	buf_release(&hex);
}

static void
compare(const struct role *role, const struct dane_set *records, const char *name)
{
	struct pemfile *pemfile = pemfile_new();
	struct pending pending;

	add_served(role, pemfile);
	pending_init(&pending, role, pemfile);
	check_pending(role, &pending, records, name);
	for (size_t leaf = next_leaf(pemfile, 0); leaf < pemfile_count(pemfile);
	     leaf = next_leaf(pemfile, leaf))
		check_leaf(role, pemfile, leaf, records, name);
	for (size_t i = 0; i < dane_set_count(records); i++)
		check_record(role, pemfile, &pending, dane_set_record(records, i), name);
	pending_release(&pending);
	pemfile_free(pemfile);
}

static void
check_answer(const struct role *role, const char *name)
{
	const struct check_site *site = role->check->site;
	struct resolver_config config = { .address = site->resolver,
		.trust_anchor = site->trust_anchor,
		.timeout_s = site->dns_timeout_s };
	struct dane_set *records = dane_set_new(name);
	struct finding *found;
	struct err err = { 0 };

	switch (resolver_tlsa(&config, name, add_record, records, &err)) {
	case RESOLVER_SECURE:
		compare(role, records, name);
		break;
	case RESOLVER_INSECURE:
		check_found(role->check, role->scope, "tlsa-insecure", "myhostname",
		    "%s: the records are not signed", name);
		break;
	case RESOLVER_NONE:
		found = check_found(role->check, role->scope, "tlsa-missing", "myhostname",
		    "%s: there are no TLSA records", name);
		finding_mend(found, "postfix %stls output-server-tlsa", site->option);
		break;
	case RESOLVER_FAILED:
		check_found(role->check, role->scope, "tlsa-error", "myhostname", "%s", err.text);
		break;
	}
	dane_set_free(records);
}

void
check_dns(struct check *check)
{
	struct role role = {
		.check = check,
		.scope = effective_scope(check->effective, 0),
		.prefix = "smtpd_tls_",
		.server = true,
	};
	char *name;

	if (!check->site->dns || role_level(&role) < LEVEL_MAY)
		return;
	name = alloc_printf("_25._tcp.%s", scope_value(role.scope, "myhostname"));
	check_answer(&role, name);
	free(name);
}
