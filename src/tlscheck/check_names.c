/* SPDX-License-Identifier: ISC */
/*
 * check_names: names that are no parameters, parameters given to the wrong program, and lines that a later
 * one overrides.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/maincf_expand.h"
#include "mail/mastercf.h"
#include "tlscheck/check_impl.h"
#include "tlscheck/tlsparam.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/table.h"

enum { NAME_LIMIT = 80, DISTANCE_LIMIT = 4 };

static bool
looks_like_tls(const char *name)
{
	return strstr(name, "tls") || strstr(name, "TLS") || strstr(name, "clientcerts");
}

/* --- the nearest name --- */

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters are to be put in, taken out or changed. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NAME_LIMIT + 1], length = strlen(b);

	if (length > NAME_LIMIT)
		return SIZE_MAX;
	for (size_t i = 0; i <= length; i++)
		row[i] = i;
	for (size_t n = 0; a[n]; n++) {
		size_t corner = row[0];

		row[0] = n + 1;
		for (size_t i = 0; i < length; i++) {
			size_t above = row[i + 1];

			row[i + 1] = least(least(above, row[i]) + 1, corner + (a[n] != b[i]));
			corner = above;
		}
	}
	return row[length];
}

static const char *
nearest(const struct effective *effective, const char *name)
{
	const struct tlsparam *param;
	const char *best = NULL;
	size_t best_distance = DISTANCE_LIMIT;

	for (size_t i = 0; (param = tlsparam_at(i)); i++) {
		size_t away =
		    effective_knows(effective, param->name) ? distance(name, param->name) : SIZE_MAX;

		if (away < best_distance) {
			best = param->name;
			best_distance = away;
		}
	}
	return best;
}

/* --- names that are no parameters --- */

static void
note_reference(const char *name, void *context)
{
	table_put(context, name, context);
}

/* Names that values refer to: an administrator's own. */
static struct table *
referred_to(struct check *check)
{
	struct table *names = table_new(NULL);
	struct buf ignored = BUF_INIT;
	const struct effective_line *line;

	log_divert(&ignored);
	for (size_t i = 0; (line = effective_line(check->effective, i)); i++)
		if (maincf_expand_names(line->value, note_reference, names) < 0)
			continue;
	for (size_t i = 1; i < effective_count(check->effective); i++) {
		char **args = scope_entry(effective_scope(check->effective, i))->args;

		for (size_t n = 0; args[n]; n++)
			if (maincf_expand_names(args[n], note_reference, names) < 0)
				continue;
	}
	log_divert(NULL);
	buf_release(&ignored);
	return names;
}

static void
check_unknown(struct check *check, struct scope *scope, const char *name, char *where)
{
	const struct tlsparam *param = tlsparam_find(name);
	const char *meant;
	struct finding *found;

	if (param && param->later) {
		found = check_add(check, "parameter-too-new", where, "%s is not known to this Postfix", name);
		scope_mend_remove(scope, found, name, false);
		return;
	}
	meant = nearest(check->effective, name);
	if (!meant) {
		found = check_add(check, "unknown-parameter", where, "%s is no parameter", name);
		scope_mend_remove(scope, found, name, false);
		return;
	}
	found = check_add(check, "unknown-parameter", where, "%s is no parameter; %s is", name, meant);
	if (scope_entry(scope)) {
		scope_mend_service(scope, found, meant, scope_raw(scope, name), false);
	} else {
		scope_mend_set(scope, found, meant, scope_raw(scope, name), false);
	}
	scope_mend_remove(scope, found, name, false);
}

static bool
is_unknown(const struct check *check, const struct table *referred, const char *name)
{
	static const char *const old[] = { "smtpd_tls_cipherlist", "smtp_tls_cipherlist",
		"lmtp_tls_cipherlist", "tlsproxy_client_level", "tlsproxy_client_policy",
		"tls_legacy_public_key_fingerprints" };

	/* check_legacy knows more of these. */
	for (size_t i = 0; i < sizeof old / sizeof *old; i++)
		if (strcmp(name, old[i]) == 0)
			return false;
	return looks_like_tls(name) && !effective_knows(check->effective, name) && !table_get(referred, name);
}

static bool
is_last(const struct check *check, size_t index)
{
	const char *name = effective_line(check->effective, index)->name;
	const struct effective_line *line;

	for (size_t i = index + 1; (line = effective_line(check->effective, i)); i++)
		if (strcmp(line->name, name) == 0)
			return false;
	return true;
}

static void
check_main(struct check *check, const struct table *referred)
{
	struct scope *scope = effective_scope(check->effective, 0);
	const struct effective_line *line;

	for (size_t i = 0; (line = effective_line(check->effective, i)); i++) {
		char *where = alloc_printf("%s:%d", effective_main_path(check->effective), line->line);

		if (!is_last(check, i)) {
			const char *last = scope_raw(scope, line->name);
			struct finding *found = NULL;

			if ((looks_like_tls(line->name) || tlsparam_find(line->name)) &&
			    strcmp(last, line->value) != 0)
				found = check_add(check, "shadowed-line", alloc_string(where),
				    "%s = %s is overridden by a later line: %s", line->name, line->value,
				    last);
			finding_mend(found, "sed -i '%d s/^/#/' %s", line->line,
			    effective_main_path(check->effective));
		} else if (is_unknown(check, referred, line->name)) {
			check_unknown(check, scope, line->name, alloc_string(where));
		}
		free(where);
	}
}

/* --- options of services --- */

static const char *const programs[] = { "smtpd", "smtp", "lmtp", "postscreen", "tlsproxy", "tlsmgr",
	"tlsgate" };

static bool
is_tls_program(const char *name)
{
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
		if (strcmp(programs[i], name) == 0)
			return true;
	return false;
}

static void
check_option(struct check *check, const struct table *referred, struct scope *scope, const char *option)
{
	const char *program = scope_program(scope);
	char *where = scope_line(scope);
	char *name = alloc_string_n(option, strcspn(option, "= \t"));
	const struct tlsparam *param = tlsparam_find(name);

	if (!strchr(option, '=')) {
		struct finding *found = check_add(check, "bad-option", alloc_string(where),
		    "service %s: option \"-o %s\" has no value", scope_entry(scope)->name, option);

		finding_because(found,
		    "the program ends when it is started; write -o name=value without blanks, "
		    "or -o { name = value }");
	} else if (is_unknown(check, referred, name)) {
		check_unknown(check, scope, name, alloc_string(where));
	} else if (param && is_tls_program(program) && !tlsparam_is_read_by(param, program)) {
		struct finding *found = check_add(check, "wrong-service", alloc_string(where),
		    "service %s: %s does not read %s", scope_entry(scope)->name, program, name);

		scope_mend_remove(scope, found, name, false);
	}
	free(name);
	free(where);
}

static void
check_service(struct check *check, const struct table *referred, struct scope *scope)
{
	char **args = scope_entry(scope)->args;

	for (size_t i = 0; args[i] && args[i][0] == '-'; i++) {
		if (args[i][1] != 'o')
			continue;
		if (args[i][2])
			check_option(check, referred, scope, args[i] + 2);
		else if (args[i + 1])
			check_option(check, referred, scope, args[++i]);
	}
}

void
check_names(struct check *check)
{
	struct table *referred = referred_to(check);

	check_main(check, referred);
	for (size_t i = 1; i < effective_count(check->effective); i++)
		check_service(check, referred, effective_scope(check->effective, i));
	table_free(referred);
}
