/* SPDX-License-Identifier: ISC */
#include "tlscheck/effective.h"

#include <stdlib.h>
#include <string.h>

#include "mail/compat_level.h"
#include "mail/config_read.h"
#include "mail/logical_line.h"
#include "mail/maincf.h"
#include "mail/mastercf.h"
#include "mail/param.h"
#include "tlscheck/finding.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/table.h"
#include "util/text.h"

enum { FILE_LIMIT = 64 << 20, REFERENCES_LIMIT = 10 };

struct scope {
	const struct effective *effective;  /* whose it is */
	const struct mastercf_entry *entry; /* of its mastercf; NULL: main.cf alone */
	struct maincf *cf;                  /* owned */
	struct table *overrides;            /* owned: names given with -o, to their values */
	struct table *values;               /* owned: what was expanded so far */
	struct table *names;                /* owned: names that were referred to */
};

struct effective {
	const struct effective_site *site; /* borrowed */
	char *main_path, *master_path;     /* owned */
	struct mastercf *master;           /* owned */
	struct effective_line *lines;      /* owned; the last one has no name */
	size_t line_count;
	struct scope **scopes; /* owned */
	size_t scope_count;
};

/* --- main.cf --- */

static void
add_line(struct effective *effective, const char *name, const char *value, int line)
{
	struct effective_line *lines =
	    alloc_resize(effective->lines, effective->line_count + 2, sizeof *effective->lines);

	effective->lines = lines;
	lines[effective->line_count++] =
	    (struct effective_line){ .name = alloc_string(name), .value = alloc_string(value), .line = line };
	lines[effective->line_count] = (struct effective_line){ 0 };
}

static int
read_lines(struct effective *effective, const struct buf *text, struct err *err)
{
	struct logical_line_reader in;
	struct buf line = BUF_INIT;
	struct err reason = { 0 };
	int number, result = 0;

	effective->lines = alloc_zero(sizeof *effective->lines);
	logical_line_init(&in, effective->main_path, buf_str(text), text->len);
	while (result == 0 && logical_line_next(&in, &line, &number)) {
		char *name, *value;

		if (maincf_split(line.bytes, &name, &value, &reason) == 0)
			add_line(effective, name, value, number);
		else
			result = err_set(err, "%s:%d: %s", effective->main_path, number, reason.text);
	}
	buf_release(&line);
	return result;
}

static int
line_of(const struct effective *effective, const char *name)
{
	int line = 0;

	for (const struct effective_line *at = effective->lines; at->name; at++)
		if (strcmp(at->name, name) == 0)
			line = at->line;
	return line;
}

/* --- scopes --- */

static void
scope_free(struct scope *scope)
{
	table_free(scope->names);
	table_free(scope->values);
	table_free(scope->overrides);
	maincf_free(scope->cf);
	free(scope);
}

static struct scope *
scope_new(const struct effective *effective, const struct mastercf_entry *entry)
{
	struct scope *scope = alloc_zero(sizeof *scope);
	const struct table *defaults = effective->site->defaults;
	const char *name;
	size_t at = 0;
	void *value;

	scope->effective = effective;
	scope->entry = entry;
	scope->cf = maincf_new(effective->site->config_directory, param_default);
	scope->overrides = table_new(free);
	scope->values = table_new(free);
	scope->names = table_new(free);
	while ((name = table_next(defaults, &at, &value)))
		maincf_set_default(scope->cf, name, value);
	return scope;
}

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

static int
add_scope(
    struct effective *effective, const struct mastercf_entry *entry, const struct buf *text, struct err *err)
{
	struct scope *scope = scope_new(effective, entry);
	struct buf ignored = BUF_INIT;
	int result;

	effective->scopes =
	    alloc_resize(effective->scopes, effective->scope_count + 1, sizeof *effective->scopes);
	effective->scopes[effective->scope_count++] = scope;
	/* What is said of each line, check_names finds and says in full. */
	log_divert(&ignored);
	result = maincf_parse(scope->cf, buf_str(text), text->len, err);
	if (result == 0 && entry)
		take_options(scope);
	log_divert(NULL);
	buf_release(&ignored);
	return result;
}

