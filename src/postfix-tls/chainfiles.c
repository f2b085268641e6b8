/* SPDX-License-Identifier: ISC */
#include "postfix-tls/chainfiles.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "postfix-tls/postconf.h"
#include "postfix-tls/site.h"
#include "tls/pemfile.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/text.h"

#define PARAMETER "smtpd_tls_chain_files"

static void
add_file(struct chainfiles *chain, const struct site *site, const char *name, size_t len)
{
	char *copy = alloc_string_n(name, len);
	struct buf word = BUF_INIT;
	size_t n = chain->count++;

	chain->files = alloc_resize(chain->files, n + 1, sizeof *chain->files);
	chain->words = alloc_resize(chain->words, n + 1, sizeof *chain->words);
	chain->files[n] = site_served_path(site, copy);
	postconf_quote(&word, copy);
	chain->words[n] = buf_detach(&word);
	free(copy);
}

/* Where main.cf has as many words as there are files, each stands for one, with its references. */
static void
keep_words(struct chainfiles *chain, const char *raw)
{
	const char *at = raw;
	size_t len, count = 0;
	const char *word;

	while (text_token(&at, TEXT_LIST_SEPARATORS, &len))
		count++;
	if (count != chain->count || strpbrk(raw, "?:"))
		return;
	at = raw;
	for (size_t i = 0; (word = text_token(&at, TEXT_LIST_SEPARATORS, &len)); i++) {
		free(chain->words[i]);
		chain->words[i] = alloc_string_n(word, len);
	}
}

int
chainfiles_init(struct chainfiles *chain, const struct site *site, struct err *err)
{
	const char *raw = postconf_raw(site->postconf, PARAMETER);
	struct buf value = BUF_INIT;
	const char *at, *name;
	size_t len;
	int result = 0;

	*chain = (struct chainfiles){ .pemfile = pemfile_new() };
	if (postconf_value(site->postconf, PARAMETER, &value, err) < 0)
		result = -1;
	at = buf_str(&value);
	while (result >= 0 && (name = text_token(&at, TEXT_LIST_SEPARATORS, &len))) {
		add_file(chain, site, name, len);
		result = pemfile_add_file(chain->pemfile, chain->files[chain->count - 1], err);
		if (result < 0)
			err_prefix(err, PARAMETER);
	}
	buf_release(&value);
	if (result == 0 && raw)
		keep_words(chain, raw);
	if (result < 0 || chain->count == 0) {
		chainfiles_release(chain);
		return result;
	}
	return 1;
}

void
chainfiles_release(struct chainfiles *chain)
{
	for (size_t i = 0; i < chain->count; i++) {
		free(chain->files[i]);
		free(chain->words[i]);
	}
	free(chain->files);
	free(chain->words);
	pemfile_free(chain->pemfile);
	*chain = (struct chainfiles){ 0 };
}

static bool
is_key_of(const struct pemfile_object *object, enum keyfile_algorithm algorithm)
{
	return object->kind == PEMFILE_KEY && object->algorithm &&
	       keyfile_algorithm_of(object->algorithm) == algorithm;
}

const char *
chainfiles_find(const struct chainfiles *chain, enum keyfile_algorithm algorithm)
{
	for (size_t i = 0; i < pemfile_count(chain->pemfile); i++)
		if (is_key_of(pemfile_object(chain->pemfile, i), algorithm))
			return pemfile_object(chain->pemfile, i)->file;
	return NULL;
}

/* What files hold of chains of one algorithm: each none, only, or together with others. */
enum share { NONE = 0, OURS = 1, OTHERS = 2 };

static void
find_shares(const struct chainfiles *chain, enum keyfile_algorithm algorithm, int *shares)
{
	enum share now = OTHERS;

	for (size_t i = 0; i < pemfile_count(chain->pemfile); i++) {
		const struct pemfile_object *object = pemfile_object(chain->pemfile, i);

		if (object->kind == PEMFILE_KEY)
			now = is_key_of(object, algorithm) ? OURS : OTHERS;
		for (size_t file = 0; file < chain->count; file++)
			if (strcmp(chain->files[file], object->file) == 0)
				shares[file] |= (int)now;
	}
}

