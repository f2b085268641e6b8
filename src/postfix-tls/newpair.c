/* SPDX-License-Identifier: ISC */
#include "postfix-tls/newpair.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "postfix-tls/findings.h"
#include "postfix-tls/hostnames.h"
#include "postfix-tls/leftovers.h"
#include "postfix-tls/site.h"
#include "postfix-tls/unusable.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/log.h"
#include "util/now.h"

enum { STAMP_TRIES = 3, PAUSE_NS = 20000000 };

int
newpair_algorithm(
    const char *name, const char *unsupported, enum keyfile_algorithm *algorithm, struct err *err)
{
	*algorithm = KEYFILE_RSA;
	if (!name || site_algorithm(name, algorithm))
		return 0;
	return err_set(err, "Unsupported %s key algorithm: %s", unsupported, name);
}

/* A dangling link counts as existing: what it points at is somebody else's choice. */
static bool
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void
forget_names(struct newpair *pair)
{
	free(pair->cert_beside);
	free(pair->key_beside);
	free(pair->cert_path);
	free(pair->key_path);
	pair->cert_beside = pair->key_beside = pair->cert_path = pair->key_path = NULL;
}

static void
set_names(struct newpair *pair, const struct site *site, time_t now)
{
	const struct site_parameters *parameters = site_parameters(pair->algorithm);
	struct tm tm;
	char stamp[32];

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
	forget_names(pair);
	pair->key_path = alloc_printf("%s/%s-%s.pem", site->config_directory, parameters->key_prefix, stamp);
	pair->cert_path =
	    alloc_printf("%s/%s-%s.pem", site->config_directory, parameters->cert_prefix, stamp);
	pair->key_beside = leftovers_beside(pair->key_path);
	pair->cert_beside = leftovers_beside(pair->cert_path);
}

/* Names are by the second: whoever comes second within one waits for the next. */
static int
choose_names(struct newpair *pair, const struct site *site, struct err *err)
{
	for (int i = 0; i < STAMP_TRIES; i++) {
		time_t now = now_wall();

		set_names(pair, site, now);
		if (!exists(pair->key_path) && !exists(pair->cert_path))
			return 0;
		while (i + 1 < STAMP_TRIES && now_wall() == now)
			nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	}
	if (exists(pair->key_path))
		return err_set(err, "New private key file already exists: %s", pair->key_path);
	return err_set(err, "New certificate file already exists: %s", pair->cert_path);
}

/* --- what goes into the files --- */

static struct keyfile *
make_key(enum keyfile_algorithm algorithm, const char *size, struct findings *findings, struct err *err)
{
	const struct site_parameters *parameters = site_parameters(algorithm);
	struct keyfile *key;

	if (!*size)
		size = parameters->default_size;
	key = keyfile_generate(algorithm, size, err);
	if (!key) {
		log_warn("unable to generate key: %s", err->text);
		err_set(err, "error generating new %s %s private key", parameters->algorithm, size);
		return NULL;
	}
	if (keyfile_is_uncommon(key))
		findings_add(findings, FINDINGS_WARN, "%s%s%s: peers may refuse such a key%s",
		    parameters->algorithm, *size ? " " : "", size,
		    algorithm > KEYFILE_ECDSA ? "; deploy an rsa or ecdsa key, too" : "");
	return key;
}

static struct keyfile *
copy_key(const struct newpair *pair, const char *old_path, struct err *err)
{
	const char *wanted = site_parameters(pair->algorithm)->algorithm;
	struct keyfile *key = keyfile_load(old_path, err);
	enum keyfile_algorithm algorithm = key ? keyfile_algorithm(key) : KEYFILE_OTHER;

	if (!key) {
		unusable_key(old_path, err);
		log_warn("%s", err->text);
	}
	/* One file may hold keys of several algorithms. */
	if (key && algorithm != pair->algorithm) {
		struct keyfile *other = keyfile_load_of(old_path, pair->algorithm, err);

		if (other) {
			keyfile_free(key);
			return other;
		}
	}
	if (key && algorithm == pair->algorithm)
		return key;
	if (algorithm != KEYFILE_OTHER)
		err_set(err, "Key algorithm '%s' of '%s' is not '%s'", site_parameters(algorithm)->algorithm,
		    old_path, wanted);
	else
		err_set(err, "Error copying private key from '%s' to '%s'", old_path, pair->key_path);
	keyfile_free(key);
	return NULL;
}

/* --- the files --- */

