/* SPDX-License-Identifier: ISC */
#include "postfix-tls/help.h"

#include <stddef.h>
#include <string.h>

#include "util/buf.h"

#define CHECKS " [--strict | --force]"

static const struct subcommand {
	const char *name;
	const char *arguments; /* NULL: the usage line has all */
	const char *what;
} subcommands[] = {
	{ "enable-client", " [-r source] [--json]" CHECKS,
	    "turns on opportunistic TLS in the SMTP client, if its TLS settings are at their defaults" },
	{ "enable-server", " [-r source] [-a algorithm] [-b bits] [--json]" CHECKS " [hostname ...]",
	    "turns on opportunistic TLS in the SMTP server, if its TLS settings are at their defaults, with a"
	    " new key and a self-signed certificate" },
	{ "all-default-client", " [--json]",
	    "status 0 if the client's TLS settings are at their defaults, else 1" },
	{ "all-default-server", " [--json]",
	    "status 0 if the server's TLS settings are at their defaults, else 1" },
	{ "new-server-key", " [-a algorithm] [-b bits] [--json]" CHECKS " [hostname ...]",
	    "makes a key and a self-signed certificate" },
	{ "new-server-cert", " [-a algorithm] [-b bits] [--json]" CHECKS " [hostname ...]",
	    "makes a self-signed certificate for a copy of the key in use" },
	{ "deploy-server-cert", " [--json]" CHECKS " certfile keyfile",
	    "makes the server use them, if they can be used" },
	{ "output-server-csr", " [-k key] [--json] [hostname ...]", "prints a certificate signing request" },
	{ "output-server-tlsa", " [-h hostname] [-p port ...] [-m 1|2 ...] [--json] [key ...]",
	    "prints TLSA records" },
	{ "status", NULL, "says what tlsmgr and tlsproxy serve and have done" },
	{ "policy", NULL, "says which TLS the SMTP client would use for a destination, and why" },
	{ "probe",
	    " [--json] [--first] [--resume | --tlsproxy] [-l level] [-o name=value ...] [--resolver address]"
	    " [--trust-anchor file] [--timeout seconds] nexthop",
	    "visits the servers of a destination as the SMTP client would, and says what comes of it" },
	{ "check", NULL, "looks for what is wrong with the TLS settings and the files they name" },
};

static const struct option {
	const char *form; /* as arguments have it */
	const char *what;
} options[] = {
	{ "-r source", "dev:/path or egd:/path for tls_random_source" },
	{ "-a algorithm", "rsa (default), ecdsa, ed25519 or ed448" },
	{ "-b bits", "for rsa a number (2048), for ecdsa a curve (secp256r1)" },
	{ "-k key", "a file, or an algorithm for the key in use" },
	{ "-h hostname", "whose records these are (myhostname)" },
	{ "-p port", "of the server (25); can be repeated" },
	{ "-m 1|2", "digest of the key, SHA-256 (1) or SHA-512 (2); can be repeated" },
	{ "--json", "prints the result as a JSON document" },
	{ "--strict", "refuses what there would be warnings about" },
	{ "--force", "does what would be refused, where that is sane" },
	{ "--first", "stops at the first server that would take mail" },
	{ "--resume", "connects to each server once more, with the session it offered" },
	{ "--tlsproxy", "has the TLS done by the running tlsproxy" },
	{ "-l level", "instead of the level that main.cf and its tables have" },
	{ "-o name=value", "instead of what main.cf has" },
	{ "--fix", "carries out what can do no harm, and asks before each step" },
	{ "--yes", "does not ask" },
	{ "--dns", "asks for the TLSA records of myhostname, and compares them" },
	{ "--resolver", "whom to ask of DNS, ADDRESS or ADDRESS@PORT" },
	{ "--trust-anchor", "the keys that validation begins with (those of the DNS root)" },
	{ "--timeout", "seconds: check: for DNS (10); probe: for each question and each step (30)" },
	{ "--list", "prints the kinds of findings" },
	{ "hostname ...", "the names in the certificate (myhostname)" },
	{ "[key ...", "files, or algorithms for the keys in use (all of those)" },
	{ "certfile", "the certificates, each followed by its issuer, in PEM" },
	{ "keyfile", "the key of the first of them, in PEM" },
	{ "nexthop", "name, name:port, [name] or [name]:port; for LMTP unix:path or inet:nexthop" },
	{ " [host]", "a server of that destination (nexthop)" },
};

static const struct subcommand *
find(const char *name)
{
	for (size_t i = 0; i < sizeof subcommands / sizeof *subcommands; i++)
		if (strcmp(subcommands[i].name, name) == 0)
			return &subcommands[i];
	return NULL;
}

void
help_put(struct buf *to, const char *name, const char *arguments)
{
	const struct subcommand *subcommand = find(name);

	if (subcommand && subcommand->arguments)
		arguments = subcommand->arguments;
	buf_printf(to, "postfix tls %s%s\n", name, arguments);
	if (subcommand)
		buf_printf(to, "    %s\n", subcommand->what);
}

void
help_put_options(struct buf *to, const char *name, const char *arguments)
{
	const struct subcommand *subcommand = find(name);

	help_put(to, name, arguments);
	if (subcommand && subcommand->arguments)
		arguments = subcommand->arguments;
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		const char *form = options[i].form + strspn(options[i].form, " [");

		if (strstr(arguments, options[i].form))
			buf_printf(to, "        %-16.*s%s\n", (int)strcspn(form, "]"), form, options[i].what);
	}
}
