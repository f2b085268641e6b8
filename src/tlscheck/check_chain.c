/* SPDX-License-Identifier: ISC */
/*
 * check_chain: dates, strength, names and order of the certificates that are shown to peers.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tls/pemfile.h"
#include "mail/mastercf.h"
#include "tlscheck/check_impl.h"
#include "tlscheck/pemorder.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/now.h"
#include "util/text.h"

enum { DAY_S = 24 * 3600, NEAR_S = 14 * DAY_S };

/* Adds a finding about a certificate; `name` is the parameter of the chain. */
#define cert_found(check, chain, id, ...) check_add(check, id, check_chain_where(chain), __VA_ARGS__)

char *
check_chain_where(const struct check_chain *chain)
{
	return chain->where ? alloc_string(chain->where) : scope_where(chain->scope, chain->name);
}

static const char *
day(int64_t seconds, char text[32])
{
	time_t time = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&time, &tm) || strftime(text, 32, "%Y-%m-%d", &tm) == 0)
		strcpy(text, "an unknown day");
	return text;
}

/* Whether the key there is can be used again, the first command decides; the second takes the newest. */
static void
mend_self_signed(struct check *check, const struct check_chain *chain, struct finding *found,
    const struct pemfile_object *cert)
{
	static const char *const kinds[][4] = { { "RSA", "rsa", "cert", "key" },
		{ "EC", "ecdsa", "eccert", "eckey" }, { "ED25519", "ed25519", "ed25519cert", "ed25519key" },
		{ "ED448", "ed448", "ed448cert", "ed448key" } };
	char *directory = finding_quote(check->site->config_directory), *key = finding_quote(chain->key_file);

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i][0], cert->algorithm) == 0) {
			finding_mend(
			    found, "postfix %stls new-server-cert -a %s", check->site->option, kinds[i][1]);
			finding_mend(found,
			    "postfix %stls deploy-server-cert \"$(ls -t %s/%s-*.pem | head -n 1)\" "
			    "\"$(ls -t %s/%s-*.pem %s | head -n 1)\"",
			    check->site->option, directory, kinds[i][2], directory, kinds[i][3], key);
		}
	free(key);
	free(directory);
}

/* Of an authority's certificate there is no other to be had. */
static void
mend_certificate(struct check *check, const struct check_chain *chain, struct finding *found,
    const struct pemfile_object *cert)
{
	if (!chain->host)
		return;
	if (cert->self_signed && chain->key_file)
		mend_self_signed(check, chain, found, cert);
	else if (!cert->authority)
		finding_mend(found, "postfix %stls output-server-csr", check->site->option);
}

/* One of an authority that peers need no more. */
static bool
check_leftover(struct check *check, const struct check_chain *chain, size_t leaf, size_t index)
{
	const struct pemfile_object *cert = pemfile_object(chain->pemfile, index);
	struct finding *found;
	char text[32];

	if (index == leaf || cert->not_after > now_wall() ||
	    !pemfile_is_trusted_today(chain->pemfile, leaf, chain->ca_file, chain->ca_path))
		return false;
	found = cert_found(check, chain, "leftover-expired",
	    "%s: the certificate of %s ended on %s, and the chain is valid without it", cert->file,
	    cert->subject, day(cert->not_after, text));
	pemorder_mend(found, chain->pemfile, cert->file, pemfile_object(chain->pemfile, leaf)->digest, index);
	return true;
}

static void
check_dates(struct check *check, const struct check_chain *chain, const struct pemfile_object *cert)
{
	int64_t now = now_wall(), left = cert->not_after - now;
	struct finding *found = NULL;
	char text[32];

	if (cert->not_before > now)
		found = cert_found(check, chain, "certificate-not-yet-valid",
		    "%s: the certificate of %s begins on %s", cert->file, cert->subject,
		    day(cert->not_before, text));
	else if (left <= 0)
		found =
		    cert_found(check, chain, "certificate-expired", "%s: the certificate of %s ended on %s",
			cert->file, cert->subject, day(cert->not_after, text));
	else if (left < NEAR_S && left < (cert->not_after - cert->not_before) / 4)
		found = cert_found(check, chain, "certificate-expires-soon",
		    "%s: the certificate of %s ends on %s", cert->file, cert->subject,
		    day(cert->not_after, text));
	mend_certificate(check, chain, found, cert);
}

static void
check_strength(struct check *check, const struct check_chain *chain, const struct pemfile_object *cert)
{
	if (cert->weak_key)
		cert_found(check, chain, "weak-key", "%s: the key of %s is %s with %d bits", cert->file,
		    cert->subject, cert->algorithm, cert->bits);
	if (cert->weak_signature)
		cert_found(check, chain, "weak-signature", "%s: the certificate of %s is signed with %s",
		    cert->file, cert->subject, cert->signature);
}

static void
check_leaf(struct check *check, const struct check_chain *chain, const struct pemfile_object *leaf)
{
	if (leaf->rare_key)
		cert_found(check, chain, "rare-key", "%s: the key of %s is %s%s%s", leaf->file, leaf->subject,
		    leaf->algorithm, *leaf->group ? " on " : "", leaf->group);
	/* What openssl req -x509 makes is marked so. */
	if (leaf->authority && !leaf->self_signed)
		cert_found(check, chain, "certificate-is-ca",
		    "%s: the certificate of %s is that of an authority", leaf->file, leaf->subject);
	if (chain->host && leaf->no_server)
		mend_certificate(check, chain,
		    cert_found(check, chain, "no-server-auth", "%s: the certificate of %s is not for servers",
			leaf->file, leaf->subject),
		    leaf);
	if (!chain->host && leaf->no_client)
		cert_found(check, chain, "no-client-auth", "%s: the certificate of %s is not for clients",
		    leaf->file, leaf->subject);
}

