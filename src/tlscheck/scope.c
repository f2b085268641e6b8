/* SPDX-License-Identifier: ISC */
#include "tlscheck/scope.h"

#include <stdlib.h>
#include <string.h>

#include "mail/maincf.h"
#include "mail/mastercf.h"
#include "mail/param.h"
#include "tlscheck/effective.h"
#include "tlscheck/finding.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/table.h"
#include "util/text.h"

enum { REFERENCES_LIMIT = 10 };

struct scope {
	const struct effective *effective;  /* whose it is */
	const struct mastercf_entry *entry; /* of its mastercf; NULL: main.cf alone */
	struct maincf *cf;                  /* owned */
	struct table *overrides;            /* owned: names given with -o, to their values */
	struct table *values;               /* owned: what was expanded so far */
	struct table *names;                /* owned: names that were referred to */
};

static void
override(struct scope *scope, const char *assignment)
{
	char *text = alloc_string(assignment), *name, *value;
	struct err err;

	if (maincf_split(text, &name, &value, &err) == 0) {
		maincf_set(scope->cf, name, value);
		table_put(scope->overrides, name, alloc_string(value));
	}
	free(text);
}

static void
take_options(struct scope *scope)
{
	char **args = scope->entry->args;

	for (size_t i = 0; args[i] && args[i][0] == '-' && strcmp(args[i], "--") != 0; i++) {
		if (args[i][1] != 'o')
			continue;
		if (args[i][2])
			override(scope, args[i] + 2);
		else if (args[i + 1])
			override(scope, args[++i]);
	}
}

void
scope_free(struct scope *scope)
{
	if (!scope)
		return;
	table_free(scope->names);
	table_free(scope->values);
	table_free(scope->overrides);
	maincf_free(scope->cf);
	free(scope);
}

struct scope *
scope_new(const struct effective *effective, const struct mastercf_entry *entry, const struct buf *text,
    struct err *err)
{
	const struct effective_site *site = effective_site(effective);
	struct scope *scope = alloc_zero(sizeof *scope);
	struct buf ignored = BUF_INIT;
	const char *name;
	size_t at = 0;
	void *value;
	int result;

	scope->effective = effective;
	scope->entry = entry;
	scope->cf = maincf_new(site->config_directory, param_default);
	scope->overrides = table_new(free);
	scope->values = table_new(free);
	scope->names = table_new(free);
	while ((name = table_next(site->defaults, &at, &value)))
		maincf_set_default(scope->cf, name, value);
	/* What is said of each line, check_names finds and says in full. */
	log_divert(&ignored);
	result = maincf_parse(scope->cf, buf_str(text), text->len, err);
	if (result == 0 && entry)
		take_options(scope);
	log_divert(NULL);
	buf_release(&ignored);
	if (result == 0)
		return scope;
	scope_free(scope);
	return NULL;
}

const struct mastercf_entry *
scope_entry(const struct scope *scope)
{
	return scope->entry;
}

const char *
scope_program(const struct scope *scope)
{
	return scope->entry ? text_basename(scope->entry->command) : "";
}

struct maincf *
scope_maincf(const struct scope *scope)
{
	return scope->cf;
}

const char *
scope_value(struct scope *scope, const char *name)
{
	const char *known = table_get(scope->values, name);
	struct buf value = BUF_INIT, ignored = BUF_INIT;

	if (known)
		return known;
	log_divert(&ignored);
	if (maincf_lookup(scope->cf, name, &value, NULL) < 0)
		buf_clear(&value);
	log_divert(NULL);
	buf_release(&ignored);
	table_put(scope->values, name, alloc_string(buf_str(&value)));
	buf_release(&value);
	return table_get(scope->values, name);
}

const char *
scope_name(const struct scope *scope, const char *prefix, const char *rest)
{
	char *name = alloc_printf("%s%s", prefix, rest);
	const char *known = table_get(scope->names, name);

	if (known) {
		free(name);
		return known;
	}
	table_put(scope->names, name, name);
	return name;
}

bool
scope_is_yes(struct scope *scope, const char *name)
{
	return text_equal_nocase(scope_value(scope, name), "yes");
}

const char *
scope_raw(const struct scope *scope, const char *name)
{
	return maincf_raw(scope->cf, name);
}

bool
scope_overrides(const struct scope *scope, const char *name)
{
	return table_get(scope->overrides, name) != NULL;
}

