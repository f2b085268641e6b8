/* SPDX-License-Identifier: ISC */
#include "postfix-tls/site.h"

#include <stdlib.h>
#include <string.h>

#include "postfix-tls/postconf.h"
#include "util/alloc.h"
#include "util/buf.h"

static const struct site_parameters parameters[] = {
	[KEYFILE_RSA] = { "rsa", "smtpd_tls_key_file", "smtpd_tls_cert_file", "2048", "key", "cert" },
	[KEYFILE_ECDSA] = { "ecdsa", "smtpd_tls_eckey_file", "smtpd_tls_eccert_file", "secp256r1", "eckey",
	    "eccert" },
};

const struct site_parameters *
site_parameters(enum keyfile_algorithm algorithm)
{
	return &parameters[algorithm];
}

/* Supported or not. */
static bool
is_algorithm(const char *name, enum keyfile_algorithm *algorithm)
{
	for (int i = KEYFILE_RSA; i <= KEYFILE_ECDSA; i++)
		if (strcmp(name, parameters[i].algorithm) == 0) {
			*algorithm = (enum keyfile_algorithm)i;
			return true;
		}
	return false;
}

bool
site_algorithm(const struct site *site, const char *name, enum keyfile_algorithm *algorithm)
{
	(void)site;
	return is_algorithm(name, algorithm);
}

char *
site_path(const struct site *site, const char *name)
{
	if (*name == '/')
		return alloc_string(name);
	return alloc_printf("%s/%s", site->config_directory, name);
}

int
site_configured_key(const struct site *site, enum keyfile_algorithm algorithm, char **path, struct err *err)
{
	struct buf value = BUF_INIT;
	int result = 0;

	*path = NULL;
	if (postconf_value(site->postconf, parameters[algorithm].key_file, &value, err) < 0) {
		result = -1;
	} else if (value.len > 0 && strcmp(value.bytes, "none") != 0) {
		*path = *value.bytes == '/' ? alloc_string(value.bytes)
					    : alloc_printf("%s/%s", site->queue_directory, value.bytes);
		result = 1;
	}
	buf_release(&value);
	return result;
}

int
site_key_argument(const struct site *site, const char *argument, char **path, struct err *err)
{
	enum keyfile_algorithm algorithm;

	*path = NULL;
	if (!*argument || strcmp(argument, "none") == 0)
		return 0;
	if (is_algorithm(argument, &algorithm))
		return site_configured_key(site, algorithm, path, err);
	*path = site_path(site, argument);
	return 1;
}

int
site_hostname(const struct site *site, struct buf *name, struct err *err)
{
	return postconf_value(site->postconf, "myhostname", name, err);
}