static int
put(const char *beside, const char *path, const struct buf *pem, mode_t mode, struct err *err)
{
	/* One of that name is of no process: leftovers were removed, and nobody else has the lock. */
	unlink(beside);
	if (file_create(beside, pem->bytes, pem->len, mode, err) < 0)
		return -1;
	if (link(beside, path) == 0)
		return 0;
	err_errno(err, "link %s to %s", beside, path);
	unlink(beside);
	return -1;
}

static int
put_files(struct newpair *pair, const struct buf *key_pem, const struct buf *cert_pem, const char *failure,
    struct err *err)
{
	if (put(pair->key_beside, pair->key_path, key_pem, 0600, err) < 0) {
		log_warn("unable to generate key: %s", err->text);
		return err_set(err, "%s", failure);
	}
	if (put(pair->cert_beside, pair->cert_path, cert_pem, 0644, err) < 0) {
		log_warn("%s", err->text);
		unlink(pair->key_path);
		unlink(pair->key_beside);
		return err_set(err, "error generating self-signed SSL certificate");
	}
	file_flush_directory(pair->key_path);
	return 0;
}

static int
write_pair(struct newpair *pair, const struct keyfile *key, enum keyfile_layout layout, const char *failure,
    const struct hostnames *hostnames, struct err *err)
{
	struct buf key_pem = BUF_INIT;
	struct buf cert_pem = BUF_INIT;
	int result = keyfile_encode(key, layout, &key_pem, err);

	if (result == 0 && keyfile_certificate(key, hostnames->names, hostnames->count, &cert_pem, err) < 0) {
		log_warn("%s", err->text);
		result = err_set(err, "error generating self-signed SSL certificate");
	}
	if (result == 0) {
		site_hold_signals();
		result = put_files(pair, &key_pem, &cert_pem, failure, err);
	}
	buf_release_secret(&key_pem);
	buf_release(&cert_pem);
	return result;
}

int
newpair_init(struct newpair *pair, const struct site *site, enum keyfile_algorithm algorithm,
    const char *size, const char *old_path, const struct hostnames *hostnames, struct findings *findings,
    struct err *err)
{
	const struct site_parameters *parameters = site_parameters(algorithm);
	struct keyfile *key = NULL;
	char *failure = NULL;
	int result = -1;

	*pair = (struct newpair){ .algorithm = algorithm };
	if (choose_names(pair, site, err) == 0)
		key = old_path ? copy_key(pair, old_path, err) : make_key(algorithm, size, findings, err);
	if (key && findings->refused > 0) {
		err_set(err, "no key made");
	} else if (key) {
		failure = old_path ? alloc_printf("Error copying private key from '%s' to '%s'", old_path,
					 pair->key_path)
				   : alloc_printf("error generating new %s %s private key",
					 parameters->algorithm, *size ? size : parameters->default_size);
		result =
		    write_pair(pair, key, old_path ? KEYFILE_COPY : KEYFILE_NEW, failure, hostnames, err);
	}
	free(failure);
	keyfile_free(key);
	if (result < 0)
		forget_names(pair);
	return result;
}

void
newpair_keep(struct newpair *pair)
{
	unlink(pair->key_beside);
	unlink(pair->cert_beside);
	file_flush_directory(pair->key_path);
	pair->kept = true;
}

void
newpair_release(struct newpair *pair)
{
	if (!pair->kept) {
		unlink(pair->cert_path);
		unlink(pair->key_path);
		unlink(pair->cert_beside);
		unlink(pair->key_beside);
	}
	forget_names(pair);
}

void
newpair_explain(const struct newpair *pair, const struct site *site, bool key_is_new)
{
	char *postfix = site_postfix(site);
	char *key = site_shell_word(pair->key_path);
	char *cert = site_shell_word(pair->cert_path);

	log_info("New private key and self-signed certificate created. To deploy run:");
	log_info("  # %s tls deploy-server-cert %s %s", postfix, cert, key);
	log_info("To generate a CSR run:");
	log_info("  # %s tls output-server-csr -k %s [<hostname> ...]", postfix, key);
	log_info("Save the signed certificate chain in %s, and deploy as above.", pair->cert_path);
	log_info("To generate TLSA records run:");
	log_info("  # %s tls output-server-tlsa [-h <hostname>] %s", postfix, key);
	if (key_is_new)
		log_info("(deploy after updating the DNS and waiting for stale RRs to expire).");
	free(cert);
	free(key);
	free(postfix);
}
