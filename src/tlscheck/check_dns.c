/* SPDX-License-Identifier: ISC */
/*
 * check_dns: TLSA records of the server, as the DNS has them, against the certificates it serves.
 */
#include <stdlib.h>
#include <string.h>

#include "tls/dane.h"
#include "tls/pemfile.h"
#include "tlscheck/check_impl.h"
#include "tlscheck/resolver.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/hex.h"
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

static void
check_leaf(const struct role *role, const struct pemfile *pemfile, size_t leaf,
    const struct dane_set *records, const char *name)
{
	const struct pemfile_object *cert = pemfile_object(pemfile, leaf);
	struct finding *found;

	for (size_t i = 0; i < dane_set_count(records); i++)
		if (speaks_for(dane_set_record(records, i), pemfile, leaf))
			return;
	found = check_found(role->check, role->scope, "tlsa-mismatch", "myhostname",
	    "%s: no TLSA record fits the %s certificate in %s", name, cert->algorithm, cert->file);
	finding_mend(found, "postfix %stls output-server-tlsa", role->check->site->option);
}

static void
check_record(const struct role *role, const struct pemfile *pemfile, const struct dane_record *record,
    const char *name)
{
	size_t count = pemfile_count(pemfile);
	struct buf hex = BUF_INIT;

	for (size_t leaf = next_leaf(pemfile, 0); leaf < count; leaf = next_leaf(pemfile, leaf))
		if (speaks_for(record, pemfile, leaf))
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

	add_served(role, pemfile);
	for (size_t leaf = next_leaf(pemfile, 0); leaf < pemfile_count(pemfile);
	     leaf = next_leaf(pemfile, leaf))
		check_leaf(role, pemfile, leaf, records, name);
	for (size_t i = 0; i < dane_set_count(records); i++)
		check_record(role, pemfile, dane_set_record(records, i), name);
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
