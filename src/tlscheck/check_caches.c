/* SPDX-License-Identifier: ISC */
/*
 * check_caches: what tlsmgr is told: session caches, ticket keys, sources of randomness.
 */
#include <errno.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/mastercf.h"
#include "tlscheck/check_impl.h"
#include "util/alloc.h"
#include "util/text.h"

enum { TIMEOUT_LEAST_S = 120, SEED_LIMIT = 255, SECRET_LEAST = 32, SECRET_LIMIT = 4096 };

static const char *const caches[] = { "smtpd_tls_session_cache_database", "smtp_tls_session_cache_database",
	"lmtp_tls_session_cache_database" };
static const char *const timeouts[] = { "smtpd_tls_session_cache_timeout", "smtp_tls_session_cache_timeout",
	"lmtp_tls_session_cache_timeout" };

enum { CACHE_COUNT = sizeof caches / sizeof *caches };

/* --- caches --- */

static bool
has_type(const char *types, const char *type)
{
	const char *line;
	size_t len;

	while ((line = text_token(&types, "\n", &len)))
		if (len == strlen(type) && strncmp(line, type, len) == 0)
			return true;
	return false;
}

static void
check_cache_type(
    struct check *check, struct scope *scope, const char *name, const char *type, const char *path)
{
	static const char *const usable[] = { "btree", "hash", "lmdb", "sdbm", "internal" };
	const char *types = check->site->map_types;
	struct finding *found;
	bool fit = false;
	char *better;

	for (size_t i = 0; i < sizeof usable / sizeof *usable; i++)
		fit = fit || strcmp(usable[i], type) == 0;
	if (fit && (!*types || has_type(types, type)))
		return;
	found = fit ? check_found(check, scope, "cache-type-missing", name,
			  "%s: this Postfix has no tables of type %s", name, type)
		    : check_found(check, scope, "cache-type-unfit", name,
			  "%s: a table of type %s cannot be a session cache", name, type);
	better = alloc_printf("%s:%s", has_type(types, "btree") || !*types ? "btree" : "lmdb", path);
	scope_mend_set(scope, found, name, better, false);
	free(better);
}

static void
check_cache_place(struct check *check, struct scope *scope, const char *name, const char *path)
{
	const char *owner_name = scope_value(scope, "mail_owner");
	const struct passwd *owner = getpwnam(owner_name);
	const char *slash = strrchr(path, '/');
	char *directory =
	    slash && slash > path ? alloc_string_n(path, (size_t)(slash - path)) : alloc_string("/");
	struct stat st;

	if (owner && slash && stat(directory, &st) == 0 && st.st_uid != owner->pw_uid &&
	    strcmp(directory, scope_value(scope, "data_directory")) != 0) {
		struct finding *found = check_found(check, scope, "cache-elsewhere", name,
		    "%s: %s does not belong to %s", name, directory, owner_name);
		char *better = alloc_printf("btree:${data_directory}/%s", slash + 1);

		scope_mend_set(scope, found, name, better, false);
		free(better);
	}
	free(directory);
}

static void
check_cache(struct check *check, struct scope *scope, const char *name)
{
	const char *value = scope_value(scope, name);
	const char *colon = strchr(value, ':');
	char *type;

	if (!*value || !scope_raw(scope, name))
		return;
	if (!colon) {
		struct finding *found =
		    check_found(check, scope, "map-bad", name, "%s: %s has no type in front", name, value);

		scope_mend_set(scope, found, name, "btree:${data_directory}/tls_scache", false);
		return;
	}
	type = alloc_string_n(value, (size_t)(colon - value));
	check_cache_type(check, scope, name, type, colon + 1);
	if (strcmp(type, "internal") != 0)
		check_cache_place(check, scope, name, colon + 1);
	free(type);
}

static void
check_shared(struct check *check, struct scope *scope)
{
	for (size_t i = 0; i < CACHE_COUNT; i++)
		for (size_t n = 0; n < i; n++) {
			const char *value = scope_value(scope, caches[i]);
			const char *file = strchr(value, ':');
			struct finding *found;
			char *better;

			/* internal: has no file. */
			if (!file || strncmp(value, "internal:", 9) == 0 ||
			    strcmp(value, scope_value(scope, caches[n])) != 0)
				continue;
			found = check_found(check, scope, "cache-shared", caches[i],
			    "%s and %s are the same file", caches[n], caches[i]);
			better = alloc_printf(
			    "btree:${data_directory}/%.*s_scache", (int)strcspn(caches[i], "_"), caches[i]);
			scope_mend_set(scope, found, caches[i], better, false);
			free(better);
		}
}

/* -1: no time, which check_values has found. */
static long
seconds(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (end == text || number < 0 || (*end && (end[1] || !strchr("smhdw", *end))))
		return -1;
	switch (*end) {
	case 'w':
		return number * 7 * 24 * 3600;
	case 'd':
		return number * 24 * 3600;
	case 'h':
		return number * 3600;
	case 'm':
		return number * 60;
	default:
		return number;
	}
}

