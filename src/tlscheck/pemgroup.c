/* SPDX-License-Identifier: ISC */
#include "tlscheck/pemgroup.h"

#include <stdlib.h>
#include <string.h>

#include "tls/pemfile.h"
#include "tlscheck/check_impl.h"

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
	} else if (object->kind == PEMFILE_OTHER) {
		group_found(check, chain, "pem-other", "%s: PEM object %d is of type %s", object->file,
		    object->index, object->type);
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

/* --- keys and certificates --- */

static void
report_mismatch(struct check *check, const struct check_chain *chain, const struct pemfile_object *key,
    const struct pemfile_object *leaf, bool fits_later)
{
	if (fits_later)
		group_found(check, chain, "leaf-not-first",
		    "%s: the certificate of the key in %s is not the first", leaf->file, key->file);
	else
		group_found(check, chain, "key-mismatch",
		    "%s: the key in %s does not belong to the certificate of %s", leaf->file, key->file,
		    leaf->subject);
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

static void
check_digests(
    struct check *check, const struct check_chain *chain, const struct pemfile_object *key, size_t leaf)
{
	const struct pemfile_object *cert = pemfile_object(chain->pemfile, leaf);

	if (!key->encrypted && strcmp(key->digest, cert->digest) != 0)
		report_mismatch(check, chain, key, cert, fits_later(chain->pemfile, leaf, key->digest));
}

void
pemgroup_check_match(struct check *check, const struct check_chain *chain, const struct pemfile *keys,
    const char *key_name, size_t leaf)
{
	size_t key = pemfile_next(keys, PEMFILE_KEY, 0);

	if (key < pemfile_count(keys))
		check_digests(check, chain, pemfile_object(keys, key), leaf);
	else
		check_found(check, chain->scope, "no-pem", key_name,
		    "%s: there is no private key in the file", scope_source(chain->scope, key_name));
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
	check_digests(check, chain, object, leaf);

	struct check_chain own = *chain;

	own.key_file = object->file;
	check_chain(check, &own, leaf);
}

void
pemgroup_check(struct check *check, const struct check_chain *chain)
{
	const struct pemfile *pemfile = chain->pemfile;
	size_t count = pemfile_count(pemfile);
	size_t key = pemfile_next(pemfile, PEMFILE_KEY, 0);
	size_t cert = pemfile_next(pemfile, PEMFILE_CERTIFICATE, 0);

	pemgroup_check_objects(check, chain);
	if (key == count && cert == count)
		group_found(check, chain, "no-pem", "%s: there is neither key nor certificate",
		    scope_source(chain->scope, chain->name));
	else if (key == count)
		group_found(check, chain, "no-pem", "%s: there is no private key",
		    scope_source(chain->scope, chain->name));
	else if (cert < key)
		group_found(check, chain, "key-not-first", "%s: a certificate comes before the key",
		    pemfile_object(pemfile, cert)->file);
	for (; key < count; key = pemfile_next(pemfile, PEMFILE_KEY, key + 1))
		check_sequence(check, chain, key);
}
