/* SPDX-License-Identifier: ISC */
#include "tlscheck/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tlscheck/findkind.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"

struct finding_list {
	struct finding **list; /* owned */
	size_t count;
};

struct finding_list *
finding_list_new(void)
{
	return alloc_zero(sizeof(struct finding_list));
}

static void
finding_free(struct finding *finding)
{
	for (size_t i = 0; i < finding->step_count; i++) {
		free(finding->steps[i].name);
		free(finding->steps[i].value);
	}
	free(finding->steps);
	free(finding->where);
	free(finding->what);
	free(finding->why);
	free(finding->command);
	free(finding);
}

void
finding_list_free(struct finding_list *findings)
{
	if (!findings)
		return;
	for (size_t i = 0; i < findings->count; i++)
		finding_free(findings->list[i]);
	free(findings->list);
	free(findings);
}

size_t
finding_list_count(const struct finding_list *findings)
{
	return findings->count;
}

const struct finding *
finding_list_at(const struct finding_list *findings, size_t index)
{
	return findings->list[index];
}

size_t
finding_list_of(const struct finding_list *findings, enum finding_severity severity)
{
	size_t count = 0;

	for (size_t i = 0; i < findings->count; i++)
		count += findings->list[i]->severity == severity;
	return count;
}

void
finding_list_sort(struct finding_list *findings)
{
	struct finding **sorted = alloc_array(findings->count + 1, sizeof *sorted);
	size_t put = 0;

	for (int severity = FINDING_ERROR; severity >= FINDING_NOTE; severity--)
		for (size_t i = 0; i < findings->count; i++)
			if (findings->list[i]->severity == (enum finding_severity)severity)
				sorted[put++] = findings->list[i];
	free(findings->list);
	findings->list = sorted;
}

static char *
format_text(const char *format, va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0)
		log_fatal("out of memory");
	return text;
}

static bool
is_known(const struct finding_list *findings, const char *id, const char *where, const char *what)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *other = findings->list[i];

		if (strcmp(other->id, id) == 0 && strcmp(other->where, where) == 0 &&
		    strcmp(other->what, what) == 0)
			return true;
	}
	return false;
}

struct finding *
finding_add(struct finding_list *findings, const char *id, const char *where, const char *what, ...)
{
	const struct findkind *kind = findkind_find(id);
	struct finding *finding;
	va_list arguments;
	char *text;

	if (!kind)
		log_panic("finding: no kind \"%s\"", id);
	va_start(arguments, what);
	text = format_text(what, arguments);
	va_end(arguments);
	if (is_known(findings, id, where, text)) {
		free(text);
		return NULL;
	}
	finding = alloc_zero(sizeof *finding);
	finding->id = kind->id;
	finding->severity = kind->severity;
	finding->where = alloc_string(where);
	finding->what = text;
	finding->why = alloc_string(kind->why);
	finding->command = alloc_string("");
	findings->list = alloc_resize(findings->list, findings->count + 1, sizeof *findings->list);
	findings->list[findings->count++] = finding;
	return finding;
}

void
finding_because(struct finding *finding, const char *why, ...)
{
	va_list arguments;

	if (!finding)
		return;
	free(finding->why);
	va_start(arguments, why);
	finding->why = format_text(why, arguments);
	va_end(arguments);
}

void
finding_set_severity(struct finding *finding, enum finding_severity severity)
{
	if (finding)
		finding->severity = severity;
}

void
finding_mend(struct finding *finding, const char *command, ...)
{
	va_list arguments;
	char *text, *all;

	if (!finding)
		return;
	va_start(arguments, command);
	text = format_text(command, arguments);
	va_end(arguments);
	all = alloc_printf("%s%s%s", finding->command, *finding->command ? " && " : "", text);
	free(text);
	free(finding->command);
	finding->command = all;
}

void
finding_step(struct finding *finding, enum finding_step_kind kind, const char *name, const char *value)
{
	if (!finding)
		return;
	finding->steps = alloc_resize(finding->steps, finding->step_count + 1, sizeof *finding->steps);
	finding->steps[finding->step_count++] = (struct finding_step){
		.kind = kind, .name = alloc_string(name), .value = alloc_string(value ? value : "")
	};
}

void
finding_mend_mode(struct finding *finding, const char *path, const char *mode)
{
	char *quoted = finding_quote(path);

	finding_mend(finding, "chmod %s %s", mode, quoted);
	finding_step(finding, FINDING_MODE, path, mode);
	free(quoted);
}

char *
finding_quote(const char *text)
{
	struct buf quoted = BUF_INIT;

	if (*text && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				  "/._-+:=,@%") == strlen(text))
		return alloc_string(text);
	buf_add_byte(&quoted, '\'');
	for (; *text; text++)
		if (*text == '\'')
			buf_add_str(&quoted, "'\\''");
		else
			buf_add_byte(&quoted, *text);
	buf_add_byte(&quoted, '\'');
	return buf_detach(&quoted);
}

const char *
finding_severity_name(enum finding_severity severity)
{
	static const char *const names[] = {
		[FINDING_NOTE] = "note",
		[FINDING_WARNING] = "warning",
		[FINDING_UNKNOWN] = "unknown",
		[FINDING_ERROR] = "error",

	};

	return names[severity];
}
