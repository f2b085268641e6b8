/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "postfix-tls/command.h"
#include "postfix-tls/defaults.h"
#include "postfix-tls/deploy.h"
#include "postfix-tls/findings.h"
#include "postfix-tls/hostnames.h"
#include "postfix-tls/newpair.h"
#include "postfix-tls/options.h"
#include "postfix-tls/postconf.h"
#include "postfix-tls/result.h"
#include "util/buf.h"
#include "util/log.h"

static void
suggest(void)
{
	log_info("*** Non-default SMTP server TLS settings detected, no changes made.");
	log_info("For opportunistic TLS in the Postfix SMTP server, the below settings");
	log_info("are typical:");
	log_info("  smtpd_tls_security_level = may");
	log_info("  smtpd_tls_loglevel = 1");
	log_info("You can use \"postfix tls new-server-cert\" to create a new certificate.");
	log_info("Or, \"postfix tls new-server-key\" to also force a new private key.");
	log_info("If you publish DANE TLSA records, see:");
	log_info("  https://tools.ietf.org/html/rfc7671#section-8");
	log_info("  https://tools.ietf.org/html/rfc7671#section-5.1");
	log_info("  https://tools.ietf.org/html/rfc7671#section-5.2");
	log_info("  https://community.letsencrypt.org/t/"
		 "please-avoid-3-0-1-and-3-0-2-dane-tlsa-records-with-le-certificates/7022");
}

static void
explain(const struct site *site, const struct newpair *pair)
{
	char *postfix = site_postfix(site);
	char *key = site_shell_word(pair->key_path);

	log_info("Enabled opportunistic TLS in the Postfix SMTP server");
	deploy_explain(site);
	log_info("To generate a CSR run:");
	log_info("  # %s tls output-server-csr -k %s [<hostname> ...]", postfix, key);
	log_info("Save the signed certificate chain in %s.", pair->cert_path);
	log_info("To generate TLSA records run:");
	log_info("  # %s tls output-server-tlsa [-h <hostname>] ", postfix);
	log_info("(If you have DANE TLSA RRs, update them as soon as possible to match");
	log_info("the newly deployed keys).");
	free(key);
	free(postfix);
}

static enum command_result
report(const struct site *site, const char *command, const struct newpair *pair,
    const struct deployed *deployed, const struct findings *findings, struct err *err)
{
	json_t *document = result_new(site, command);

	json_object_set_new(document, "changed", json_boolean(deployed));
	if (deployed) {
		result_put_pair(document, pair->algorithm, pair->cert_path, pair->key_path);
		result_put_deployed(document, deployed);
	}
	return result_print(document, findings, err);
}

/* What the command line asks for. */
struct wanted {
	const char *command;
	enum keyfile_algorithm algorithm;
	const char *size;
	const char *source; /* of random bytes */
	struct hostnames hostnames;
	struct options options;
};

static enum command_result
enable(const struct site *site, const struct wanted *wanted, struct findings *findings, struct err *err)
{
	const struct postconf_setting settings[] = {
		{ "smtpd_tls_security_level", "may" },
		{ "smtpd_tls_received_header", "yes" },
		{ "smtpd_tls_loglevel", "1" },
		{ "tls_random_source", wanted->source },
	};
	enum command_result result = COMMAND_FAILED;
	struct newpair pair;
	struct deployed deployed;

	if (newpair_init(
		&pair, site, wanted->algorithm, wanted->size, NULL, &wanted->hostnames, findings, err) < 0)
		return COMMAND_FAILED;
	if (deploy_pair(site, pair.cert_path, pair.key_path, settings, 4, findings, &deployed, err) == 0) {
		newpair_keep(&pair);
		explain(site, &pair);
		result = COMMAND_DONE;
		if (wanted->options.json)
			result = report(site, wanted->command, &pair, &deployed, findings, err);
		deploy_release(&deployed);
	}
	newpair_release(&pair);
	return result;
}

enum command_result
cmd_enable_server(const struct site *site, int argc, char **argv, struct err *err)
{
	struct wanted wanted = { .command = argv[0], .size = "" };
	const char *name = NULL;
	const char *random_source = "";
	struct buf source = BUF_INIT;
	struct findings findings;
	enum command_result result = COMMAND_FAILED;
	int option;

	while ((option = options_next(
		    argc, argv, "+:a:b:r:", OPTIONS_JSON | OPTIONS_CHECKS, &wanted.options)) != -1) {
		if (option == 'a')
			name = optarg;
		else if (option == 'b')
			wanted.size = optarg;
		else if (option == 'r')
			random_source = optarg;
		else
			return COMMAND_USAGE;
	}
	findings_init(&findings, &wanted.options);
	if (name && !*name) {
		err_set(err, "Internal error: empty algorithm ");
		goto out;
	}
	if (newpair_algorithm(name, "private", &wanted.algorithm, err) < 0 ||
	    defaults_random_source(site, random_source, &source, err) < 0)
		goto out;
	wanted.source = buf_str(&source);
	if (!defaults_server(site)) {
		suggest();
		result = COMMAND_DONE;
		if (wanted.options.json)
			result = report(site, argv[0], NULL, NULL, &findings, err);
	} else if (hostnames_init(&wanted.hostnames, site, argc - optind, argv + optind, err) == 0) {
		hostnames_judge(&wanted.hostnames, &findings);
		result = enable(site, &wanted, &findings, err);
	}
out:
	hostnames_release(&wanted.hostnames);
	findings_release(&findings);
	buf_release(&source);
	return result;
}