/* The name in "$name", "${name}" or "${other:$name}". NULL: the text is something else. Freed by the caller.
 */
static char *
mere_reference(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const char *at = strrchr(text, '$');
	size_t len;

	if (*text != '$' || !at)
		return NULL;
	at += 1 + (at[1] == '{' || at[1] == '(');
	len = strspn(at, letters);
	if (len == 0 || strspn(at + len, "})") != strlen(at + len))
		return NULL;
	return alloc_string_n(at, len);
}

const char *
scope_source(const struct scope *scope, const char *name)
{
	for (int i = 0; i < REFERENCES_LIMIT && !scope_raw(scope, name); i++) {
		const char *text = table_get(effective_site(scope->effective)->defaults, name);
		char *other;

		if (!text)
			text = param_default(name);
		other = text ? mere_reference(text) : NULL;
		if (!other)
			break;
		name = scope_name(scope, other, "");
		free(other);
	}
	return name;
}

char *
scope_line(const struct scope *scope)
{
	return alloc_printf("%s:%d", effective_master_path(scope->effective), scope->entry->line);
}

char *
scope_where(const struct scope *scope, const char *name)
{
	const char *source = scope_source(scope, name);
	const char *main_path = effective_main_path(scope->effective);
	int line = effective_line_of(scope->effective, source);

	if (scope->entry && scope_overrides(scope, source))
		return scope_line(scope);
	if (line > 0)
		return alloc_printf("%s:%d", main_path, line);
	return alloc_string(main_path);
}

/* --- commands --- */

/* SERVICE/TYPE/NAME. Freed by the caller. */
static char *
service_place(const struct scope *scope, const char *name)
{
	return alloc_printf("%s/%s/%s", scope->entry->name, mastercf_type_name(scope->entry->type), name);
}

/* A place is taken apart at its slashes. */
static void
service_step(const struct scope *scope, struct finding *finding, enum finding_step_kind kind,
    const char *place, const char *value)
{
	if (!strchr(scope->entry->name, '/'))
		finding_step(finding, kind, place, value);
}

/* Values of options have no blanks; lists do with commas. Freed by the caller. */
static char *
without_blanks(const char *value)
{
	struct buf text = BUF_INIT;
	const char *word;
	size_t len;

	while ((word = text_token(&value, TEXT_LIST_SEPARATORS, &len)))
		buf_printf(&text, "%s%.*s", text.len > 0 ? "," : "", (int)len, word);
	buf_add_str(&text, "");
	return buf_detach(&text);
}

void
scope_mend_service(
    const struct scope *scope, struct finding *finding, const char *name, const char *value, bool safe)
{
	char *place = service_place(scope, name), *text = without_blanks(value);
	char *assignment = alloc_printf("%s=%s", place, text), *quoted = finding_quote(assignment);

	finding_mend(finding, "postconf %s-P %s", effective_site(scope->effective)->option, quoted);
	if (safe)
		service_step(scope, finding, FINDING_SERVICE_SET, place, text);
	free(quoted);
	free(assignment);
	free(text);
	free(place);
}

void
scope_mend_set(
    const struct scope *scope, struct finding *finding, const char *name, const char *value, bool safe)
{
	char *assignment, *quoted;

	if (scope->entry && scope_overrides(scope, name)) {
		scope_mend_service(scope, finding, name, value, safe);
		return;
	}
	assignment = alloc_printf("%s = %s", name, value);
	quoted = finding_quote(assignment);
	finding_mend(finding, "postconf %s-e %s", effective_site(scope->effective)->option, quoted);
	if (safe)
		finding_step(finding, FINDING_SET, name, value);
	free(quoted);
	free(assignment);
}

void
scope_mend_remove(const struct scope *scope, struct finding *finding, const char *name, bool safe)
{
	const char *option = effective_site(scope->effective)->option;

	if (scope->entry && scope_overrides(scope, name)) {
		char *place = service_place(scope, name), *quoted = finding_quote(place);

		finding_mend(finding, "postconf %s-PX %s", option, quoted);
		if (safe)
			service_step(scope, finding, FINDING_SERVICE_REMOVE, place, NULL);
		free(quoted);
		free(place);
		return;
	}
	finding_mend(finding, "postconf %s-X %s", option, name);
	if (safe)
		finding_step(finding, FINDING_REMOVE, name, NULL);
}
