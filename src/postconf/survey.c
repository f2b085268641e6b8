/* SPDX-License-Identifier: ISC */
#include "postconf/survey.h"

#include <stdlib.h>
#include <string.h>

#include "mail/maincf.h"
#include "mail/maincf_expand.h"
#include "mail/mastercf.h"
#include "mail/param.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/table.h"

struct survey {
	const struct maincf *cf; /* borrowed from the caller of survey_new() */
	const char *dir;         /* likewise */
	struct table *referred;  /* names that occur in values */
};

bool
survey_is_read_only(const char *name)
{
	return strcmp(name, "process_id") == 0 || strcmp(name, "process_name") == 0 ||
	       strcmp(name, "service_name") == 0;
}

static void
note_reference(const char *name, void *context)
{
	struct survey *survey = context;

	table_put(survey->referred, name, survey);
	if (param_default(name) == NULL && maincf_raw(survey->cf, name) == NULL)
		log_warn("%s/main.cf: undefined parameter: %s", survey->dir, name);
}

static void
walk(struct survey *survey, const char *value)
{
	if (maincf_expand_names(value, note_reference, survey) < 0) {
		/* Said in the log; the value matters only if somebody uses it. */
		return;
	}
}

static void
walk_master(struct survey *survey)
{
	const struct mastercf_options options = { .default_process_limit = 1, .disabled = "" };
	struct err err = { 0 };
	struct mastercf *services = mastercf_load(survey->dir, &options, &err);

	if (services == NULL) {
		log_warn("%s", err.text);
		return;
	}
	for (size_t i = 0; i < mastercf_count(services); i++) {
		const struct mastercf_entry *entry = mastercf_entry(services, i);

		for (size_t arg = 0; arg < entry->arg_count; arg++)
			if (strncmp(entry->args[arg], "-o", 2) == 0) {
				bool is_next = entry->args[arg][2] == '\0' && arg + 1 < entry->arg_count;

				arg += is_next;
				walk(survey, is_next ? entry->args[arg] : entry->args[arg] + 2);
			}
	}
	mastercf_free(services);
}

struct survey *
survey_new(const struct maincf *cf, const char *dir)
{
	struct survey *survey = alloc_zero(sizeof *survey);
	const char *name;
	size_t at = 0;

	survey->cf = cf;
	survey->dir = dir;
	survey->referred = table_new(NULL);
	walk_master(survey);
	while ((name = maincf_next(cf, &at)) != NULL)
		walk(survey, maincf_raw(cf, name));
	return survey;
}

void
survey_free(struct survey *survey)
{
	if (survey == NULL)
		return;
	table_free(survey->referred);
	free(survey);
}

bool
survey_knows(const struct survey *survey, const char *name)
{
	return param_default(name) != NULL ||
	       (maincf_raw(survey->cf, name) != NULL && table_get(survey->referred, name) != NULL);
}

void
survey_warn_unused(const struct survey *survey)
{
	const char *name;
	size_t at = 0;

	while ((name = maincf_next(survey->cf, &at)) != NULL)
		if (!survey_knows(survey, name))
			log_warn("%s/main.cf: unused parameter: %s=%s", survey->dir, name,
			    maincf_raw(survey->cf, name));
}

int
survey_check(struct maincf *cf, struct err *err)
{
	struct buf value = BUF_INIT;
	const char *name;
	int result = 0;

	for (size_t i = 0; result >= 0 && (name = param_name(i)) != NULL; i++) {
		buf_clear(&value);
		result = maincf_lookup(cf, name, &value, err);
	}
	buf_release(&value);
	return result < 0 ? -1 : 0;
}
