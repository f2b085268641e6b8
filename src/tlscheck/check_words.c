/* SPDX-License-Identifier: ISC */
/*
 * check_words: lists of words: protocols, ciphers, groups, digests, log levels, options of the library.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls/cipher.h"
#include "tls/loglevel.h"
#include "tls/option.h"
#include "tls/probe.h"
#include "tls/protocol.h"
#include "tlscheck/check_impl.h"
#include "tlscheck/words.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/text.h"

/* --- protocols --- */

static void
check_protocols(const struct role *role, const char *rest, bool mandatory)
{
	const char *value = role_value(role, rest);
	const char *name = scope_source(role->scope, role_name(role, rest));
	const char *better = mandatory ? ">=TLSv1.2" : ">=TLSv1";
	struct protocol_set set;
	struct finding *found = NULL;
	unsigned int usable;

	/* Defaults are the release's affair. */
	if (!scope_raw(role->scope, name))
		return;
	if (protocol_parse(&set, value) < 0) {
		found = role_found(role, "protocol-unknown", rest, "%s = %s is not understood", name, value);
		scope_mend_set(role->scope, found, name, better, false);
		return;
	}
	usable = words_protocols(&set);
	if (words_has_lone_operator(value)) {
		char *joined = words_joined(value);

		found = role_found(
		    role, "protocol-blank", rest, "%s = %s has a blank behind an operator", name, value);
		scope_mend_set(role->scope, found, name, joined, false);
		free(joined);
		return;
	}
	if (usable == 0)
		found = role_found(role, "protocol-none", rest, "%s = %s leaves no protocol", name, value);
	else if (words_has_hole(usable))
		found = role_found(
		    role, "protocol-hole", rest, "%s = %s leaves out a protocol between others", name, value);
	else if (usable & (PROTOCOL_SSLV2 | PROTOCOL_SSLV3))
		found =
		    role_found(role, "protocol-broken", rest, "%s = %s allows SSLv3 or older", name, value);
	else if (!(usable & (PROTOCOL_TLSV1_2 | PROTOCOL_TLSV1_3)))
		found = role_found(role, "protocol-outdated", rest,
		    "%s = %s allows neither TLSv1.2 nor TLSv1.3", name, value);
	else if (mandatory && usable & (PROTOCOL_TLSV1 | PROTOCOL_TLSV1_1))
		found =
		    role_found(role, "protocol-old", rest, "%s = %s allows TLSv1 or TLSv1.1", name, value);
	scope_mend_set(role->scope, found, name, better, false);
}

/* --- ciphers --- */

static struct cipher_grades
grades_of(struct scope *scope)
{
	return (struct cipher_grades){
		.high = scope_value(scope, "tls_high_cipherlist"),
		.medium = scope_value(scope, "tls_medium_cipherlist"),
		.low = scope_value(scope, "tls_low_cipherlist"),
		.export = scope_value(scope, "tls_export_cipherlist"),
		.null = scope_value(scope, "tls_null_cipherlist"),
	};
}

static bool
is_weak_grade(const char *grade)
{
	return text_equal_nocase(grade, "low") || text_equal_nocase(grade, "export") ||
	       text_equal_nocase(grade, "null");
}

/* Exclusions can leave nothing; then they are to blame, not the grade. */
static void
check_remaining(const struct role *role, const char *grade, const char *excluded, const char *exclusions)
{
	const char *name = scope_source(role->scope, role_name(role, excluded));
	struct cipher_grades grades = grades_of(role->scope);
	struct buf list = BUF_INIT;

	if (*exclusions && cipher_list(&list, &grades, grade, exclusions, NULL) == 0 &&
	    !probe_ciphers(buf_str(&list))) {
		struct finding *found =
		    role_found(role, "cipher-none", excluded, "%s = %s leaves no cipher", name, exclusions);

		scope_mend_remove(role->scope, found, name, false);
	}
	buf_release(&list);
}

static void
check_grade(const struct role *role, const char *rest)
{
	const char *grade = role_value(role, rest);
	const char *name = scope_source(role->scope, role_name(role, rest));
	struct cipher_grades grades = grades_of(role->scope);
	struct finding *found = NULL;
	struct buf list = BUF_INIT;

	if (cipher_list(&list, &grades, grade, "", NULL) < 0)
		found = role_found(role, "cipher-grade-unknown", rest, "%s = %s is no grade", name, grade);
	else if (is_weak_grade(grade))
		found = role_found(role, "cipher-grade-weak", rest, "%s = %s", name, grade);
	scope_mend_set(role->scope, found, name, "medium", false);
	buf_release(&list);
}

static void
check_exclusions(const struct role *role, const char *rest)
{
	const char *name = scope_source(role->scope, role_name(role, rest));
	const char *list = role_value(role, rest);
	struct cipher_grades grades = grades_of(role->scope);
	struct buf ignored = BUF_INIT;

	if (cipher_list(&ignored, &grades, "medium", list, NULL) < 0) {
		char *plain = words_without(list, "!+-@");
		struct finding *found = role_found(
		    role, "cipher-exclusion-bad", rest, "%s = %s: words have no \"!+-@\"", name, list);

		scope_mend_set(role->scope, found, name, plain, false);
		free(plain);
	}
	buf_release(&ignored);
}

