/* SPDX-License-Identifier: ISC */
/*
 * check_levels: the server's level, and what it means for certificates, passwords and ports.
 */
#include <stdlib.h>
#include <string.h>

#include "mail/mastercf.h"
#include "tlscheck/check_impl.h"
#include "util/alloc.h"
#include "util/text.h"

static bool
is_smtpd(const struct role *role)
{
	return strcmp(role->prefix, "smtpd_tls_") == 0;
}

static bool
has_certificate(const struct role *role)
{
	return *role_value(role, "chain_files") || *role_value(role, "cert_file") ||
	       *role_value(role, "eccert_file") || *role_value(role, "dcert_file");
}

static void
check_word(const struct role *role)
{
	const char *word = role_value(role, "security_level");
	const char *name = scope_source(role->scope, role_name(role, "security_level"));
	enum level level = level_from_name(word);
	struct finding *found;

	if (!*word || (is_smtpd(role) && role_is_yes(role, "wrappermode")))
		return;
	if (level == LEVEL_INVALID || (role->server && level_is_dane(level))) {
		found = role_found(role, "level-unknown", "security_level", "%s = %s is no level of a %s",
		    name, word, role->server ? "server" : "client");
		scope_mend_set(role->scope, found, name, level_is_dane(level) ? "encrypt" : "may", false);
	} else if (role->server && level > LEVEL_ENCRYPT) {
		found = role_found(role, "level-unsupported", "security_level",
		    "%s = %s is taken for encrypt in a server", name, word);
		scope_mend_set(role->scope, found, name, "encrypt", true);
	}
}

static void
check_certificate(const struct role *role)
{
	const char *name = role_level_name(role);
	struct finding *found;

	if (role_level(role) < LEVEL_MAY)
		return;
	if (!has_certificate(role)) {
		found = check_found(role->check, role->scope, "no-certificate", name,
		    "%s, but there is no certificate", check_setting(role->scope, name));
		check_mend_new_key(role->check, found);
	} else if (text_equal_nocase(role_value(role, "cert_file"), "none") &&
		   !*role_value(role, "chain_files")) {
		found = role_found(role, "anonymous-server", "cert_file", "%s",
		    check_setting(role->scope, role_name(role, "cert_file")));
		check_mend_new_key(role->check, found);
	}
}

static void
check_client_certificates(const struct role *role)
{
	struct finding *found;

	if (role_is_yes(role, "req_ccert") && role_level(role) < LEVEL_ENCRYPT) {
		const char *name = scope_source(role->scope, role_name(role, "req_ccert"));

		found = role_found(role, "req-ccert-ignored", "req_ccert",
		    "%s = yes is ignored unless TLS is required, and no certificate is asked for", name);
		scope_mend_set(role->scope, found, "smtpd_tls_ask_ccert", "yes", false);
		scope_mend_remove(role->scope, found, name, false);
	}
}

/* --- restrictions that look at client certificates --- */

static const char *const restrictions[] = { "smtpd_client_restrictions", "smtpd_helo_restrictions",
	"smtpd_sender_restrictions", "smtpd_relay_restrictions", "smtpd_recipient_restrictions",
	"smtpd_data_restrictions", "smtpd_end_of_data_restrictions", "smtpd_etrn_restrictions" };

void
check_ccert_restriction(
    struct check *check, struct scope *scope, const char *name, const char *word, bool asked, const char *ask)
{
	struct finding *found;

	if (!asked) {
		found = check_found(check, scope, "ccert-not-asked", name,
		    "%s has %s, but clients are not asked for certificates", name, word);
		scope_mend_set(scope, found, ask, "yes", false);
	}
	if (strcmp(word, "permit_tls_clientcerts") == 0 && !*scope_value(scope, "relay_clientcerts")) {
		found = check_found(check, scope, "relay-clientcerts-empty", name,
		    "%s has %s, but relay_clientcerts is empty", name, word);
		finding_mend(found, "postconf %s-e 'relay_clientcerts = hash:%s/relay_clientcerts'",
		    check->site->option, check->site->config_directory);
	}
	if (strcmp(word, "permit_tls_all_clientcerts") == 0 && scope_is_yes(scope, "tls_append_default_CA")) {
		found = check_found(check, scope, "all-clientcerts-public", name,
		    "%s has %s, and tls_append_default_CA = yes", name, word);
		scope_mend_set(scope, found, "tls_append_default_CA", "no", false);
	}
}

static void
check_restriction(const struct role *role, const char *name)
{
	const char *list = scope_value(role->scope, name);
	const char *word = check_lists(list, "permit_tls_clientcerts")       ? "permit_tls_clientcerts"
			   : check_lists(list, "permit_tls_all_clientcerts") ? "permit_tls_all_clientcerts"
			   : check_lists(list, "check_ccert_access")         ? "check_ccert_access"
									     : NULL;
	bool asked = role_is_yes(role, "ask_ccert") ||
		     (role_is_yes(role, "req_ccert") && role_level(role) >= LEVEL_ENCRYPT);

	if (word)
		check_ccert_restriction(role->check, role->scope, name, word, asked, "smtpd_tls_ask_ccert");
}

/* --- passwords --- */

static void
check_passwords(const struct role *role)
{
	enum level level = role_level(role);
	struct finding *found;

	if (!scope_is_yes(role->scope, "smtpd_sasl_auth_enable") || role_is_yes(role, "auth_only") ||
	    level >= LEVEL_ENCRYPT || level == LEVEL_INVALID)
		return;
	found = check_found(role->check, role->scope, "auth-in-clear", "smtpd_sasl_auth_enable",
	    "passwords are taken without TLS: smtpd_sasl_auth_enable = yes, smtpd_tls_auth_only = no");
	/* With no TLS there would be no way left to log in. */
	if (level == LEVEL_NONE)
		scope_mend_set(role->scope, found, "smtpd_tls_security_level", "may", false);
	scope_mend_set(role->scope, found, "smtpd_tls_auth_only", "yes", false);
}