static int
put_name(struct buf *value, const char *path, struct err *err)
{
	if (strpbrk(path, TEXT_LIST_SEPARATORS))
		return err_set(err, PARAMETER " cannot name files with blanks or commas: %s", path);
	if (value->len > 0)
		buf_add_str(value, ", ");
	postconf_quote(value, path);
	return 0;
}

/* A combined file is named once, and must begin with its key. */
int
chainfiles_pair(const char *key_path, const char *cert_path, struct buf *value, struct err *err)
{
	struct pemfile *both;
	bool key_first = false;

	if (put_name(value, key_path, err) < 0)
		return -1;
	if (strcmp(key_path, cert_path) != 0)
		return put_name(value, cert_path, err);
	both = pemfile_new();
	if (pemfile_add_file(both, key_path, err) == 0) {
		key_first = pemfile_count(both) > 0 && pemfile_object(both, 0)->kind == PEMFILE_KEY;
		if (!key_first)
			err_set(err, "%s: the private key must come before the certificates for " PARAMETER,
			    key_path);
	}
	pemfile_free(both);
	return key_first ? 0 : -1;
}

int
chainfiles_with(const struct chainfiles *chain, enum keyfile_algorithm algorithm, const char *key_path,
    const char *cert_path, struct buf *value, struct err *err)
{
	int *shares = alloc_array(chain->count, sizeof *shares);
	bool placed = false;
	int result = 0;

	find_shares(chain, algorithm, shares);
	for (size_t i = 0; i < chain->count && result == 0; i++) {
		if (shares[i] == (OURS | OTHERS)) {
			result = err_set(err,
			    "%s in " PARAMETER
			    " holds several keys: put the new key and certificates in place "
			    "of the old ones in that file, or one key into each file",
			    chain->files[i]);
		} else if (shares[i] == OURS && !placed) {
			result = chainfiles_pair(key_path, cert_path, value, err);
			placed = true;
		} else if (shares[i] != OURS) {
			if (value->len > 0)
				buf_add_str(value, ", ");
			buf_add_str(value, chain->words[i]);
		}
	}
	if (result == 0 && !placed)
		result = chainfiles_pair(key_path, cert_path, value, err);
	free(shares);
	return result;
}

/* 0 or -1; nothing when the algorithm has no certificate. */
static int
put_legacy(const struct site *site, enum keyfile_algorithm algorithm, struct buf *value, struct err *err)
{
	const struct site_parameters *parameters = site_parameters(algorithm);
	struct buf names[2] = { BUF_INIT, BUF_INIT };
	char *key = NULL, *cert = NULL;
	int result = -1;

	if (postconf_value(site->postconf, parameters->key_file, &names[0], err) < 0 ||
	    postconf_value(site->postconf, parameters->cert_file, &names[1], err) < 0)
		goto out;
	result = 0;
	if (names[1].len == 0 || strcmp(names[1].bytes, "none") == 0)
		goto out;
	key = site_served_path(site, buf_str(&names[0]));
	cert = site_served_path(site, buf_str(&names[1]));
	result = chainfiles_pair(key, cert, value, err);
out:
	free(key);
	free(cert);
	buf_release(&names[0]);
	buf_release(&names[1]);
	return result;
}

int
chainfiles_from_legacy(
    const struct site *site, const char *key_path, const char *cert_path, struct buf *value, struct err *err)
{
	if (put_legacy(site, KEYFILE_RSA, value, err) < 0 || put_legacy(site, KEYFILE_ECDSA, value, err) < 0)
		return -1;
	return chainfiles_pair(key_path, cert_path, value, err);
}
