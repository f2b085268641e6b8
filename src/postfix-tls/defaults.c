/* SPDX-License-Identifier: ISC */
#include "postfix-tls/defaults.h"

#include <string.h>
#include <unistd.h>

#include "postfix-tls/site.h"
#include "postfix-tls/postconf.h"
#include "util/buf.h"
#include "util/err.h"

#define DEVICE "/dev/urandom"

/* The chain files take precedence over all other key and certificate settings. */
const char *const defaults_client_names[] = { "smtp_use_tls", "smtp_enforce_tls", "smtp_tls_enforce_peername",
	"smtp_tls_security_level", "smtp_tls_cert_file", "smtp_tls_dcert_file", "smtp_tls_eccert_file",
	"smtp_tls_chain_files", NULL };
const char *const defaults_server_names[] = { "smtpd_use_tls", "smtpd_enforce_tls",
	"smtpd_tls_security_level", "smtpd_tls_cert_file", "smtpd_tls_dcert_file", "smtpd_tls_eccert_file",
	"smtpd_tls_chain_files", NULL };

bool
defaults_none_set(const struct site *site, const char *const *names)
{
	for (; *names; names++) {
		const char *value = postconf_raw(site->postconf, *names);
		if (value && *value)
			return false;
	}
	return true;
}

bool
defaults_client(const struct site *site)
{
	return defaults_none_set(site, defaults_client_names);
}

bool
defaults_server(const struct site *site)
{
	return defaults_none_set(site, defaults_server_names);
}

/* tlsmgr takes anything without a prefix for a file, and stays without entropy when that is not one. */
static bool
is_source(const char *text)
{
	return strncmp(text, "dev:/", 5) == 0 || strncmp(text, "egd:/", 5) == 0;
}

int
defaults_random_source(const struct site *site, const char *wanted, struct buf *source, struct err *err)
{
	if (*wanted && !is_source(wanted))
		return err_set(err, "bad TLS random source '%s': need dev:/path or egd:/path", wanted);
	if (*wanted) {
		buf_add_str(source, wanted);
		return 0;
	}
	if (postconf_value(site->postconf, "tls_random_source", source, err) < 0)
		return -1;
	if (source->len > 0)
		return 0;
	if (access(DEVICE, R_OK) < 0)
		return err_set(err, "no default TLS random source defined and no " DEVICE);
	buf_add_str(source, "dev:" DEVICE);
	return 0;
}
