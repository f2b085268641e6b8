/* SPDX-License-Identifier: ISC */
#include "tlscheck/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tlscheck/check_impl.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

static const struct {
	const char *prefix;
	bool server;
	const char *program;
	bool global; /* main.cf alone is looked at, too */
} roles[] = {
	{ "smtpd_tls_", true, "smtpd", true },
	{ "tlsproxy_tls_", true, "tlsproxy", false },
	{ "smtp_tls_", false, "smtp", true },
	{ "lmtp_tls_", false, "lmtp", true },
	{ "tlsproxy_client_", false, "tlsproxy", false },
};

static void (*const subjects[])(struct check *) = {
	check_names,
	check_values,
	check_legacy,
	check_words,
	check_levels,
	check_clients,
	check_certs,
	check_renewal,
	check_files,
	check_tables,
	check_sni,
	check_caches,
	check_services,
	check_tlsgate,
	check_dns,
};

int
check_run(const struct check_site *site, struct finding_list *findings, struct err *err)
{
	struct effective_site where = {
		.config_directory = site->config_directory,
		.option = site->option,
		.defaults = site->defaults,
	};
	struct check check = {
		.site = site,
		.effective = effective_new(&where, err),
		.findings = findings,
	};

	if (!check.effective)
		return -1;
	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
		subjects[i](&check);
	effective_free(check.effective);
	finding_list_sort(findings);
	return 0;
}

/* --- what is gone over --- */

void
check_each_role(struct check *check, role_fn fn)
{
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		for (size_t n = 0; n < effective_count(check->effective); n++) {
			struct role role = {
				.check = check,
				.scope = effective_scope(check->effective, n),
				.prefix = roles[i].prefix,
				.server = roles[i].server,
			};

			if (n == 0 ? roles[i].global
				   : strcmp(scope_program(role.scope), roles[i].program) == 0)
				fn(&role);
		}
}

void
check_each_scope(struct check *check, check_scope_fn fn)
{
	for (size_t n = 0; n < effective_count(check->effective); n++)
		fn(check, effective_scope(check->effective, n));
}

/* --- roles --- */

const char *
role_name(const struct role *role, const char *rest)
{
	return scope_name(role->scope, role->prefix, rest);
}

const char *
role_value(const struct role *role, const char *rest)
{
	return scope_value(role->scope, role_name(role, rest));
}

bool
role_is_yes(const struct role *role, const char *rest)
{
	return scope_is_yes(role->scope, role_name(role, rest));
}

/* The old booleans have no "tls_" behind the name of their program, but tlsproxy's client has. */
static const char *
legacy_name(const struct role *role, const char *rest)
{
	char *program = alloc_string(role->prefix);
	size_t len = strlen(program);
	const char *name;

	if (len > 4 && strcmp(program + len - 4, "tls_") == 0)
		program[len - 4] = '\0';
	name = scope_name(role->scope, program, rest);
	free(program);
	return name;
}

static enum level
legacy_level(const struct role *role)
{
	if (scope_is_yes(role->scope, legacy_name(role, "enforce_tls"))) {
		if (role->server)
			return LEVEL_ENCRYPT;
		/* tlsproxy reads none of its own. */
		return strcmp(role->prefix, "tlsproxy_client_") == 0 || role_is_yes(role, "enforce_peername")
			   ? LEVEL_VERIFY
			   : LEVEL_ENCRYPT;
	}
	return scope_is_yes(role->scope, legacy_name(role, "use_tls")) ? LEVEL_MAY : LEVEL_NONE;
}

enum level
role_level(const struct role *role)
{
	const char *word = role_value(role, "security_level");
	enum level level;

	if (strcmp(role->prefix, "smtpd_tls_") == 0 && role_is_yes(role, "wrappermode"))
		return LEVEL_ENCRYPT;
	if (!*word)
		return legacy_level(role);
	level = level_from_name(word);
	if (role->server && level_is_mandatory(level))
		return level_is_dane(level) ? LEVEL_INVALID : LEVEL_ENCRYPT;
	return level;
}

const char *
role_level_name(const struct role *role)
{
	if (*role_value(role, "security_level"))
		return role_name(role, "security_level");
	if (scope_is_yes(role->scope, legacy_name(role, "enforce_tls")))
		return legacy_name(role, "enforce_tls");
	if (scope_is_yes(role->scope, legacy_name(role, "use_tls")))
		return legacy_name(role, "use_tls");
	return role_name(role, "security_level");
}

/* --- findings --- */

struct finding *
check_add(struct check *check, const char *id, char *where, const char *what, ...)
{
	struct finding *finding;
	va_list arguments;
	char *text;

	va_start(arguments, what);
	if (vasprintf(&text, what, arguments) < 0)
		log_fatal("out of memory");
	va_end(arguments);
	finding = finding_add(check->findings, id, where, "%s", text);
	free(text);
	free(where);
	return finding;
}

/* A new key is not in force before it is deployed. */
void
check_mend_new_key(struct check *check, struct finding *found)
{
	char *directory = finding_quote(check->site->config_directory);

	finding_mend(found, "postfix %stls new-server-key", check->site->option);
	finding_mend(found,
	    "postfix %stls deploy-server-cert \"$(ls -t %s/cert-*.pem | head -n 1)\" "
	    "\"$(ls -t %s/key-*.pem | head -n 1)\"",
	    check->site->option, directory, directory);
	free(directory);
}

const char *
check_setting(struct scope *scope, const char *name)
{
	const char *source = scope_source(scope, name);
	char *text = alloc_printf("%s = %s", source, scope_value(scope, source));
	const char *kept = scope_name(scope, text, "");

	free(text);
	return kept;
}

char *
check_path(struct scope *scope, const char *path)
{
	if (*path == '/')
		return alloc_string(path);
	return alloc_printf("%s/%s", scope_value(scope, "queue_directory"), path);
}

bool
check_is_denied(struct check *check, char *where, const char *path, int code)
{
	if (geteuid() == 0 || (code != EACCES && code != EPERM)) {
		free(where);
		return false;
	}
	check_add(check, "not-examined", where, "%s: %s", path, strerror(code));
	return true;
}

bool
check_lists(const char *list, const char *word)
{
	const char *token;
	size_t len;

	while ((token = text_token(&list, TEXT_LIST_SEPARATORS, &len)))
		if (len == strlen(word) && strncmp(token, word, len) == 0)
			return true;
	return false;
}
