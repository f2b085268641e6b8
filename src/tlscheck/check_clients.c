/* SPDX-License-Identifier: ISC */
/*
 * check_clients: what the client's level needs to work: authorities, fingerprints, DNSSEC.
 */
#include <stdlib.h>
#include <string.h>

#include "tlscheck/check_impl.h"
#include "util/alloc.h"
#include "util/text.h"

/* smtp_ or lmtp_ in front of what has no "tls_". */
static const char *
client_name(const struct role *role, const char *rest)
{
	return scope_name(role->scope, strncmp(role->prefix, "lmtp_", 5) == 0 ? "lmtp_" : "smtp_", rest);
}

static struct finding *
level_found(const struct role *role, const char *id, const char *but)
{
	const char *name = role_level_name(role);

	return check_found(
	    role->check, role->scope, id, name, "%s, but %s", check_setting(role->scope, name), but);
}

static void
check_authorities(const struct role *role)
{
	const char *name = role_name(role, "CAfile");
	struct finding *found;

	if (*role_value(role, "CAfile") || *role_value(role, "CApath"))
		return;
	if (level_needs_pkix(role_level(role)) && !*role_value(role, "trust_anchor_file")) {
		found = level_found(role, "no-authorities", "no certification authority is known");
		scope_mend_set(role->scope, found, name, check_system_authorities(), false);
	}
}

static void
check_fingerprints(const struct role *role)
{
	if (role_level(role) == LEVEL_FINGERPRINT && !*role_value(role, "fingerprint_cert_match")) {
		char *but = alloc_printf("%s is empty", role_name(role, "fingerprint_cert_match"));

		level_found(role, "no-fingerprints", but);
		free(but);
	}
}

/* --- DANE --- */

static void
dane_found(const struct role *role, const char *name, const char *value)
{
	struct finding *found = level_found(role, "dane-disabled", check_setting(role->scope, name));

	if (value)
		scope_mend_set(role->scope, found, scope_source(role->scope, name), value, false);
	else
		scope_mend_remove(role->scope, found, scope_source(role->scope, name), false);
}

static void
check_dane(const struct role *role)
{
	const char *support = client_name(role, "dns_support_level");
	const char *lookup = client_name(role, "host_lookup");
	const char *options = client_name(role, "dns_resolver_options");

	if (!level_is_dane(role_level(role)))
		return;
	if (!text_equal_nocase(scope_value(role->scope, support), "dnssec"))
		dane_found(role, support, "dnssec");
	if (!check_lists(scope_value(role->scope, lookup), "dns"))
		dane_found(role, lookup, "dns");
	if (check_lists(scope_value(role->scope, options), "res_defnames") ||
	    check_lists(scope_value(role->scope, options), "res_dnsrch"))
		dane_found(role, options, NULL);
	if (scope_is_yes(role->scope, "ignore_mx_lookup_error"))
		dane_found(role, "ignore_mx_lookup_error", "no");
}

static void
check_dane_policy(const struct role *role)
{
	const char *name = "smtp_tls_dane_insecure_mx_policy";
	const char *value = scope_value(role->scope, name);
	struct finding *found;

	if (strcmp(role->prefix, "smtp_tls_") != 0 || !scope_raw(role->scope, name) ||
	    text_equal_nocase(value, "may") || text_equal_nocase(value, "encrypt") ||
	    text_equal_nocase(value, "dane"))
		return;
	found = check_found(role->check, role->scope, "dane-policy-unknown", name,
	    "%s = %s is none of may, encrypt, dane", name, value);
	scope_mend_set(role->scope, found, name, "dane", false);
}

/* --- others --- */

static void
check_matching(const struct role *role)
{
	const char *name = role_name(role, "secure_cert_match");
	struct finding *found;

	if (role_level(role) == LEVEL_SECURE && check_lists(scope_value(role->scope, name), "hostname")) {
		found = check_found(
		    role->check, role->scope, "match-by-mx", name, "%s", check_setting(role->scope, name));
		scope_mend_remove(role->scope, found, name, false);
	}
	if (role_level(role) == LEVEL_VERIFY && strcmp(role->prefix, "tlsproxy_client_") != 0) {
		const char *level = role_level_name(role);

		found = check_found(
		    role->check, role->scope, "verify-by-mx", level, "%s", check_setting(role->scope, level));
		scope_mend_set(role->scope, found, role_name(role, "security_level"), "secure", false);
	}
}

static void
check_wrapper(const struct role *role)
{
	enum level level = role_level(role);
	struct finding *found;

	if (!role_is_yes(role, "wrappermode") || level >= LEVEL_ENCRYPT || level == LEVEL_INVALID)
		return;
	found = role_found(role, "wrappermode-level", "wrappermode", "%s = yes, but the level is %s",
	    role_name(role, "wrappermode"), level_name(level));
	scope_mend_set(role->scope, found, role_name(role, "security_level"), "encrypt", false);
}

static void
check_passwords(const struct role *role)
{
	const char *enabled = client_name(role, "sasl_auth_enable");
	const char *options = client_name(role, "sasl_security_options");
	enum level level = role_level(role);
	struct finding *found;

	if (!scope_is_yes(role->scope, enabled) || level >= LEVEL_ENCRYPT || level == LEVEL_INVALID ||
	    check_lists(scope_value(role->scope, options), "noplaintext"))
		return;
	found = check_found(role->check, role->scope, "client-auth-in-clear", options,
	    "passwords are sent without TLS: %s = %s, level %s", options, scope_value(role->scope, options),
	    level_name(level));
	scope_mend_set(role->scope, found, role_name(role, "security_level"), "encrypt", false);
}

/* Without a master.cf nothing is known of that. */
static bool
is_sending(const struct effective *effective)
{
	return effective_count(effective) == 1 || effective_find(effective, "smtp") ||
	       effective_find(effective, "lmtp");
}

static void
check_role(const struct role *role)
{
	if (role->server)
		return;
	/* tlsproxy is told by its callers what to verify. */
	if (strcmp(role->prefix, "tlsproxy_client_") == 0)
		return;
	check_authorities(role);
	check_fingerprints(role);
	check_dane(role);
	check_dane_policy(role);
	check_matching(role);
	check_wrapper(role);
	check_passwords(role);
	if (!scope_entry(role->scope) && strcmp(role->prefix, "smtp_tls_") == 0 &&
	    role_level(role) == LEVEL_NONE && is_sending(role->check->effective)) {
		struct finding *found =
		    role_found(role, "client-off", "security_level", "outgoing mail is sent without TLS");

		scope_mend_set(role->scope, found, "smtp_tls_security_level", "may", false);
	}
}

static void
check_append(struct check *check, struct scope *scope)
{
	static const char *const names[] = { "smtp_tls_CAfile", "smtp_tls_CApath", "smtpd_tls_CAfile",
		"smtpd_tls_CApath", "lmtp_tls_CAfile", "lmtp_tls_CApath" };
	struct finding *found;

	if (!scope_is_yes(scope, "tls_append_default_CA"))
		return;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (*scope_value(scope, names[i]))
			return;
	found = check_found(check, scope, "append-without-ca", "tls_append_default_CA",
	    "tls_append_default_CA = yes, but there is no CAfile and no CApath to append to");
	scope_mend_remove(scope, found, "tls_append_default_CA", false);
}

void
check_clients(struct check *check)
{
	check_each_role(check, check_role);
	check_each_scope(check, check_append);
}
