/* SPDX-License-Identifier: ISC */
#include "tls/library.h"

#include <stdbool.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include "util/log.h"

static int
load_config(const char *file, const char *name)
{
	OPENSSL_INIT_SETTINGS *settings = OPENSSL_INIT_new();
	bool is_default = strcmp(file, "default") == 0;
	/* Only the library's own file may be missing; what the administrator names must load. */
	unsigned long flags = is_default ? CONF_MFLAGS_DEFAULT_SECTION | CONF_MFLAGS_IGNORE_MISSING_FILE : 0;
	int ok = settings != NULL;

	if (ok && !is_default)
		ok = OPENSSL_INIT_set_config_filename(settings, file);
	if (ok && *name)
		ok = OPENSSL_INIT_set_config_appname(settings, name);
	if (ok) {
		OPENSSL_INIT_set_config_file_flags(settings, flags);
		ok = OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, settings);
	}
	OPENSSL_INIT_free(settings);
	if (ok)
		return 0;
	log_warn(
	    "error loading the '%s' settings from the %s OpenSSL configuration file, disabling TLS support",
	    *name ? name : "global", file);
	library_log_errors();
	return -1;
}

int
library_init(const char *config_file, const char *config_name)
{
	static bool done;
	const char *file = config_file ? config_file : "default";
	const char *name = config_name ? config_name : "";

	if (done)
		return 0;
	/* What the library would free at the end goes with the process. */
	if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL))
		library_log_errors();
	if (strcmp(file, "none") == 0) {
		if (!OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL)) {
			library_log_errors();
			return -1;
		}
	} else if (strcmp(file, "default") != 0 && *file != '/') {
		log_warn(
		    "non-default tls_config_file = %s is not an absolute pathname, disabling TLS support",
		    file);
		return -1;
	} else if (strcmp(file, "default") != 0 || *name) {
		if (load_config(file, name) < 0)
			return -1;
	}
	done = true;
	return 0;
}

void
library_check_version(void)
{
	unsigned int major = OPENSSL_version_major();
	unsigned int minor = OPENSSL_version_minor();
	unsigned int patch = OPENSSL_version_patch();

	if (major != OPENSSL_VERSION_MAJOR || minor != OPENSSL_VERSION_MINOR || patch < OPENSSL_VERSION_PATCH)
		log_warn(
		    "run-time library vs. compile-time header version mismatch: OpenSSL %u.%u.%u may not be"
		    " compatible with OpenSSL %d.%d.%d",
		    major, minor, patch, OPENSSL_VERSION_MAJOR, OPENSSL_VERSION_MINOR, OPENSSL_VERSION_PATCH);
}

void
library_log_errors(void)
{
	const char *file;
	const char *data;
	int line;
	int flags;
	unsigned long code;

	while ((code = ERR_get_error_all(&file, &line, NULL, &data, &flags)) != 0) {
		char words[256];

		ERR_error_string_n(code, words, sizeof words);
		if (flags & ERR_TXT_STRING)
			log_warn("TLS library problem: %s:%s:%d:%s:", words, file, line, data);
		else
			log_warn("TLS library problem: %s:%s:%d:", words, file, line);
	}
}

void
library_stir(void)
{
	struct {
		pid_t pid;
		struct timeval time;
	} seed;

	memset(&seed, 0, sizeof seed);
	seed.pid = getpid();
	gettimeofday(&seed.time, NULL);
	/* Counted as no entropy: it only keeps two processes, or two moments, apart. */
	RAND_add(&seed, sizeof seed, 0.0);
}

const char *
library_compiled_version(void)
{
	return OPENSSL_VERSION_TEXT;
}

const char *
library_running_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}