static int
add_services(struct effective *effective, const struct buf *text, struct err *err)
{
	struct scope *global = effective->scopes[0];
	int64_t level = 0, modern = 0;
	struct buf ignored = BUF_INIT;
	struct mastercf_options options = {
		.default_process_limit = 100,
		.disabled = scope_value(global, "master_service_disable"),
	};
	int result = 0;

	if (compat_level_parse(scope_value(global, "compatibility_level"), &level) &&
	    compat_level_parse("1", &modern))
		options.chroot_default = level < modern;
	log_divert(&ignored);
	effective->master = mastercf_load(effective->site->config_directory, &options, err);
	log_divert(NULL);
	buf_release(&ignored);
	if (!effective->master)
		return -1;
	for (size_t i = 0; result == 0 && i < mastercf_count(effective->master); i++)
		result = add_scope(effective, mastercf_entry(effective->master, i), text, err);
	return result;
}

struct effective *
effective_new(const struct effective_site *site, struct err *err)
{
	struct effective *effective = alloc_zero(sizeof *effective);
	struct buf text = BUF_INIT, ignored = BUF_INIT;
	int result;

	effective->site = site;
	effective->main_path = alloc_printf("%s/main.cf", site->config_directory);
	effective->master_path = alloc_printf("%s/master.cf", site->config_directory);
	/* What parsers warn of is found once more, and said in full. */
	log_divert(&ignored);
	result = config_read(effective->main_path, FILE_LIMIT, &text, err);
	if (result == 0)
		result = read_lines(effective, &text, err);
	log_divert(NULL);
	buf_release(&ignored);
	if (result == 0)
		result = add_scope(effective, NULL, &text, err);
	if (result == 0)
		result = add_services(effective, &text, err);
	buf_release(&text);
	if (result == 0)
		return effective;
	effective_free(effective);
	return NULL;
}

void
effective_free(struct effective *effective)
{
	if (!effective)
		return;
	for (size_t i = 0; i < effective->scope_count; i++)
		scope_free(effective->scopes[i]);
	free(effective->scopes);
	for (size_t i = 0; i < effective->line_count; i++) {
		free((char *)(uintptr_t)effective->lines[i].name);
		free((char *)(uintptr_t)effective->lines[i].value);
	}
	free(effective->lines);
	mastercf_free(effective->master);
	free(effective->main_path);
	free(effective->master_path);
	free(effective);
}

size_t
effective_count(const struct effective *effective)
{
	return effective->scope_count;
}

struct scope *
effective_scope(const struct effective *effective, size_t index)
{
	return effective->scopes[index];
}

const char *
effective_main_path(const struct effective *effective)
{
	return effective->main_path;
}

const char *
effective_master_path(const struct effective *effective)
{
	return effective->master_path;
}

struct scope *
effective_find(const struct effective *effective, const char *program)
{
	for (size_t i = 1; i < effective->scope_count; i++)
		if (strcmp(scope_program(effective->scopes[i]), program) == 0)
			return effective->scopes[i];
	return NULL;
}

const struct effective_line *
effective_line(const struct effective *effective, size_t index)
{
	return index < effective->line_count ? &effective->lines[index] : NULL;
}

bool
effective_knows(const struct effective *effective, const char *name)
{
	return table_get(effective->site->defaults, name) || param_default(name);
}

/* --- one scope --- */

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
		const char *text = table_get(scope->effective->site->defaults, name);
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
scope_where(const struct scope *scope, const char *name)
{
	const char *source = scope_source(scope, name);
	int line = line_of(scope->effective, source);

	if (scope->entry && scope_overrides(scope, source))
		return alloc_printf("%s:%d", scope->effective->master_path, scope->entry->line);
	if (line > 0)
		return alloc_printf("%s:%d", scope->effective->main_path, line);
	return alloc_string(scope->effective->main_path);
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

	finding_mend(finding, "postconf %s-P %s", scope->effective->site->option, quoted);
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
	finding_mend(finding, "postconf %s-e %s", scope->effective->site->option, quoted);
	if (safe)
		finding_step(finding, FINDING_SET, name, value);
	free(quoted);
	free(assignment);
}

void
scope_mend_remove(const struct scope *scope, struct finding *finding, const char *name, bool safe)
{
	const char *option = scope->effective->site->option;

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
