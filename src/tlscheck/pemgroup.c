/* SPDX-License-Identifier: ISC */
#include "tlscheck/pemgroup.h"

#include <stdlib.h>
#include <string.h>

#include "tls/pemfile.h"
#include "tlscheck/check_impl.h"
#include "tlscheck/pemorder.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

#define group_found(check, chain, id, ...) check_add(check, id, check_chain_where(chain), __VA_ARGS__)

/* --- objects --- */

static void
check_object(struct check *check, const struct check_chain *chain, const struct pemfile_object *object)
{
	char *file = finding_quote(object->file);
	struct finding *found;

	if (object->der) {
		found = group_found(check, chain, "not-pem", "%s: this is DER, not PEM", object->file);
		finding_mend(found, "openssl %s -inform DER -in %s -out %s.new",
		    object->kind == PEMFILE_KEY ? "pkey" : "x509", file, file);
		finding_mend(found, "mv %s.new %s", file, file);
	} else if (object->kind == PEMFILE_BAD) {
		group_found(check, chain, "pem-bad", "%s: PEM object %d, \"%s\", cannot be decoded",
		    object->file, object->index, object->type);
	} else if (object->encrypted) {
		found = group_found(
		    check, chain, "key-encrypted", "%s: the key needs a pass phrase", object->file);
		finding_mend(found, "openssl pkey -in %s -out %s.new", file, file);
		finding_mend(found, "mv %s.new %s", file, file);
	}
	free(file);
}

void
pemgroup_check_objects(struct check *check, const struct check_chain *chain)
{
	const char *cut_off = pemfile_cut_off(chain->pemfile);

	if (cut_off)
		group_found(check, chain, "pem-cut-off", "%s: the file ends inside a PEM block", cut_off);
	for (size_t i = 0; i < pemfile_count(chain->pemfile); i++)
		check_object(check, chain, pemfile_object(chain->pemfile, i));
}

/* A file with a certificate or a key alone may have more; readers of chains warn. */
static void
check_others(struct check *check, const struct check_chain *chain)
{
	for (size_t i = 0; i < pemfile_count(chain->pemfile); i++) {
		const struct pemfile_object *object = pemfile_object(chain->pemfile, i);

		if (object->kind == PEMFILE_OTHER)
			group_found(check, chain, "pem-other", "%s: PEM object %d is of type %s",
			    object->file, object->index, object->type);
	}
}

/* --- keys and certificates --- */

static void
report_mismatch(struct check *check, const struct check_chain *chain, const struct pemfile_object *key,
    const struct pemfile_object *leaf, bool fits_later)
{
	struct finding *found;

	if (fits_later) {
		found = group_found(check, chain, "leaf-not-first",
		    "%s: the certificate of the key in %s is not the first", leaf->file, key->file);
		pemorder_mend(found, chain->pemfile, leaf->file, key->digest, pemfile_count(chain->pemfile));
		return;
	}
	found = group_found(check, chain, "key-mismatch",
	    "%s: the key in %s does not belong to the certificate of %s", leaf->file, key->file,
	    leaf->subject);
	if (!check_renewal_mend_links(found, key->file, leaf->file))
		check_renewal_mend_chain(chain, found, leaf->file, key->digest);
}

/* Does the key's public half, by its digest, have one of the later certificates? */
static bool
fits_later(const struct pemfile *certs, size_t leaf, const char *digest)
{
	size_t end = pemfile_next(certs, PEMFILE_KEY, leaf);

	for (size_t i = leaf + 1; i < end; i++)
		if (strcmp(pemfile_object(certs, i)->digest, digest) == 0)
			return true;
	return false;
}

/* False: they do not belong together. */
static bool
check_digests(
    struct check *check, const struct check_chain *chain, const struct pemfile_object *key, size_t leaf)
{
	const struct pemfile_object *cert = pemfile_object(chain->pemfile, leaf);

	if (key->encrypted || strcmp(key->digest, cert->digest) == 0)
		return true;
	report_mismatch(check, chain, key, cert, fits_later(chain->pemfile, leaf, key->digest));
	return false;
}

