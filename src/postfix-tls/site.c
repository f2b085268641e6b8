/* SPDX-License-Identifier: ISC */
#include "postfix-tls/site.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "postfix-tls/chainfiles.h"
#include "postfix-tls/postconf.h"
#include "postfix-tls/unusable.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"

static const struct site_parameters parameters[] = {
	[KEYFILE_RSA] = { "rsa", "smtpd_tls_key_file", "smtpd_tls_cert_file", "2048", "key", "cert" },
	[KEYFILE_ECDSA] = { "ecdsa", "smtpd_tls_eckey_file", "smtpd_tls_eccert_file", "secp256r1", "eckey",
	    "eccert" },
	[KEYFILE_ED25519] = { "ed25519", NULL, NULL, "", "ed25519key", "ed25519cert" },
	[KEYFILE_ED448] = { "ed448", NULL, NULL, "", "ed448key", "ed448cert" },
};

const struct site_parameters *
site_parameters(enum keyfile_algorithm algorithm)
{
	return &parameters[algorithm];
}

bool
site_algorithm(const char *name, enum keyfile_algorithm *algorithm)
{
	for (int i = 0; i < SITE_ALGORITHMS; i++)
		if (strcmp(name, parameters[i].algorithm) == 0) {
			*algorithm = (enum keyfile_algorithm)i;
			return true;
		}
	return false;
}

char *
site_path(const struct site *site, const char *name)
{
	if (*name == '/')
		return alloc_string(name);
	return alloc_printf("%s/%s", site->config_directory, name);
}

char *
site_served_path(const struct site *site, const char *name)
{
	if (*name == '/')
		return alloc_string(name);
	return alloc_printf("%s/%s", site->queue_directory, name);
}

/* Without smtpd_tls_chain_files. */
static int
legacy_key(const struct site *site, enum keyfile_algorithm algorithm, struct site_key *key, struct err *err)
{
	struct buf value = BUF_INIT;
	int result = 0;

	if (!parameters[algorithm].key_file)
		return 0;
	if (postconf_value(site->postconf, parameters[algorithm].key_file, &value, err) < 0) {
		result = -1;
	} else if (value.len > 0 && strcmp(value.bytes, "none") != 0) {
		key->path = site_served_path(site, value.bytes);
		result = 1;
	}
	buf_release(&value);
	return result;
}

int
site_configured_key(
    const struct site *site, enum keyfile_algorithm algorithm, struct site_key *key, struct err *err)
{
	struct chainfiles chain;
	int in_use = chainfiles_init(&chain, site, err);
	const char *file;

	*key = (struct site_key){ .algorithm = KEYFILE_OTHER };
	if (in_use < 0)
		return -1;
	if (in_use == 0)
		return legacy_key(site, algorithm, key, err);
	file = chainfiles_find(&chain, algorithm);
	if (file)
		*key = (struct site_key){ alloc_string(file), algorithm };
	chainfiles_release(&chain);
	return file != NULL;
}

int
site_key_argument(const struct site *site, const char *argument, struct site_key *key, struct err *err)
{
	enum keyfile_algorithm algorithm;

	*key = (struct site_key){ .algorithm = KEYFILE_OTHER };
	if (!*argument || strcmp(argument, "none") == 0)
		return 0;
	if (site_algorithm(argument, &algorithm))
		return site_configured_key(site, algorithm, key, err);
	key->path = site_path(site, argument);
	return 1;
}

struct keyfile *
site_load_key(const struct site_key *key, struct err *err)
{
	struct keyfile *keyfile = key->algorithm == KEYFILE_OTHER
				      ? keyfile_load(key->path, err)
				      : keyfile_load_of(key->path, key->algorithm, err);

	if (!keyfile) {
		unusable_key(key->path, err);
		log_warn("%s", err->text);
	}
	return keyfile;
}

void
site_key_release(struct site_key *key)
{
	free(key->path);
	key->path = NULL;
}

int
site_hostname(const struct site *site, struct buf *name, struct err *err)
{
	return postconf_value(site->postconf, "myhostname", name, err);
}

char *
site_shell_word(const char *text)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_";
	struct buf word = BUF_INIT;

	if (*text && strspn(text, plain) == strlen(text))
		return alloc_string(text);
	buf_add_byte(&word, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			buf_add_str(&word, "'\\'");
		buf_add_byte(&word, *text);
	}
	buf_add_byte(&word, '\'');
	return buf_detach(&word);
}

char *
site_postfix(const struct site *site)
{
	const char *others = postconf_raw(site->postconf, "multi_instance_directories");
	char *directory, *command;

	/* Without -c the command would run for every instance. */
	if (strcmp(site->config_directory, CONFIG_CONFIG_DIRECTORY) == 0 && !(others && *others))
		return alloc_string("postfix");
	directory = site_shell_word(site->config_directory);
	command = alloc_printf("postfix -c %s", directory);
	free(directory);
	return command;
}

void
site_hold_signals(void)
{
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGHUP);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGQUIT);
	sigaddset(&held, SIGTERM);
	sigaddset(&held, SIGPIPE);
	sigaddset(&held, SIGTSTP);
	sigprocmask(SIG_BLOCK, &held, NULL);
}