static void
check_host(struct check *check, const struct check_chain *chain, size_t index)
{
	const struct pemfile_object *leaf = pemfile_object(chain->pemfile, index);

	/* Nobody verifies the name in a certificate that vouches for itself. */
	if (!chain->host || leaf->self_signed)
		return;
	if (!pemfile_is_for_host(chain->pemfile, index, chain->host))
		mend_certificate(check, chain,
		    cert_found(check, chain, "name-mismatch", "%s: the certificate of %s is not for %s",
			leaf->file, leaf->subject, chain->host),
		    leaf);
	else if (leaf->name_count == 0)
		mend_certificate(check, chain,
		    cert_found(check, chain, "no-dns-name", "%s: the certificate of %s has no DNS name",
			leaf->file, leaf->subject),
		    leaf);
}

/* Each certificate has to be the issuer of the one before. False: one is not. */
static bool
check_order(struct check *check, const struct check_chain *chain, size_t leaf, size_t end)
{
	const struct pemfile *pemfile = chain->pemfile;
	size_t before = leaf;

	for (size_t i = leaf + 1; i < end; i++) {
		const struct pemfile_object *cert = pemfile_object(pemfile, i);

		if (cert->kind != PEMFILE_CERTIFICATE)
			continue;
		if (!pemfile_is_issuer(pemfile, i, before)) {
			struct finding *found = cert_found(check, chain, "chain-order",
			    "%s: certificate %d, of %s, did not issue the one before", cert->file,
			    cert->index, cert->subject);

			pemorder_mend(found, pemfile, cert->file, pemfile_object(pemfile, leaf)->digest,
			    pemfile_count(pemfile));
			return false;
		}
		if (cert->self_signed)
			pemorder_mend(
			    cert_found(check, chain, "root-in-chain", "%s: certificate %d, of %s, is a root",
				cert->file, cert->index, cert->subject),
			    pemfile, cert->file, pemfile_object(pemfile, leaf)->digest,
			    pemfile_count(pemfile));
		before = i;
	}
	return true;
}

static bool
is_submission(const struct mastercf_entry *entry)
{
	static const char *const ports[] = { "465", "587", "smtps", "submissions", "submission" };

	for (size_t i = 0; entry && entry->port && i < sizeof ports / sizeof *ports; i++)
		if (strcmp(entry->port, ports[i]) == 0)
			return true;
	return false;
}

static void
check_self_signed(struct check *check, const struct check_chain *chain, const struct pemfile_object *leaf)
{
	const struct mastercf_entry *entry = scope_entry(chain->scope);

	if (strncmp(text_basename(leaf->file), "ssl-cert-snakeoil", 17) == 0)
		check_mend_new_key(check,
		    cert_found(check, chain, "snakeoil", "%s: the certificate of %s is for trying things out",
			leaf->file, leaf->subject));
	else
		cert_found(check, chain, "self-signed", "%s: the certificate of %s is self-signed",
		    leaf->file, leaf->subject);
	if (chain->host && is_submission(entry))
		finding_mend(check_add(check, "self-signed-submission", scope_line(chain->scope),
				 "service %s: the certificate in %s is self-signed", entry->name, leaf->file),
		    "postfix %stls output-server-csr", check->site->option);
}

static void
check_trust(struct check *check, const struct check_chain *chain, size_t index)
{
	const struct pemfile_object *leaf = pemfile_object(chain->pemfile, index), *top;
	struct finding *found;
	struct err err = { 0 };
	size_t last;

	if (leaf->self_signed) {
		check_self_signed(check, chain, leaf);
		return;
	}
	if (pemfile_trust(chain->pemfile, index, chain->ca_file, chain->ca_path, true, &last, &err) !=
	    PEMFILE_NO_ISSUER)
		return;
	top = pemfile_object(chain->pemfile, last);
	found = cert_found(check, chain, "chain-incomplete",
	    "%s: the chain ends with %s; that of its issuer, %s, is neither in the file nor a known "
	    "authority's",
	    top->file, top->subject, top->issuer);
	check_renewal_mend_chain(chain, found, leaf->file, leaf->digest);
	if (found && !*found->command && strncmp(top->issuer_url, "http", 4) == 0) {
		char *url = finding_quote(top->issuer_url), *file = finding_quote(top->file);

		finding_mend(found, "curl -s %s | openssl x509 -inform DER >>%s", url, file);
		free(file);
		free(url);
	}
}

void
check_chain(struct check *check, const struct check_chain *chain, size_t leaf)
{
	size_t end = pemfile_next(chain->pemfile, PEMFILE_KEY, leaf);

	for (size_t i = leaf; i < end; i++) {
		const struct pemfile_object *cert = pemfile_object(chain->pemfile, i);

		if (cert->kind != PEMFILE_CERTIFICATE)
			continue;
		if (!check_leftover(check, chain, leaf, i))
			check_dates(check, chain, cert);
		check_strength(check, chain, cert);
	}
	check_leaf(check, chain, pemfile_object(chain->pemfile, leaf));
	check_host(check, chain, leaf);
	if (check_order(check, chain, leaf, end))
		check_trust(check, chain, leaf);
}
