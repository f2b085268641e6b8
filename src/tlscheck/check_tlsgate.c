/* SPDX-License-Identifier: ISC */
/*
 * check_tlsgate: the services of tlsgate: words, what goes together, ports, passwords.
 */
#include <stdlib.h>
#include <string.h>

#include "mail/mastercf.h"
#include "tls/server_level.h"
#include "tlscheck/check_impl.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

static const char *
value_of(struct scope *scope, const char *rest)
{
	return scope_value(scope, scope_name(scope, "tlsgate_", rest));
}

static bool
is_yes(struct scope *scope, const char *rest)
{
	return scope_is_yes(scope, scope_name(scope, "tlsgate_", rest));
}

static bool
is(struct scope *scope, const char *rest, const char *word)
{
	return text_equal_nocase(value_of(scope, rest), word);
}

/* --- words --- */

static void
bad_value(struct check *check, struct scope *scope, const char *rest, const char *wanted, const char *better)
{
	const char *name = scope_name(scope, "tlsgate_", rest);
	struct finding *found =
	    check_found(check, scope, "bad-value", name, "%s: %s", check_setting(scope, name), wanted);

	if (better)
		scope_mend_service(scope, found, name, better, false);
	else
		scope_mend_remove(scope, found, name, false);
}

static void
check_level(struct check *check, struct scope *scope)
{
	static const char name[] = "tlsgate_tls_security_level";
	struct server_level level;
	struct finding *found = NULL;
	struct buf log = BUF_INIT;
	struct err err;
	int result;

	if (is_yes(scope, "tls_wrappermode"))
		return;
	log_divert(&log);
	result = server_level_read(name, scope_value(scope, name), false, false, &level, &err);
	log_divert(NULL);
	if (result < 0)
		found = check_found(check, scope, "level-unknown", name, "%s is no level of a server",
		    check_setting(scope, name));
	else if (log.len > 0)
		found = check_found(check, scope, "level-unsupported", name, "%s is taken for encrypt",
		    check_setting(scope, name));
	scope_mend_set(scope, found, name, result < 0 ? "may" : "encrypt", result == 0);
	buf_release(&log);
}

static void
check_words_of(struct check *check, struct scope *scope)
{
	static const char *const protocols[] = { "smtp", "lmtp", "pop3", "imap", "sieve", "none" };
	const char *backend = value_of(scope, "backend");
	bool known = false, builtin = is(scope, "backend", "builtin");

	for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
		known = known || is(scope, "protocol", protocols[i]);
	if (!known)
		bad_value(check, scope, "protocol", "none of smtp, lmtp, pop3, imap, sieve, none", NULL);
	else if (is(scope, "protocol", "none") && !is_yes(scope, "tls_wrappermode"))
		bad_value(check, scope, "protocol", "requires tlsgate_tls_wrappermode = yes", NULL);
	else if (builtin && !is(scope, "protocol", "smtp") && !is(scope, "protocol", "none"))
		bad_value(check, scope, "protocol", "requires a tlsgate_backend other than builtin", NULL);
	if (!is(scope, "backend_proxy_protocol", "no") && !is(scope, "backend_proxy_protocol", "v2"))
		bad_value(check, scope, "backend_proxy_protocol", "neither no nor v2", "v2");
	else if (builtin && is(scope, "backend_proxy_protocol", "v2"))
		bad_value(check, scope, "backend_proxy_protocol",
		    "requires a tlsgate_backend other than builtin", "no");
	if (!builtin && !strchr(backend, ':'))
		bad_value(check, scope, "backend", "neither host:port, unix:path nor builtin", NULL);
}

/* --- ports --- */

static bool
is_among(const char *port, const char *const *ports)
{
	for (; *ports; ports++)
		if (strcmp(port, *ports) == 0)
			return true;
	return false;
}

static struct finding *
service_found(struct check *check, struct scope *scope, const char *id, const char *what)
{
	const struct mastercf_entry *entry = scope_entry(scope);

	return check_add(check, id,
	    alloc_printf("%s:%d", effective_master_path(check->effective), entry->line), "service %s %s",
	    entry->name, what);
}

static void
check_port(struct check *check, struct scope *scope)
{
	static const char *const wrapped[] = { "465", "smtps", "submissions", "993", "imaps", "995", "pop3s",
		NULL };
	static const char *const plain[] = { "25", "smtp", "587", "submission", "143", "imap2", "imap", "110",
		"pop3", "4190", "sieve", NULL };
	const struct mastercf_entry *entry = scope_entry(scope);
	bool wraps = is_yes(scope, "tls_wrappermode");

	if (!entry->port)
		return;
	if (!wraps && is_among(entry->port, wrapped))
		scope_mend_service(scope,
		    service_found(check, scope, "wrappermode-missing", "does not begin with TLS"),
		    "tlsgate_tls_wrappermode", "yes", false);
	else if (wraps && is_among(entry->port, plain))
		scope_mend_service(scope, service_found(check, scope, "wrappermode-port", "begins with TLS"),
		    "tlsgate_tls_wrappermode", "no", false);
}

/* --- passwords --- */

/* What these protocols begin with is a password. */
static void
check_passwords(struct check *check, struct scope *scope)
{
	bool asks =
	    is(scope, "protocol", "imap") || is(scope, "protocol", "pop3") || is(scope, "protocol", "sieve");

	if (asks && !is_yes(scope, "tls_wrappermode") && !is_yes(scope, "tls_auth_only") &&
	    (is(scope, "tls_security_level", "may") || is(scope, "tls_security_level", "none")))
		scope_mend_service(scope,
		    service_found(check, scope, "auth-in-clear",
			"takes passwords without TLS: tlsgate_tls_auth_only = no"),
		    "tlsgate_tls_auth_only", "yes", false);
}

void
check_tlsgate(struct check *check)
{
	for (size_t i = 1; i < effective_count(check->effective); i++) {
		struct scope *scope = effective_scope(check->effective, i);

		if (strcmp(scope_program(scope), "tlsgate") != 0)
			continue;
		check_level(check, scope);
		check_words_of(check, scope);
		check_port(check, scope);
		check_passwords(check, scope);
	}
}