/* --- ports --- */

static bool
is_port(const struct mastercf_entry *entry, const char *number, const char *name, const char *other)
{
	return entry->port && (strcmp(entry->port, number) == 0 || strcmp(entry->port, name) == 0 ||
				  (other && strcmp(entry->port, other) == 0));
}

static struct finding *
service_found(const struct role *role, const char *id, const char *what)
{
	const struct mastercf_entry *entry = scope_entry(role->scope);

	return check_add(role->check, id, scope_line(role->scope), "service %s %s", entry->name, what);
}

static bool
is_local(const struct mastercf_entry *entry)
{
	return strncmp(entry->host, "127.", 4) == 0 || strcmp(entry->host, "::1") == 0 ||
	       text_equal_nocase(entry->host, "localhost");
}

void
check_required_on_25(struct check *check, struct scope *scope, bool requires, const char *setting)
{
	const struct mastercf_entry *entry = scope_entry(scope);
	struct finding *found;

	if (!requires || !is_port(entry, "25", "smtp", NULL) || is_local(entry))
		return;
	found = check_add(check, "required-on-25",
	    alloc_printf("%s:%d", effective_master_path(check->effective), entry->line),
	    "service %s requires TLS", entry->name);
	scope_mend_service(scope, found, setting, "may", false);
}

static void
check_port(const struct role *role)
{
	const struct mastercf_entry *entry = scope_entry(role->scope);
	bool wrapped = role_is_yes(role, "wrappermode");
	struct finding *found = NULL;

	if (entry->type != MASTERCF_INET)
		return;
	if (is_port(entry, "465", "smtps", "submissions") && !wrapped) {
		found = service_found(role, "wrappermode-missing", "does not begin with TLS");
		scope_mend_service(role->scope, found, "smtpd_tls_wrappermode", "yes", false);
	} else if (wrapped &&
		   (is_port(entry, "25", "smtp", NULL) || is_port(entry, "587", "submission", NULL))) {
		found = service_found(role, "wrappermode-port", "begins with TLS");
		scope_mend_service(role->scope, found, "smtpd_tls_wrappermode", "no", false);
	} else if (is_port(entry, "587", "submission", NULL) && role_level(role) >= LEVEL_NONE &&
		   role_level(role) < LEVEL_ENCRYPT) {
		found = service_found(role, "submission-optional", "does not require TLS");
		scope_mend_service(role->scope, found, "smtpd_tls_security_level", "encrypt", false);
	}
	check_required_on_25(role->check, role->scope, !wrapped && role_level(role) >= LEVEL_ENCRYPT,
	    "smtpd_tls_security_level");
}

static void
check_hidden(const struct role *role)
{
	const char *words = scope_value(role->scope, "smtpd_discard_ehlo_keywords");
	char *lower;

	if (role_level(role) < LEVEL_MAY || role_is_yes(role, "wrappermode"))
		return;
	lower = text_lower(alloc_string(words));
	if (check_lists(lower, "starttls")) {
		struct finding *found =
		    check_found(role->check, role->scope, "starttls-hidden", "smtpd_discard_ehlo_keywords",
			"%s, while %s", check_setting(role->scope, "smtpd_discard_ehlo_keywords"),
			check_setting(role->scope, role_level_name(role)));

		scope_mend_remove(role->scope, found, "smtpd_discard_ehlo_keywords", false);
	}
	free(lower);
}

/* enable-server changes nothing where one of these is set. */
static bool
is_untouched(const struct role *role)
{
	static const char *const names[] = { "smtpd_use_tls", "smtpd_enforce_tls", "smtpd_tls_security_level",
		"smtpd_tls_cert_file", "smtpd_tls_dcert_file", "smtpd_tls_eccert_file",
		"smtpd_tls_chain_files" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *text = scope_raw(role->scope, names[i]);

		if (text && *text)
			return false;
	}
	return true;
}

/* Without a master.cf nothing is known of that. */
static bool
is_receiving(const struct effective *effective)
{
	return effective_count(effective) == 1 || effective_find(effective, "smtpd");
}

static void
check_off(const struct role *role)
{
	struct finding *found = role_found(role, "server-off", "security_level", "the server offers no TLS");

	if (is_untouched(role)) {
		finding_mend(found, "postfix %stls enable-server", role->check->site->option);
		return;
	}
	if (!has_certificate(role))
		check_mend_new_key(role->check, found);
	scope_mend_set(role->scope, found, "smtpd_tls_security_level", "may", false);
}

/* --- all --- */

static void
check_role(const struct role *role)
{
	struct finding *found;

	check_word(role);
	if (!role->server)
		return;
	check_certificate(role);
	check_client_certificates(role);
	if (!is_smtpd(role))
		return;
	check_passwords(role);
	check_hidden(role);
	for (size_t i = 0; i < sizeof restrictions / sizeof *restrictions; i++)
		check_restriction(role, restrictions[i]);
	if (scope_entry(role->scope)) {
		check_port(role);
		return;
	}
	if (role_is_yes(role, "wrappermode")) {
		found = role_found(
		    role, "wrappermode-everywhere", "wrappermode", "smtpd_tls_wrappermode = yes in main.cf");
		scope_mend_remove(role->scope, found, "smtpd_tls_wrappermode", false);
	} else if (role_level(role) == LEVEL_NONE && is_receiving(role->check->effective)) {
		check_off(role);
	}
}

void
check_levels(struct check *check)
{
	check_each_role(check, check_role);
}
