/* SPDX-License-Identifier: ISC */
/*
 * check_tlsgate: the services of tlsgate: words, what goes together, rules for clients, ports, passwords.
 */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "mail/ccert_rules.h"
#include "mail/hostport.h"
#include "mail/mastercf.h"
#include "tls/server_level.h"
#include "tlscheck/check_impl.h"
#include "tlscheck/tables.h"
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

static struct finding *
value_found(struct check *check, struct scope *scope, const char *rest, const char *wanted)
{
	const char *name = scope_name(scope, "tlsgate_", rest);

	return check_found(check, scope, "bad-value", name, "%s: %s", check_setting(scope, name), wanted);
}

static void
bad_value(struct check *check, struct scope *scope, const char *rest, const char *wanted, const char *better)
{
	const char *name = scope_name(scope, "tlsgate_", rest);
	struct finding *found = value_found(check, scope, rest, wanted);

	if (better)
		scope_mend_service(scope, found, name, better, false);
	else
		scope_mend_remove(scope, found, name, false);
}

/* `log` gets what the gate would say. */
static int
read_level(struct scope *scope, struct server_level *level, struct buf *log)
{
	static const char name[] = "tlsgate_tls_security_level";
	const char *word = scope_value(scope, name);
	bool use = is_yes(scope, "use_tls"), enforce = is_yes(scope, "enforce_tls");
	struct err err;
	int result;

	log_divert(log);
	result = server_level_read(name, word, use, enforce, level, &err);
	log_divert(NULL);
	return result;
}

static void
check_level(struct check *check, struct scope *scope)
{
	static const char name[] = "tlsgate_tls_security_level";
	struct server_level level;
	struct finding *found = NULL;
	struct buf log = BUF_INIT;
	int result;

	if (is_yes(scope, "tls_wrappermode"))
		return;
	result = read_level(scope, &level, &log);
	if (result < 0)
		found = check_found(check, scope, "level-unknown", name, "%s is no level of a server",
		    check_setting(scope, name));
	else if (log.len > 0)
		found = check_found(check, scope, "level-unsupported", name, "%s is taken for encrypt",
		    check_setting(scope, name));
	scope_mend_set(scope, found, name, result < 0 ? "may" : "encrypt", result == 0);
	buf_release(&log);
}

static bool
is_service(const char *port)
{
	return strspn(port, "0123456789") == strlen(port) || getservbyname(port, "tcp") != NULL;
}

/* Whether there is such a host is for DNS to say. */
static bool
is_backend(const char *where)
{
	char *copy = alloc_string(where), *host, *port;
	bool result = strcmp(where, "builtin") == 0 || (strncmp(where, "unix:", 5) == 0 && where[5]) ||
		      (hostport_split(copy, &host, &port) && is_service(port));

	free(copy);
	return result;
}

/* There is no other that would do: the default drops all mail. */
static void
check_backend(struct check *check, struct scope *scope, const char *rest)
{
	if (!is_backend(value_of(scope, rest)))
		value_found(check, scope, rest, "neither host:port, [address]:port, unix:path nor builtin");
}

static bool
has_builtin(struct scope *scope)
{
	return strcmp(value_of(scope, "backend"), "builtin") == 0 ||
	       strcmp(value_of(scope, "certified_backend"), "builtin") == 0;
}

static bool
is_mail(struct scope *scope)
{
	return is(scope, "protocol", "smtp") || is(scope, "protocol", "lmtp");
}

static void
check_xclient(struct check *check, struct scope *scope)
{
	const char *wanted = NULL;

	if (!is_yes(scope, "backend_xclient"))
		return;
	if (has_builtin(scope))
		wanted = "requires a tlsgate_backend other than builtin";
	else if (!is(scope, "backend_proxy_protocol", "no"))
		wanted = "requires tlsgate_backend_proxy_protocol = no";
	else if (!is_mail(scope))
		wanted = "requires tlsgate_protocol = smtp or lmtp";
	if (wanted)
		bad_value(check, scope, "backend_xclient", wanted, "no");
}

static void
check_words_of(struct check *check, struct scope *scope)
{
	static const char *const protocols[] = { "smtp", "lmtp", "pop3", "imap", "sieve", "none" };
	bool known = false, builtin = has_builtin(scope);

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
	check_xclient(check, scope);
	if (is_yes(scope, "tls_received_header") && !is(scope, "protocol", "smtp"))
		bad_value(check, scope, "tls_received_header", "requires tlsgate_protocol = smtp", "no");
	check_backend(check, scope, "backend");
	if (*value_of(scope, "certified_backend"))
		check_backend(check, scope, "certified_backend");
}

/* --- rules for clients --- */

/* TLS is required. */
static bool
enforces(struct scope *scope)
{
	struct server_level level = { .use = false };
	struct buf log = BUF_INIT;
	int result = read_level(scope, &level, &log);

	buf_release(&log);
	return is_yes(scope, "tls_wrappermode") || (result == 0 && level.enforce);
}

static void
check_required(struct check *check, struct scope *scope)
{
	static const char name[] = "tlsgate_tls_req_ccert";
	struct finding *found;

	/* Of what it is by default, check_levels speaks. */
	if (!is_yes(scope, "tls_req_ccert") || enforces(scope) ||
	    strcmp(scope_source(scope, name), name) != 0)
		return;
	found = check_found(check, scope, "req-ccert-ignored", name,
	    "%s = yes is ignored unless TLS is required, and no certificate is asked for", name);
	scope_mend_set(scope, found, "tlsgate_tls_ask_ccert", "yes", false);
	scope_mend_remove(scope, found, name, false);
}

static void
check_rule(struct check *check, struct scope *scope, const struct ccert_rule *rule)
{
	static const char name[] = "tlsgate_client_restrictions", ask[] = "tlsgate_tls_ask_ccert";
	bool asked = scope_is_yes(scope, ask) || (is_yes(scope, "tls_req_ccert") && enforces(scope));

	if (rule->table)
		tables_check_list(check, scope, name, rule->table, "", check_client_list);
	if (rule->kind == CCERT_RULE_CHECK_CCERT_ACCESS || rule->kind == CCERT_RULE_PERMIT_TLS_CLIENTCERTS ||
	    rule->kind == CCERT_RULE_PERMIT_TLS_ALL_CLIENTCERTS)
		check_ccert_restriction(check, scope, name, ccert_rule_name(rule->kind), asked, ask);
}

static void
check_rules(struct check *check, struct scope *scope)
{
	static const char certified[] = "tlsgate_certified_backend";
	const char *list = value_of(scope, "client_restrictions");
	struct ccert_rules rules;
	struct finding *found;
	struct err err;

	check_required(check, scope);
	if (!*list && *scope_value(scope, certified)) {
		found = check_found(check, scope, "certified-backend-unused", certified,
		    "%s, but tlsgate_client_restrictions is empty", check_setting(scope, certified));
		scope_mend_remove(scope, found, certified, false);
	}
	if (!*list)
		return;
	if (!is_mail(scope))
		value_found(check, scope, "client_restrictions", "requires tlsgate_protocol = smtp or lmtp");
	if (ccert_rules_read(&rules, list, &err) < 0)
		value_found(check, scope, "client_restrictions", err.text);
	else
		for (size_t i = 0; i < rules.count; i++)
			check_rule(check, scope, &rules.rule[i]);
	ccert_rules_release(&rules);
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
	return check_add(check, id, scope_line(scope), "service %s %s", scope_entry(scope)->name, what);
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
		check_rules(check, scope);
		check_port(check, scope);
		check_passwords(check, scope);
	}
}
