/* SPDX-License-Identifier: ISC */
#include <unistd.h>

#include "postfix-tls/command.h"
#include "postfix-tls/defaults.h"
#include "postfix-tls/deploy.h"
#include "postfix-tls/hostnames.h"
#include "postfix-tls/newpair.h"
#include "postfix-tls/postconf.h"
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
explain(const struct newpair *pair)
{
	log_info("Enabled opportunistic TLS in the Postfix SMTP server");
	deploy_explain();
	log_info("To generate a CSR run:");
	log_info("  # postfix tls output-server-csr -k %s [<hostname> ...]", pair->key_path);
	log_info("Save the signed certificate chain in %s.", pair->cert_path);
	log_info("To generate TLSA records run:");
	log_info("  # postfix tls output-server-tlsa [-h <hostname>] ");
	log_info("(If you have DANE TLSA RRs, update them as soon as possible to match");
	log_info("the newly deployed keys).");
}

static enum command_result
enable(const struct site *site, struct newpair *pair, const char *source, struct err *err)
{
	const struct postconf_setting settings[] = {
		{ "smtpd_tls_security_level", "may" },
		{ "smtpd_tls_received_header", "yes" },
		{ "smtpd_tls_loglevel", "1" },
		{ "tls_random_source", source },
	};

	if (deploy_pair(site, pair->cert_path, pair->key_path, settings, 4, err) < 0)
		return COMMAND_FAILED;
	pair->keep = true;
	explain(pair);
	return COMMAND_DONE;
}

enum command_result
cmd_enable_server(const struct site *site, int argc, char **argv, struct err *err)
{
	const char *wanted = "";
	const char *name = NULL;
	const char *size = "";
	struct buf source = BUF_INIT;
	struct hostnames hostnames = { 0 };
	enum keyfile_algorithm algorithm;
	enum command_result result = COMMAND_FAILED;
	struct newpair pair;
	int option;

	while ((option = getopt(argc, argv, "+:a:b:r:")) != -1) {
		if (option == 'a')
			name = optarg;
		else if (option == 'b')
			size = optarg;
		else if (option == 'r')
			wanted = optarg;
		else
			return COMMAND_USAGE;
	}
	if (name && !*name) {
		err_set(err, "Internal error: empty algorithm ");
		goto out;
	}
	if (newpair_algorithm(site, name, "private", &algorithm, err) < 0 ||
	    defaults_random_source(site, wanted, &source, err) < 0)
		goto out;
	if (!defaults_server(site)) {
		suggest();
		result = COMMAND_DONE;
		goto out;
	}
	if (hostnames_init(&hostnames, site, argc - optind, argv + optind, err) < 0)
		goto out;
	if (newpair_init(&pair, site, algorithm, size, &hostnames, err) == 0) {
		result = enable(site, &pair, buf_str(&source), err);
		newpair_release(&pair);
	}
out:
	hostnames_release(&hostnames);
	buf_release(&source);
	return result;
}
