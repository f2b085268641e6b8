/* SPDX-License-Identifier: ISC */
#include "postfix-tls/pairfacts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "postfix-tls/findings.h"
#include "postfix-tls/site.h"
#include "postfix-tls/unusable.h"
#include "tls/pemfile.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/log.h"
#include "util/now.h"

enum { FILE_LIMIT = 1 << 20 };

/* The pair while it is looked at. */
struct pair {
	const char *cert_path, *key_path;
	struct pemfile *pemfile; /* of both files, the key's first */
	size_t key, leaf;
};

static const char *
day(int64_t seconds, char *to, size_t size)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(to, size, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		return "another age";
	return to;
}

/* --- what makes it no pair --- */

/* False when there is none that servers could read. */
static bool
find_key(struct pair *pair, struct pairfacts *facts)
{
	struct err err;
	const struct pemfile_object *key;

	if (pemfile_add_file(pair->pemfile, pair->key_path, &err) < 0)
		return false;
	pair->key = pemfile_next(pair->pemfile, PEMFILE_KEY, 0);
	if (pair->key == pemfile_count(pair->pemfile))
		return false;
	key = pemfile_object(pair->pemfile, pair->key);
	if (key->encrypted || key->der)
		return false;
	facts->algorithm = keyfile_algorithm_of(key->algorithm);
	memcpy(facts->digest, key->digest, sizeof facts->digest);
	return facts->algorithm != KEYFILE_OTHER;
}

/* A FIFO or device would block or have effects. */
static int
must_be_regular(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_errno(err, "open %s", path);
	return S_ISREG(st.st_mode) ? 0 : err_set(err, "open %s: not a regular file", path);
}

#define BEGIN   "-----BEGIN "
#define TRUSTED BEGIN "TRUSTED CERTIFICATE-----"

/* Servers read the certificate of a "trusted" one, which is what it begins with, and leave the rest. */
static int
add_certificates(const struct pair *pair, struct err *err)
{
	struct buf text = BUF_INIT;
	struct buf plain = BUF_INIT;
	const char *at, *next;
	int result = must_be_regular(pair->cert_path, err);

	if (result == 0)
		result = file_read(pair->cert_path, FILE_LIMIT, &text, err);
	at = buf_str(&text);
	while ((next = strstr(at, TRUSTED))) {
		buf_add(&plain, at, (size_t)(next - at));
		buf_add_str(&plain, BEGIN "CERTIFICATE-----");
		at = next + strlen(TRUSTED);
		/* The last line says the same again. */
		next = strstr(at, "-----END TRUSTED ");
		if (!next)
			break;
		buf_add(&plain, at, (size_t)(next - at));
		buf_add_str(&plain, "-----END ");
		at = next + strlen("-----END TRUSTED ");
	}
	buf_add(&plain, at, text.len - (size_t)(at - buf_str(&text)));
	if (result == 0)
		pemfile_add(pair->pemfile, pair->cert_path, buf_str(&plain), plain.len);
	buf_release_secret(&text);
	buf_release_secret(&plain);
	return result;
}

static bool
find_leaf(struct pair *pair)
{
	struct err err;
	size_t first = 0;

	if (strcmp(pair->cert_path, pair->key_path) != 0) {
		first = pemfile_count(pair->pemfile);
		if (add_certificates(pair, &err) < 0)
			return false;
	}
	pair->leaf = pemfile_next(pair->pemfile, PEMFILE_CERTIFICATE, first);
	if (pair->leaf == pemfile_count(pair->pemfile) || pemfile_object(pair->pemfile, pair->leaf)->der)
		return false;
	/* Servers give up at the first that they cannot decode. */
	return pemfile_next(pair->pemfile, PEMFILE_BAD, first) > pair->leaf;
}

/* The reason, if `look` knows it, goes before the error. */
static void
say_why(void (*look)(const char *path, struct err *err), const char *path)
{
	struct err err = { 0 };

	look(path, &err);
	if (*err.text)
		log_warn("%s", err.text);
}

/* The certificate may be there, in the wrong place. */
static void
say_where(const struct pair *pair)
{
	for (size_t i = pair->leaf; i < pemfile_count(pair->pemfile); i++)
		if (pemfile_object(pair->pemfile, i)->kind == PEMFILE_CERTIFICATE &&
		    pemfile_key_fits(pair->pemfile, pair->key, i)) {
			log_warn("certificate %d in %s is the one for this key: put it first",
			    pemfile_object(pair->pemfile, i)->index, pair->cert_path);
			return;
		}
}

static int
find_pair(struct pair *pair, struct pairfacts *facts, struct err *err)
{
	if (!find_key(pair, facts)) {
		say_why(unusable_key, pair->key_path);
		return err_set(err, "no private key found in file: %s", pair->key_path);
	}
	if (!find_leaf(pair)) {
		say_why(unusable_certificate, pair->cert_path);
		return err_set(err, "error computing certificate public key digest");
	}
	if (pemfile_key_fits(pair->pemfile, pair->key, pair->leaf))
		return 0;
	say_where(pair);
	return err_set(err, "Certificate in %s does not match key in %s", pair->cert_path, pair->key_path);
}