bool
pemgroup_check_match(struct check *check, const struct check_chain *chain, const struct pemfile *keys,
    const char *key_name, size_t leaf)
{
	size_t key = pemfile_next(keys, PEMFILE_KEY, 0);

	if (key < pemfile_count(keys))
		return check_digests(check, chain, pemfile_object(keys, key), leaf);
	check_renewal_mend_key(chain->scope,
	    check_found(check, chain->scope, "no-pem", key_name, "%s: there is no private key in the file",
		scope_source(chain->scope, key_name)),
	    key_name, pemfile_object(chain->pemfile, leaf)->file,
	    pemfile_object(chain->pemfile, leaf)->digest);
	return true;
}

/* A key of the same kind was there before. */
static void
check_twin(struct check *check, const struct check_chain *chain, size_t key)
{
	const struct pemfile_object *object = pemfile_object(chain->pemfile, key);

	for (size_t i = 0; i < key; i++) {
		const struct pemfile_object *other = pemfile_object(chain->pemfile, i);

		if (other->kind == PEMFILE_KEY && !object->encrypted && !other->encrypted &&
		    strcmp(other->algorithm, object->algorithm) == 0) {
			group_found(check, chain, "same-kind-twice",
			    "%s: there is an %s key before the one in %s", object->file, object->algorithm,
			    object->file);
			return;
		}
	}
}

static void
check_sequence(struct check *check, const struct check_chain *chain, size_t key)
{
	const struct pemfile *pemfile = chain->pemfile;
	const struct pemfile_object *object = pemfile_object(pemfile, key);
	size_t leaf = pemfile_next(pemfile, PEMFILE_CERTIFICATE, key);

	check_twin(check, chain, key);
	if (leaf >= pemfile_next(pemfile, PEMFILE_KEY, key + 1)) {
		group_found(check, chain, "key-without-certificate", "%s: no certificate follows the key",
		    object->file);
		return;
	}
	/* Of an authority's, taken for the server's, all has been said. */
	if (!check_digests(check, chain, object, leaf) && pemfile_object(pemfile, leaf)->authority &&
	    !pemfile_object(pemfile, leaf)->self_signed)
		return;

	struct check_chain own = *chain;

	own.key_file = object->file;
	check_chain(check, &own, leaf);
}

/* In one file its blocks change places, of several the names do. */
static void
mend_key_first(const struct check_chain *chain, struct finding *found, size_t key)
{
	const struct pemfile_object *object = pemfile_object(chain->pemfile, key);
	const char *list = scope_value(chain->scope, chain->name), *word;
	struct buf files = BUF_INIT;
	bool leads = false;
	size_t len;

	buf_add_str(&files, object->file);
	while (!chain->where && (word = text_token(&list, TEXT_LIST_SEPARATORS, &len))) {
		bool is_key_file = len == strlen(object->file) && strncmp(word, object->file, len) == 0;

		leads = leads || (is_key_file && files.len == strlen(object->file));
		if (!is_key_file)
			buf_printf(&files, ", %.*s", (int)len, word);
	}
	if (leads || chain->where)
		pemorder_mend(
		    found, chain->pemfile, object->file, object->digest, pemfile_count(chain->pemfile));
	else
		scope_mend_set(
		    chain->scope, found, scope_source(chain->scope, chain->name), buf_str(&files), false);
	buf_release(&files);
}

void
pemgroup_check(struct check *check, const struct check_chain *chain)
{
	const struct pemfile *pemfile = chain->pemfile;
	size_t count = pemfile_count(pemfile);
	size_t key = pemfile_next(pemfile, PEMFILE_KEY, 0);
	size_t cert = pemfile_next(pemfile, PEMFILE_CERTIFICATE, 0);

	pemgroup_check_objects(check, chain);
	check_others(check, chain);
	if (key == count && cert == count)
		group_found(check, chain, "no-pem", "%s: there is neither key nor certificate",
		    scope_source(chain->scope, chain->name));
	else if (key == count)
		group_found(check, chain, "no-pem", "%s: there is no private key",
		    scope_source(chain->scope, chain->name));
	else if (cert < key)
		mend_key_first(chain,
		    group_found(check, chain, "key-not-first", "%s: a certificate comes before the key",
			pemfile_object(pemfile, cert)->file),
		    key);
	for (; key < count; key = pemfile_next(pemfile, PEMFILE_KEY, key + 1))
		check_sequence(check, chain, key);
}
