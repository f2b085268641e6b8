/* SPDX-License-Identifier: ISC */
#include "postfix-tls/unusable.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "postfix-tls/keyfile.h"
#include "postfix-tls/site.h"
#include "tls/pemfile.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"

enum { FILE_LIMIT = 1 << 20 };

/* What a file should hold, for the words about it. */
static const struct content {
	enum pemfile_kind wanted, other;
	const char *name, *other_name;
	const char *command; /* of openssl(1), for one of these in DER */
} contents[] = {
	{ PEMFILE_KEY, PEMFILE_CERTIFICATE, "private key", "a certificate", "pkey" },
	{ PEMFILE_CERTIFICATE, PEMFILE_KEY, "certificate", "a private key", "x509" },
};

enum { KEY, CERTIFICATE };

/* A sequence whose first member is the version number of PKCS#12. */
static bool
is_pkcs12(const struct buf *bytes)
{
	const unsigned char *at = (const unsigned char *)buf_str(bytes);
	size_t header;

	if (bytes->len < 2 || at[0] != 0x30)
		return false;
	header = 2 + (at[1] > 0x80 ? at[1] & 0x7f : 0);
	return bytes->len >= header + 3 && memcmp(at + header, "\x02\x01\x03", 3) == 0;
}

/* Keys in hardware have such names in other programs. */
static bool
is_hardware(const char *path)
{
	const char *name = strstr(path, "pkcs11:");
	struct stat st;

	return name && (name == path || name[-1] == '/') && lstat(path, &st) < 0;
}

static void
without_blocks(const char *path, const struct content *content, struct err *err)
{
	struct buf bytes = BUF_INIT;
	char *word = site_shell_word(path);
	int result = file_read(path, FILE_LIMIT, &bytes, err);

	if (result == 0 && bytes.len == 0)
		err_set(err, "%s is empty", path);
	else if (result == 0 && is_pkcs12(&bytes))
		err_set(err,
		    "%s is PKCS#12: \"umask 077; openssl pkcs12 -in %s -nodes -out FILE\" makes a PEM file "
		    "of it",
		    path, word);
	else if (result == 0)
		err_set(err, "%s holds no %s: there is no PEM text in it", path, content->name);
	free(word);
	buf_release_secret(&bytes);
}

/* False when servers could make use of it, as far as it goes. */
static bool
is_of_no_use(
    const struct pemfile_object *object, const struct content *content, const char *path, struct err *err)
{
	char *word = site_shell_word(path);
	bool found = true;

	if (object->der)
		err_set(err,
		    "%s is not PEM: \"umask 077; openssl %s -inform DER -in %s -out FILE\" makes a PEM file "
		    "of it",
		    path, content->command, word);
	else if (object->kind == PEMFILE_KEY && object->encrypted)
		err_set(err,
		    "the key in %s has a pass phrase, which no server could be told: \"umask 077; openssl "
		    "pkey -in %s -out "
		    "FILE\" takes it away",
		    path, word);
	else if (object->kind == PEMFILE_KEY && keyfile_algorithm_of(object->algorithm) == KEYFILE_OTHER)
		err_set(err, "%s: %s keys are not supported", path, object->algorithm);
	else
		found = false;
	free(word);
	return found;
}

static void
look(const struct pemfile *pemfile, const char *path, const struct content *content, struct err *err)
{
	size_t wanted = pemfile_next(pemfile, content->wanted, 0);
	size_t bad = pemfile_next(pemfile, PEMFILE_BAD, 0);
	size_t count = pemfile_count(pemfile);

	if (wanted < count &&
	    (is_of_no_use(pemfile_object(pemfile, wanted), content, path, err) || wanted < bad))
		return;
	if (pemfile_cut_off(pemfile))
		err_set(err, "%s ends in the middle of a PEM block: get the file anew", path);
	else if (bad < count)
		err_set(err, "object %zu in %s cannot be decoded: get the file anew", bad + 1, path);
	else if (count == 0)
		without_blocks(path, content, err);
	else if (pemfile_next(pemfile, content->other, 0) < count)
		err_set(err, "%s holds no %s, but %s", path, content->name, content->other_name);
	else
		err_set(err, "%s holds no %s, but %s", path, content->name, pemfile_object(pemfile, 0)->type);
}

static void
explain(const char *path, const struct content *content, struct err *err)
{
	struct pemfile *pemfile;

	if (is_hardware(path)) {
		err_set(err, "%s: keys in hardware (PKCS#11) cannot be used, only those in PEM files", path);
		return;
	}
	pemfile = pemfile_new();
	if (pemfile_add_file(pemfile, path, err) == 0)
		look(pemfile, path, content, err);
	pemfile_free(pemfile);
}

void
unusable_key(const char *path, struct err *err)
{
	explain(path, &contents[KEY], err);
}

void
unusable_certificate(const char *path, struct err *err)
{
	explain(path, &contents[CERTIFICATE], err);
}