static void
check_timeout(struct check *check, struct scope *scope, const char *name)
{
	long timeout = seconds(scope_value(scope, name));
	struct finding *found = NULL;

	if (!scope_raw(scope, name) || timeout < 0)
		return;
	if (timeout == 0)
		found = check_found(
		    check, scope, "no-resumption", name, "%s = %s", name, scope_value(scope, name));
	else if (timeout < TIMEOUT_LEAST_S)
		found = check_found(check, scope, "timeout-raised", name, "%s = %s is taken for %ds", name,
		    scope_value(scope, name), TIMEOUT_LEAST_S);
	scope_mend_remove(scope, found, name, false);
}

/* --- ticket keys that several hosts share --- */

static void
check_secret_file(struct check *check, struct scope *scope, const char *name, const char *path)
{
	char *quoted = finding_quote(path);
	struct finding *found = NULL;
	struct stat st;

	if (stat(path, &st) < 0 && check_is_denied(check, scope_where(scope, name), path, errno)) {
		found = NULL;
	} else if (stat(path, &st) < 0) {
		found = check_found(check, scope, "ticket-secret-missing", name, "%s: open %s: %s", name,
		    path, strerror(errno));
		finding_mend(found, "(umask 077; openssl rand -base64 48 >%s)", quoted);
	} else if (st.st_size < SECRET_LEAST || st.st_size > SECRET_LIMIT) {
		found = check_found(check, scope, "ticket-secret-size", name,
		    "%s: %s has %lld bytes, not %d to %d", name, path, (long long)st.st_size, SECRET_LEAST,
		    SECRET_LIMIT);
		finding_mend(found, "openssl rand -base64 48 >%s", quoted);
	} else if (st.st_mode & S_IROTH) {
		found = check_found(
		    check, scope, "ticket-secret-open", name, "%s: everybody can read %s", name, path);
		finding_mend_mode(found, path, check_open_bits(st.st_mode));
	} else if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		found = check_found(
		    check, scope, "ticket-secret-open", name, "%s: others can change %s", name, path);
		finding_mend_mode(found, path, check_open_bits(st.st_mode));
	}
	free(quoted);
}

static void
check_secret(struct check *check, struct scope *scope)
{
	static const char name[] = "tlsmgr_ticket_secret_file";
	const char *value = scope_value(scope, name);

	if (!*value)
		return;
	if (*value != '/') {
		check_found(check, scope, "relative-path", name, "%s: %s is no absolute path", name, value);
		return;
	}
	check_secret_file(check, scope, name, value);
}

/* --- randomness --- */

static void
check_random_source(struct check *check, struct scope *scope)
{
	static const char name[] = "tls_random_source";
	const char *value = scope_value(scope, name), *path = value;
	struct finding *found = NULL;
	struct stat st;

	if (strncmp(value, "dev:", 4) == 0 || strncmp(value, "egd:", 4) == 0)
		path = value + 4;
	if (!*value)
		found = check_found(check, scope, "random-source-empty", name, "tls_random_source is empty");
	else if (*path == '/' && stat(path, &st) < 0)
		found = check_found(
		    check, scope, "random-source-missing", name, "%s = %s: %s", name, value, strerror(errno));
	else if (path == value)
		found = check_found(
		    check, scope, "random-source-file", name, "%s = %s is a plain file", name, value);
	scope_mend_set(scope, found, name, "dev:/dev/urandom", false);
}

static void
check_seed(struct check *check, struct scope *scope)
{
	static const char name[] = "tls_daemon_random_bytes";
	const char *value = scope_value(scope, name);

	if (scope_raw(scope, name) && strtol(value, NULL, 10) > SEED_LIMIT) {
		struct finding *found = check_found(
		    check, scope, "seed-too-long", name, "%s = %s is more than tlsmgr gives", name, value);

		scope_mend_set(scope, found, name, "32", false);
	}
}

static void
check_exchange(struct check *check, struct scope *scope)
{
	static const char name[] = "tls_random_exchange_name";
	const char *value = scope_value(scope, name);
	const char *directory = check->site->config_directory;

	if (scope_raw(scope, name) && strncmp(value, directory, strlen(directory)) == 0) {
		struct finding *found = check_found(check, scope, "exchange-elsewhere", name,
		    "%s = %s is beside main.cf, where tlsmgr must not write", name, value);

		scope_mend_remove(scope, found, name, false);
	}
}

static void
check_scope(struct check *check, struct scope *scope)
{
	for (size_t i = 0; i < CACHE_COUNT; i++) {
		check_cache(check, scope, caches[i]);
		check_timeout(check, scope, timeouts[i]);
	}
	check_shared(check, scope);
	check_secret(check, scope);
	check_random_source(check, scope);
	check_seed(check, scope);
	check_exchange(check, scope);
}

void
check_caches(struct check *check)
{
	for (size_t i = 0; i < effective_count(check->effective); i++) {
		struct scope *scope = effective_scope(check->effective, i);

		if (i == 0 || strcmp(scope_program(scope), "tlsmgr") == 0)
			check_scope(check, scope);
	}
}
