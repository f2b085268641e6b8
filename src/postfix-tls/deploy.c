/* SPDX-License-Identifier: ISC */
#include "postfix-tls/deploy.h"

#include <string.h>
#include <sys/stat.h>

#include "postfix-tls/site.h"
#include "postfix-tls/keyfile.h"
#include "postfix-tls/postconf.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

enum { MORE_LIMIT = 4 };

static void
warn_about(const char *cert_path, const struct keyfile_cert_facts *cert, const char *key_path)
{
	struct stat st;

	if (stat(key_path, &st) == 0 && (st.st_mode & S_IROTH))
		log_warn("private key file %s is readable by everybody", key_path);
	if (cert->expired)
		log_warn("certificate in %s has expired", cert_path);
}

/* 0, with the algorithm of the pair, or -1. */
static int
check(const char *cert_path, const char *key_path, enum keyfile_algorithm *algorithm, struct err *err)
{
	struct keyfile_cert_facts facts;
	struct buf digest = BUF_INIT;
	struct keyfile *key = keyfile_load(key_path, err);
	int result = -1;

	/* Postfix itself reads PEM only. */
	if (!key || !keyfile_is_pem(key) || keyfile_algorithm(key) == KEYFILE_OTHER)
		err_set(err, "no private key found in file: %s", key_path);
	else if (keyfile_certificate_facts(cert_path, &facts, err) < 0 || !facts.pem)
		err_set(err, "error computing certificate public key digest");
	else if (keyfile_digest(key, &digest, err) < 0)
		err_set(err, "error computing public key digest");
	else if (strcmp(facts.digest, buf_str(&digest)) != 0)
		err_set(err, "Certificate in %s does not match key in %s", cert_path, key_path);
	else
		result = 0;
	if (result == 0) {
		*algorithm = keyfile_algorithm(key);
		warn_about(cert_path, &facts, key_path);
	}
	keyfile_free(key);
	buf_release(&digest);
	return result;
}

int
deploy_pair(const struct site *site, const char *cert_path, const char *key_path,
    const struct postconf_setting *more, size_t count, struct err *err)
{
	struct postconf_setting settings[2 + MORE_LIMIT];
	const struct site_parameters *parameters;
	enum keyfile_algorithm algorithm;
	struct buf cert = BUF_INIT;
	struct buf key = BUF_INIT;
	int edited;

	if (count > MORE_LIMIT)
		log_panic("deploy_pair: %zu settings", count);
	if (check(cert_path, key_path, &algorithm, err) < 0)
		return -1;
	parameters = site_parameters(algorithm);
	postconf_quote(&cert, cert_path);
	postconf_quote(&key, key_path);
	settings[0] = (struct postconf_setting){ parameters->cert_file, buf_str(&cert) };
	settings[1] = (struct postconf_setting){ parameters->key_file, buf_str(&key) };
	for (size_t i = 0; i < count; i++)
		settings[2 + i] = more[i];
	edited = postconf_edit(site->postconf, settings, 2 + count, err);
	buf_release(&cert);
	buf_release(&key);
	return edited;
}

void
deploy_explain(void)
{
	log_info("New TLS private key and certificate deployed.");
	deploy_explain_reload();
}

void
deploy_explain_reload(void)
{
	log_info("Run the command:");
	log_info("  # postfix reload");
	log_info("if you want the new settings to take effect immediately.");
}
