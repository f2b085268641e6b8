/* SPDX-License-Identifier: ISC */
/*
 * check_legacy: settings of earlier releases: those that another one has replaced, and those nobody reads.
 */
#include <stdlib.h>
#include <string.h>

#include "mail/mastercf.h"
#include "tlscheck/check_impl.h"
#include "tlscheck/tables.h"
#include "util/alloc.h"

/* Is the text of this scope's own: of main.cf alone there, of -o elsewhere? */
static bool
is_set_here(const struct scope *scope, const char *name)
{
	return scope_entry(scope) ? scope_overrides(scope, name) : scope_raw(scope, name) != NULL;
}

/* --- booleans that levels have replaced --- */

static const struct {
	const char *use, *enforce;
	const char *peername; /* NULL: none */
	const char *level;
	const char *enforced; /* the level that `enforce` stands for */
} levels[] = {
	{ "smtpd_use_tls", "smtpd_enforce_tls", NULL, "smtpd_tls_security_level", "encrypt" },
	{ "smtp_use_tls", "smtp_enforce_tls", "smtp_tls_enforce_peername", "smtp_tls_security_level",
	    "verify" },
	{ "lmtp_use_tls", "lmtp_enforce_tls", "lmtp_tls_enforce_peername", "lmtp_tls_security_level",
	    "verify" },
	{ "postscreen_use_tls", "postscreen_enforce_tls", NULL, "postscreen_tls_security_level", "encrypt" },
	{ "tlsproxy_use_tls", "tlsproxy_enforce_tls", NULL, "tlsproxy_tls_security_level", "encrypt" },
	{ "tlsproxy_client_use_tls", "tlsproxy_client_enforce_tls", NULL, "tlsproxy_client_security_level",
	    "verify" },
};

static const char *
level_meant(struct scope *scope, size_t row)
{
	if (scope_is_yes(scope, levels[row].enforce)) {
		if (levels[row].peername && !scope_is_yes(scope, levels[row].peername))
			return "encrypt";
		return levels[row].enforced;
	}
	return scope_is_yes(scope, levels[row].use) ? "may" : "none";
}

static void
check_boolean(struct check *check, struct scope *scope, size_t row, const char *name)
{
	const char *level = scope_value(scope, levels[row].level);
	struct finding *found;

	if (!name || !is_set_here(scope, name))
		return;
	if (*level) {
		found = check_found(check, scope, "legacy-ignored", name, "%s = %s is ignored, because of %s",
		    name, scope_value(scope, name), check_setting(scope, levels[row].level));
		scope_mend_remove(scope, found, name, true);
		return;
	}
	found = check_found(check, scope, "legacy-level", name, "%s = %s is now said as %s = %s", name,
	    scope_value(scope, name), levels[row].level, level_meant(scope, row));
	/* A service's own text goes where it was, so that the level does not become everybody's. */
	if (scope_entry(scope)) {
		scope_mend_service(scope, found, levels[row].level, level_meant(scope, row), true);
	} else {
		scope_mend_set(scope, found, levels[row].level, level_meant(scope, row), true);
	}
	scope_mend_remove(scope, found, name, true);
}

static void
check_booleans(struct check *check, struct scope *scope)
{
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
		check_boolean(check, scope, i, levels[i].use);
		check_boolean(check, scope, i, levels[i].enforce);
		check_boolean(check, scope, i, levels[i].peername);
	}
}

/* --- tables that another kind has replaced --- */

static void
mend_per_site(
    struct check *check, struct scope *scope, struct finding *found, const char *name, const char *policy)
{
	const char *value = scope_value(scope, name);
	const char *colon = strchr(value, ':');
	char *type, *table, *path, *quoted;

	/* One table in a file can be turned into the other kind by a command. */
	if (!colon || colon[1] != '/' || strpbrk(value, ", \t"))
		return;
	type = alloc_string_n(value, (size_t)(colon - value));
	path = finding_quote(colon + 1);
	table = alloc_printf("%s:%s_policy", type, colon + 1);
	quoted = finding_quote(table);
	finding_mend(found,
	    "sed -E 's/MUST_NOPEERMATCH$/encrypt/; s/MUST$/verify/; s/MAY$/may/; s/NONE$/none/' %s "
	    ">%s_policy",
	    path, path);
	if (tables_is_indexed(type))
		finding_mend(found, "postmap %s%s", check->site->option, quoted);
	scope_mend_set(scope, found, policy, table, false);
	scope_mend_remove(scope, found, name, false);
	free(quoted);
	free(table);
	free(path);
	free(type);
}

