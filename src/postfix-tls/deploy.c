/* SPDX-License-Identifier: ISC */
#include "postfix-tls/deploy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "postfix-tls/chainfiles.h"
#include "postfix-tls/findings.h"
#include "postfix-tls/overrides.h"
#include "postfix-tls/pairfacts.h"
#include "postfix-tls/postconf.h"
#include "postfix-tls/site.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/json_text.h"
#include "util/log.h"

enum { MORE_LIMIT = 4, PAIR_SETTINGS = 3, LIMIT = MORE_LIMIT + PAIR_SETTINGS };

int
deploy_settings(const struct site *site, const struct postconf_setting *settings, size_t count,
    struct findings *findings, struct json_t **written, struct err *err)
{
	const char *names[LIMIT + 2] = { NULL };

	if (count > LIMIT)
		log_panic("deploy_settings: %zu settings", count);
	for (size_t i = 0; i < count; i++)
		names[i] = settings[i].name;
	/* Whoever sets it there is not served what the others are. */
	if (strncmp(names[0], "smtpd_tls_", 10) == 0)
		names[count] = "smtpd_tls_chain_files";
	overrides_find(site, names, findings);
	if (findings->refused > 0)
		return err_set(err, "not done for the reasons given");
	site_hold_signals();
	if (postconf_edit(site->postconf, settings, count, err) < 0)
		return -1;
	*written = json_object();
	for (size_t i = 0; i < count; i++)
		json_text_set(*written, settings[i].name, settings[i].value);
	return 0;
}

/* What smtpd_tls_chain_files has to become, if it is to be set. */
enum chained { NOT_CHAINED, CHAINED, CHAINED_NOW /* until now the older parameters were in use */ };

/* The value is appended. 0 or -1. */
static int
chain_value(const struct site *site, const struct pairfacts *facts, const char *cert_path,
    const char *key_path, struct findings *findings, enum chained *chained, struct buf *value,
    struct err *err)
{
	struct chainfiles chain;
	int in_use = chainfiles_init(&chain, site, err);
	int result;

	*chained = CHAINED;
	if (in_use < 0) {
		findings_add(findings, FINDINGS_REFUSE,
		    "%s: servers use smtpd_tls_chain_files and nothing else: mend it, or set it anew with "
		    "this "
		    "pair alone (--force)",
		    err->text);
		if (findings->refused > 0)
			return err_set(err, "not done for the reasons given");
		return chainfiles_pair(key_path, cert_path, value, err);
	}
	if (in_use > 0) {
		result = chainfiles_with(&chain, facts->algorithm, key_path, cert_path, value, err);
		chainfiles_release(&chain);
		return result;
	}
	*chained = site_parameters(facts->algorithm)->key_file ? NOT_CHAINED : CHAINED_NOW;
	return *chained == NOT_CHAINED ? 0 : chainfiles_from_legacy(site, key_path, cert_path, value, err);
}

/* Servers complain about certificates that are set and not looked at. */
static size_t
empty_legacy(const struct site *site, struct postconf_setting *settings)
{
	size_t n = 0;

	for (int i = KEYFILE_RSA; i <= KEYFILE_ECDSA; i++) {
		const char *name = site_parameters((enum keyfile_algorithm)i)->cert_file;
		const char *value = postconf_raw(site->postconf, name);

		if (value && *value)
			settings[n++] = (struct postconf_setting){ name, "" };
	}
	return n;
}

int
deploy_pair(const struct site *site, const char *cert_path, const char *key_path,
    const struct postconf_setting *more, size_t count, struct findings *findings, struct deployed *deployed,
    struct err *err)
{
	struct postconf_setting settings[LIMIT];
	struct pairfacts facts;
	struct buf values[2] = { BUF_INIT, BUF_INIT };
	enum chained chained;
	size_t n = 0;
	int result = -1;

	if (pairfacts_check(&facts, site, cert_path, key_path, more != NULL, findings, err) < 0)
		return -1;
	if (chain_value(site, &facts, cert_path, key_path, findings, &chained, &values[0], err) < 0)
		goto out;
	if (chained != NOT_CHAINED) {
		settings[n++] = (struct postconf_setting){ "smtpd_tls_chain_files", buf_str(&values[0]) };
		if (chained == CHAINED_NOW)
			n += empty_legacy(site, settings + n);
	} else {
		const struct site_parameters *parameters = site_parameters(facts.algorithm);

		postconf_quote(&values[0], cert_path);
		postconf_quote(&values[1], key_path);
		settings[n++] = (struct postconf_setting){ parameters->cert_file, buf_str(&values[0]) };
		settings[n++] = (struct postconf_setting){ parameters->key_file, buf_str(&values[1]) };
	}
	if (count > MORE_LIMIT)
		log_panic("deploy_pair: %zu settings", count);
	for (size_t i = 0; i < count; i++)
		settings[n++] = more[i];
	*deployed = (struct deployed){ .algorithm = facts.algorithm };
	memcpy(deployed->digest, facts.digest, sizeof deployed->digest);
	result = deploy_settings(site, settings, n, findings, &deployed->settings, err);
out:
	buf_release(&values[0]);
	buf_release(&values[1]);
	return result;
}

void
deploy_release(struct deployed *deployed)
{
	json_decref(deployed->settings);
	deployed->settings = NULL;
}

void
deploy_explain(const struct site *site)
{
	log_info("New TLS private key and certificate deployed.");
	deploy_explain_reload(site);
}

void
deploy_explain_reload(const struct site *site)
{
	char *postfix = site_postfix(site);

	log_info("Run the command:");
	log_info("  # %s reload", postfix);
	log_info("if you want the new settings to take effect immediately.");
	free(postfix);
}
