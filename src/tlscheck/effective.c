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
#include "tlscheck/scope.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/table.h"

enum { FILE_LIMIT = 64 << 20 };

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

int
effective_line_of(const struct effective *effective, const char *name)
{
	int line = 0;

	for (const struct effective_line *at = effective->lines; at->name; at++)
		if (strcmp(at->name, name) == 0)
			line = at->line;
	return line;
}

/* --- scopes --- */

static int
add_scope(
    struct effective *effective, const struct mastercf_entry *entry, const struct buf *text, struct err *err)
{
	struct scope *scope = scope_new(effective, entry, text, err);

	if (!scope)
		return -1;
	effective->scopes =
	    alloc_resize(effective->scopes, effective->scope_count + 1, sizeof *effective->scopes);
	effective->scopes[effective->scope_count++] = scope;
	return 0;
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

const struct effective_site *
effective_site(const struct effective *effective)
{
	return effective->site;
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