static void
check_per_site(struct check *check, struct scope *scope)
{
	static const char *const names[][2] = {
		{ "smtp_tls_per_site", "smtp_tls_policy_maps" },
		{ "lmtp_tls_per_site", "lmtp_tls_policy_maps" },
		{ "tlsproxy_client_per_site", "tlsproxy_client_policy_maps" },
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *name = names[i][0], *policy = names[i][1];
		struct finding *found;

		if (!is_set_here(scope, name) || !*scope_value(scope, name))
			continue;
		if (*scope_value(scope, policy)) {
			found = check_found(check, scope, "legacy-ignored", name,
			    "%s is ignored, because of %s", name, check_setting(scope, policy));
			scope_mend_remove(scope, found, name, true);
			continue;
		}
		found = check_found(check, scope, "legacy-per-site", name, "%s has become %s", name, policy);
		mend_per_site(check, scope, found, name, policy);
	}
}

/* --- parameters nobody reads, or nobody should set --- */

static const struct {
	const char *name;
	bool safe; /* taking it out changes nothing */
	const char *why;
} obsolete[] = {
	{ "smtpd_tls_cipherlist", true,
	    "nothing has read it since Postfix 2.3; the grade is smtpd_tls_ciphers" },
	{ "smtp_tls_cipherlist", true,
	    "nothing has read it since Postfix 2.3; the grade is smtp_tls_ciphers" },
	{ "lmtp_tls_cipherlist", true,
	    "nothing has read it since Postfix 2.3; the grade is lmtp_tls_ciphers" },
	{ "smtpd_tls_dh512_param_file", true, "export ciphers are gone, and the file is never opened" },
	{ "tlsproxy_tls_dh512_param_file", true, "export ciphers are gone, and the file is never opened" },
	{ "smtpd_tls_dh1024_param_file", false, "without it the library takes a group that fits the key" },
	{ "tlsproxy_tls_dh1024_param_file", false, "without it the library takes a group that fits the key" },
	{ "smtpd_tls_eecdh_grade", true,
	    "ignored since Postfix 3.6; groups are chosen by tls_eecdh_auto_curves" },
	{ "tlsproxy_tls_eecdh_grade", true,
	    "ignored since Postfix 3.6; groups are chosen by tls_eecdh_auto_curves" },
	{ "tls_eecdh_strong_curve", true, "belongs to a grade that is ignored since Postfix 3.6" },
	{ "tls_eecdh_ultra_curve", true, "belongs to a grade that is ignored since Postfix 3.6" },
	{ "tls_low_cipherlist", false, "current libraries have no such ciphers, and Postfix 3.8 ignores it" },
	{ "tls_export_cipherlist", false,
	    "current libraries have no such ciphers, and Postfix 3.8 ignores it" },
	{ "tls_wildcard_matches_multiple_labels", true,
	    "without effect since Postfix 3.6: a wildcard stands for one label" },
	{ "tls_legacy_public_key_fingerprints", false,
	    "an error of old releases made permanent; Postfix 3.8 has it no more" },
	{ "smtp_cname_overrides_servername", false, "names from unsigned DNS decide then whom to trust" },
	{ "lmtp_cname_overrides_servername", false, "names from unsigned DNS decide then whom to trust" },
	{ "smtpd_tls_dcert_file", false, "no current client takes a DSA certificate" },
	{ "smtpd_tls_dkey_file", false, "no current client takes a DSA certificate" },
	{ "smtp_tls_dcert_file", false, "no current server takes a DSA certificate" },
	{ "smtp_tls_dkey_file", false, "no current server takes a DSA certificate" },
};

static void
check_obsolete(struct check *check, struct scope *scope)
{
	for (size_t i = 0; i < sizeof obsolete / sizeof *obsolete; i++) {
		const char *name = obsolete[i].name;
		struct finding *found;

		if (!is_set_here(scope, name))
			continue;
		found = check_found(check, scope, "obsolete-parameter", name, "%s is obsolete", name);
		finding_because(found, "%s", obsolete[i].why);
		scope_mend_remove(scope, found, name, obsolete[i].safe);
	}
}

static void
check_old_names(struct check *check, struct scope *scope)
{
	static const char *const names[][2] = {
		{ "tlsproxy_client_level", "tlsproxy_client_security_level" },
		{ "tlsproxy_client_policy", "tlsproxy_client_policy_maps" },
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *name = names[i][0];
		struct finding *found;

		if (!is_set_here(scope, name))
			continue;
		found = check_found(
		    check, scope, "old-name", name, "%s is the old name of %s", name, names[i][1]);
		/* The new one may be set as well; then it counts. */
		if (!scope_raw(scope, names[i][1]) && scope_entry(scope))
			scope_mend_service(scope, found, names[i][1], scope_raw(scope, name), true);
		else if (!scope_raw(scope, names[i][1]))
			scope_mend_set(scope, found, names[i][1], scope_raw(scope, name), true);
		scope_mend_remove(scope, found, name, true);
	}
}

static void
check_scope(struct check *check, struct scope *scope)
{
	check_booleans(check, scope);
	check_per_site(check, scope);
	check_obsolete(check, scope);
	check_old_names(check, scope);
}

void
check_legacy(struct check *check)
{
	check_each_scope(check, check_scope);
}
