/* SPDX-License-Identifier: ISC */
#include "postfix-tls/newpair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "postfix-tls/hostnames.h"
#include "postfix-tls/site.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/log.h"
#include "util/now.h"

int
newpair_algorithm(const struct site *site, const char *name, const char *unsupported,
    enum keyfile_algorithm *algorithm, struct err *err)
{
	if (!name) {
		*algorithm = KEYFILE_RSA;
		return 0;
	}
	if (site_algorithm(site, name, algorithm))
		return 0;
	return err_set(err, "Unsupported %s key algorithm: %s", unsupported, name);
}

static void
hold_signals(struct newpair *pair)
{
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGHUP);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGQUIT);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGPIPE);
	sigprocmask(SIG_BLOCK, &held, &pair->signals);
}

/* A dangling link counts as existing: what it points at is somebody else's choice. */
static bool
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static int
choose_names(struct newpair *pair, const struct site *site, struct err *err)
{
	const struct site_parameters *parameters = site_parameters(pair->algorithm);
	time_t now = now_wall();
	struct tm tm;
	char stamp[32];

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
	pair->key_path = alloc_printf("%s/%s-%s.pem", site->config_directory, parameters->key_prefix, stamp);
	pair->cert_path =
	    alloc_printf("%s/%s-%s.pem", site->config_directory, parameters->cert_prefix, stamp);
	if (exists(pair->key_path))
		return err_set(err, "New private key file already exists: %s", pair->key_path);
	if (exists(pair->cert_path))
		return err_set(err, "New certificate file already exists: %s", pair->cert_path);
	return 0;
}

static int
write_key(const struct newpair *pair, const struct keyfile *key, enum keyfile_layout layout, struct err *err)
{
	struct buf pem = BUF_INIT;
	int result = keyfile_encode(key, layout, &pem, err);

	if (result == 0)
		result = file_create(pair->key_path, pem.bytes, pem.len, 0600, err);
	buf_release_secret(&pem);
	return result;
}

/* Takes the key file back when there can be no certificate. */
static int
add_certificate(
    struct newpair *pair, const struct keyfile *key, const struct hostnames *hostnames, struct err *err)
{
	struct buf pem = BUF_INIT;
	int result = keyfile_certificate(key, hostnames->names, hostnames->count, &pem, err);

	if (result == 0)
		result = file_create(pair->cert_path, pem.bytes, pem.len, 0644, err);
	buf_release(&pem);
	if (result == 0)
		return 0;
	unlink(pair->key_path);
	log_warn("%s", err->text);
	return err_set(err, "error generating self-signed SSL certificate");
}

/* Nothing of ours is in the way any more. Always -1. */
static int
give_up(struct newpair *pair)
{
	pair->keep = true;
	newpair_release(pair);
	return -1;
}

static int
write_new(struct newpair *pair, const char *size, const struct hostnames *hostnames, struct err *err)
{
	const struct site_parameters *parameters = site_parameters(pair->algorithm);
	struct keyfile *key;
	int result = -1;

	if (!*size)
		size = parameters->default_size;
	key = keyfile_generate(pair->algorithm, size, err);
	if (!key || write_key(pair, key, KEYFILE_NEW, err) < 0) {
		log_warn("unable to generate key: %s", err->text);
		err_set(err, "error generating new %s %s private key", parameters->algorithm, size);
		goto out;
	}
	result = add_certificate(pair, key, hostnames, err);
	if (result == 0 && keyfile_is_uncommon(key))
		log_warn("%s %s: peers may refuse such a key", parameters->algorithm, size);
out:
	keyfile_free(key);
	return result;
}

int
newpair_init(struct newpair *pair, const struct site *site, enum keyfile_algorithm algorithm,
    const char *size, const struct hostnames *hostnames, struct err *err)
{
	*pair = (struct newpair){ .algorithm = algorithm };
	hold_signals(pair);
	if (choose_names(pair, site, err) < 0 || write_new(pair, size, hostnames, err) < 0)
		return give_up(pair);
	return 0;
}

static int
write_copy(struct newpair *pair, const char *old_path, const struct hostnames *hostnames, struct err *err)
{
	const char *wanted = site_parameters(pair->algorithm)->algorithm;
	struct keyfile *key = keyfile_load(old_path, err);
	int result = -1;

	if (!key || keyfile_algorithm(key) == KEYFILE_OTHER) {
		err_set(err, "Error copying private key from '%s' to '%s'", old_path, pair->key_path);
	} else if (keyfile_algorithm(key) != pair->algorithm) {
		err_set(err, "Key algorithm '%s' of '%s' is not '%s'",
		    site_parameters(keyfile_algorithm(key))->algorithm, old_path, wanted);
	} else if (write_key(pair, key, KEYFILE_COPY, err) < 0) {
		log_warn("unable to generate key: %s", err->text);
		err_set(err, "Error copying private key from '%s' to '%s'", old_path, pair->key_path);
	} else {
		result = add_certificate(pair, key, hostnames, err);
	}
	keyfile_free(key);
	return result;
}

int
newpair_init_copy(struct newpair *pair, const struct site *site, enum keyfile_algorithm algorithm,
    const char *old_path, const struct hostnames *hostnames, struct err *err)
{
	*pair = (struct newpair){ .algorithm = algorithm };
	hold_signals(pair);
	if (choose_names(pair, site, err) < 0 || write_copy(pair, old_path, hostnames, err) < 0)
		return give_up(pair);
	return 0;
}

void
newpair_release(struct newpair *pair)
{
	if (!pair->keep) {
		unlink(pair->cert_path);
		unlink(pair->key_path);
	}
	free(pair->cert_path);
	free(pair->key_path);
	pair->cert_path = pair->key_path = NULL;
	sigprocmask(SIG_SETMASK, &pair->signals, NULL);
}

void
newpair_explain(const struct newpair *pair, bool key_is_new)
{
	log_info("New private key and self-signed certificate created. To deploy run:");
	log_info("  # postfix tls deploy-server-cert %s %s", pair->cert_path, pair->key_path);
	log_info("To generate a CSR run:");
	log_info("  # postfix tls output-server-csr -k %s [<hostname> ...]", pair->key_path);
	log_info("Save the signed certificate chain in %s, and deploy as above.", pair->cert_path);
	log_info("To generate TLSA records run:");
	log_info("  # postfix tls output-server-tlsa [-h <hostname>] %s", pair->key_path);
	if (key_is_new)
		log_info("(deploy after updating the DNS and waiting for stale RRs to expire).");
}