static void
check_ciphers(const struct role *role)
{
	/* tlsproxy's client gets its ciphers with each request. */
	if (strcmp(role->prefix, "tlsproxy_client_") == 0)
		return;
	check_grade(role, "ciphers");
	check_grade(role, "mandatory_ciphers");
	check_exclusions(role, "exclude_ciphers");
	check_exclusions(role, "mandatory_exclude_ciphers");
	check_remaining(
	    role, role_value(role, "ciphers"), "exclude_ciphers", role_value(role, "exclude_ciphers"));
	check_remaining(role, role_value(role, "mandatory_ciphers"), "mandatory_exclude_ciphers",
	    role_value(role, "mandatory_exclude_ciphers"));
	check_protocols(role, "protocols", false);
	check_protocols(role, "mandatory_protocols", true);
}

/* --- digests and log levels --- */

static void
check_digest(const struct role *role)
{
	const char *value = role_value(role, "fingerprint_digest");
	const char *name = scope_source(role->scope, role_name(role, "fingerprint_digest"));
	struct finding *found = NULL;

	if (!probe_digest(value))
		found = role_found(role, "digest-unknown", "fingerprint_digest",
		    "%s = %s: the library has no such digest", name, value);
	else if (scope_raw(role->scope, name) &&
		 (text_equal_nocase(value, "md5") || text_equal_nocase(value, "sha1")))
		found = role_found(role, "digest-weak", "fingerprint_digest", "%s = %s", name, value);
	scope_mend_set(role->scope, found, name, "sha256", false);
}

static void
check_loglevel(const struct role *role)
{
	const char *value = role_value(role, "loglevel");
	const char *name = scope_source(role->scope, role_name(role, "loglevel"));
	struct finding *found = NULL;
	struct buf log = BUF_INIT;
	unsigned int mask;

	log_divert(&log);
	mask = loglevel_parse(name, value);
	log_divert(NULL);
	if (log.len > 0)
		found = role_found(
		    role, "loglevel-unknown", "loglevel", "%s = %s has an unknown word", name, value);
	else if (mask & LOGLEVEL_SESSION_PACKETS)
		found = role_found(role, "loglevel-dump", "loglevel", "%s = %s", name, value);
	else if (mask & (LOGLEVEL_SSL_DEBUG | LOGLEVEL_HANDSHAKE_PACKETS))
		found = role_found(role, "loglevel-debug", "loglevel", "%s = %s", name, value);
	scope_mend_set(role->scope, found, name, "1", false);
	buf_release(&log);
}

static void
check_role(const struct role *role)
{
	check_ciphers(role);
	check_digest(role);
	check_loglevel(role);
}

/* --- what is common to all roles --- */

static void
check_options(struct check *check, struct scope *scope)
{
	static const char *const names[] = { "tls_disable_workarounds", "tls_ssl_options" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = scope_value(scope, names[i]);
		struct buf log = BUF_INIT;

		log_divert(&log);
		/* Only what it says of them is of interest. */
		option_bits(i == 0 ? value : "", i == 1 ? value : "");
		log_divert(NULL);
		if (log.len > 0) {
			struct finding *found = check_found(check, scope, "option-unknown", names[i],
			    "%s = %s has an unknown word", names[i], value);

			scope_mend_remove(scope, found, names[i], false);
		}
		buf_release(&log);
	}
}

static void
check_groups(struct check *check, struct scope *scope)
{
	static const char name[] = "tls_eecdh_auto_curves";
	const char *value = scope_value(scope, name);
	struct buf log = BUF_INIT;

	if (scope_raw(scope, name) && *value && !probe_groups(value, NULL, &log)) {
		struct finding *found = check_found(check, scope, "group-unknown", name, "%s = %s: %.*s",
		    name, value, (int)strcspn(buf_str(&log), "\n"), buf_str(&log));

		scope_mend_remove(scope, found, name, false);
	}
	buf_release(&log);
}

static void
check_grade_lists(struct check *check, struct scope *scope)
{
	static const char *const names[] = { "tls_high_cipherlist", "tls_medium_cipherlist",
		"tls_null_cipherlist" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct finding *found;

		if (!scope_raw(scope, names[i]))
			continue;
		if (probe_ciphers(scope_value(scope, names[i])))
			found = check_found(
			    check, scope, "cipherlist-changed", names[i], "%s is not the default", names[i]);
		else
			found = check_found(check, scope, "cipherlist-bad", names[i],
			    "%s: the library finds no cipher in it", names[i]);
		scope_mend_remove(scope, found, names[i], false);
	}
}

static void
check_library(struct check *check, struct scope *scope)
{
	const char *file = scope_value(scope, "tls_config_file");
	const char *cipher = scope_value(scope, "tls_session_ticket_cipher");
	struct finding *found = NULL;

	if (strcmp(file, "default") != 0 && strcmp(file, "none") != 0 && *file && *file != '/')
		found = check_found(check, scope, "config-file-bad", "tls_config_file",
		    "tls_config_file = %s is no absolute path", file);
	scope_mend_remove(scope, found, "tls_config_file", false);
	found = NULL;
	if (*cipher && !probe_ticket_cipher(cipher))
		found = check_found(check, scope, "ticket-cipher-bad", "tls_session_ticket_cipher",
		    "tls_session_ticket_cipher = %s cannot seal tickets", cipher);
	scope_mend_set(scope, found, "tls_session_ticket_cipher", "aes-256-cbc", false);
}

static void
check_scope(struct check *check, struct scope *scope)
{
	check_options(check, scope);
	check_groups(check, scope);
	check_grade_lists(check, scope);
	check_library(check, scope);
}

void
check_words(struct check *check)
{
	check_each_role(check, check_role);
	check_each_scope(check, check_scope);
}