/* --- what is wrong with it --- */

static void
check_dates(const struct pair *pair, const struct pemfile_object *cert, bool leaf, struct findings *findings)
{
	time_t now = now_wall();
	char text[64];

	if (cert->not_after < now)
		findings_add(findings, FINDINGS_REFUSE,
		    "certificate %d in %s has expired on %s: get a new one", cert->index, pair->cert_path,
		    day(cert->not_after, text, sizeof text));
	else if (cert->not_before > now)
		findings_add(findings, FINDINGS_WARN,
		    "certificate %d in %s is not valid before %s: wait, or set the clock", cert->index,
		    pair->cert_path, day(cert->not_before, text, sizeof text));
	if (cert->weak_signature)
		findings_add(findings, FINDINGS_WARN,
		    "certificate %d in %s is signed with %s, which peers may refuse: get a new one",
		    cert->index, pair->cert_path, cert->signature);
	if (leaf && cert->no_server)
		findings_add(findings, FINDINGS_WARN,
		    "certificate %d in %s is not made for servers: get one with the extended key usage "
		    "serverAuth",
		    cert->index, pair->cert_path);
}

static void
check_name(const struct pair *pair, const struct site *site, const struct pemfile_object *leaf,
    struct findings *findings)
{
	struct buf name = BUF_INIT;
	struct err err;

	if (site_hostname(site, &name, &err) == 0 && name.len > 0 &&
	    !pemfile_is_for_host(pair->pemfile, pair->leaf, buf_str(&name)))
		findings_add(findings, FINDINGS_WARN,
		    "the certificate in %s is not for myhostname (%s), but for %s%s: peers that compare "
		    "names need "
		    "one for the name in the MX record",
		    pair->cert_path, buf_str(&name), leaf->name_count > 0 ? leaf->names[0] : leaf->subject,
		    leaf->name_count > 1 ? " and others" : "");
	buf_release(&name);
}

/* Each issuer right behind what it issued. */
static void
check_order(const struct pair *pair, struct findings *findings)
{
	size_t before = pair->leaf;
	bool told = false;

	for (size_t i = pair->leaf + 1; i < pemfile_count(pair->pemfile); i++) {
		const struct pemfile_object *cert = pemfile_object(pair->pemfile, i);

		if (cert->kind == PEMFILE_BAD)
			findings_add(findings, FINDINGS_REFUSE,
			    "object %d in %s cannot be decoded: servers would not start TLS", cert->index,
			    pair->cert_path);
		if (cert->kind != PEMFILE_CERTIFICATE)
			continue;
		check_dates(pair, cert, false, findings);
		if (!told && !pemfile_is_issuer(pair->pemfile, i, before)) {
			findings_add(findings, FINDINGS_WARN,
			    "certificate %d in %s is not the issuer of the one before it: each must be "
			    "followed by "
			    "its issuer",
			    cert->index, pair->cert_path);
			told = true;
		}
		before = i;
	}
}

static void
check_key(const struct pair *pair, const struct site *site, const struct pemfile_object *key,
    struct findings *findings)
{
	char *word = site_shell_word(pair->key_path);
	char *postfix = site_postfix(site);
	struct stat st;

	if (stat(pair->key_path, &st) == 0 && (st.st_mode & (S_IROTH | S_IWOTH)))
		findings_add(findings, FINDINGS_WARN,
		    "private key file %s is readable by everybody: \"chmod o= %s\", and better make a new "
		    "key",
		    pair->key_path, word);
	if (key->weak_key)
		findings_add(findings, FINDINGS_WARN,
		    "the key in %s (%s, %d bits) is too weak: \"%s tls new-server-key\" makes a better one",
		    pair->key_path, key->algorithm, key->bits, postfix);
	else if (key->rare_key)
		findings_add(findings, FINDINGS_WARN,
		    "few peers know keys such as the one in %s (%s%s%s): serve an rsa or P-256 key, too",
		    pair->key_path, key->algorithm, *key->group ? " " : "", key->group);
	free(postfix);
	free(word);
}

int
pairfacts_check(struct pairfacts *facts, const struct site *site, const char *cert_path, const char *key_path,
    bool own, struct findings *findings, struct err *err)
{
	struct pair pair = { .cert_path = cert_path, .key_path = key_path, .pemfile = pemfile_new() };
	int result = find_pair(&pair, facts, err);

	if (result == 0 && !own) {
		const struct pemfile_object *leaf = pemfile_object(pair.pemfile, pair.leaf);

		check_key(&pair, site, pemfile_object(pair.pemfile, pair.key), findings);
		check_dates(&pair, leaf, true, findings);
		check_name(&pair, site, leaf, findings);
		check_order(&pair, findings);
	}
	pemfile_free(pair.pemfile);
	return result;
}
