/* SPDX-License-Identifier: ISC */
#include "postfix-tls/instance.h"

#include <stdlib.h>
#include <string.h>

#include "postfix-tls/postconf.h"
#include "util/alloc.h"
#include "util/buf.h"

static const struct instance_parameters parameters[] = {
	[KEYFILE_RSA] = { "rsa", "smtpd_tls_key_file", "smtpd_tls_cert_file", "2048", "key", "cert" },
	[KEYFILE_ECDSA] = { "ecdsa", "smtpd_tls_eckey_file", "smtpd_tls_eccert_file", "secp256r1", "eckey",
	    "eccert" },
};

const struct instance_parameters *
instance_parameters(enum keyfile_algorithm algorithm)
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
instance_algorithm(const struct instance *instance, const char *name, enum keyfile_algorithm *algorithm)
{
	return is_algorithm(name, algorithm) && instance->supports[*algorithm];
}

char *
instance_path(const struct instance *instance, const char *name)
{
	if (*name == '/')
		return alloc_string(name);
	return alloc_printf("%s/%s", instance->config_directory, name);
}

int
instance_configured_key(const struct instance *instance, enum keyfile_algorithm algorithm, char **path,
    struct err *err)
{
	struct buf value = BUF_INIT;
	int result = 0;

	*path = NULL;
	if (!instance->supports[algorithm])
		return 0;
	if (postconf_value(instance->postconf, parameters[algorithm].key_file, &value, err) < 0) {
		result = -1;
	} else if (value.len > 0 && strcmp(value.bytes, "none") != 0) {
		*path = *value.bytes == '/' ? alloc_string(value.bytes)
		                            : alloc_printf("%s/%s", instance->queue_directory, value.bytes);
		result = 1;
	}
	buf_release(&value);
	return result;
}

int
instance_key_argument(const struct instance *instance, const char *argument, char **path, struct err *err)
{
	enum keyfile_algorithm algorithm;

	*path = NULL;
	if (!*argument || strcmp(argument, "none") == 0)
		return 0;
	if (is_algorithm(argument, &algorithm))
		return instance_configured_key(instance, algorithm, path, err);
	*path = instance_path(instance, argument);
	return 1;
}

int
instance_hostname(const struct instance *instance, struct buf *name, struct err *err)
{
	return postconf_value(instance->postconf, "myhostname", name, err);
}
