/* SPDX-License-Identifier: ISC */
#include "postconf/survey.h"

#include <stdlib.h>
#include <string.h>

#include "mail/maincf.h"
#include "mail/maincf_expand.h"
#include "mail/param.h"
#include "mail/entry.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/table.h"

struct survey {
	const struct maincf *cf;           /* borrowed from the caller of survey_new() */
	const struct entry_list *services; /* likewise */
	const char *dir;                   /* likewise */
	struct table *referred;            /* names that occur in values of main.cf or of services */
	struct table *in_main;             /* names that occur in values of main.cf */
	struct table **in_service;         /* owned, each; names that occur in values of that service */
};

/* One value whose references are looked at. */
struct walk {
	struct survey *survey;
	const struct entry *entry; /* the service whose setting it is; NULL: it is in main.cf */
	struct table *names;       /* where it is noted */
};

bool
survey_is_read_only(const char *name)
{
	return strcmp(name, "process_id") == 0 || strcmp(name, "process_name") == 0 ||
	       strcmp(name, "service_name") == 0;
}

static bool
is_set_in_a_service(const struct survey *survey, const char *name)
{
	for (size_t i = 0; i < survey->services->count; i++)
		if (entry_value(survey->services->entries[i], name) != NULL)
			return true;
	return false;
}

static void
note_reference(const char *name, void *context)
{
	const struct walk *walk = context;
	const struct survey *survey = walk->survey;
	bool is_known = param_default(name) != NULL || maincf_raw(survey->cf, name) != NULL;

	table_put(walk->names, name, walk->survey);
	/* A service's own setting hides that of main.cf. */
	if (walk->entry != NULL && entry_value(walk->entry, name) != NULL)
		return;
	table_put(survey->referred, name, walk->survey);
	if (!is_known && (walk->entry != NULL || !is_set_in_a_service(survey, name)))
		log_warn("%s/%s.cf: undefined parameter: %s", survey->dir,
		    walk->entry != NULL ? "master" : "main", name);
}

static void
take(struct walk *walk, const char *value)
{
	if (maincf_expand_names(value, note_reference, walk) < 0) {
		/* Said in the log; the value matters only if somebody uses it. */
		return;
	}
}

struct survey *
survey_new(const struct maincf *cf, const struct entry_list *services, const char *dir)
{
	struct survey *survey = alloc_zero(sizeof *survey);
	struct walk walk = { .survey = survey };
	const char *name;
	size_t at = 0;

	survey->cf = cf;
	survey->services = services;
	survey->dir = dir;
	survey->referred = table_new(NULL);
	survey->in_main = walk.names = table_new(NULL);
	survey->in_service = alloc_array(services->count + 1, sizeof(struct table *));
	while ((name = maincf_next(cf, &at)) != NULL)
		take(&walk, maincf_raw(cf, name));
	for (size_t i = 0; i < services->count; i++) {
		survey->in_service[i] = walk.names = table_new(NULL);
		walk.entry = services->entries[i];
		struct table *settings = entry_settings(walk.entry);
		void *value;

		for (size_t n = 0; table_next(settings, &n, &value) != NULL;)
			take(&walk, value);
		table_free(settings);
	}
	return survey;
}

void
survey_free(struct survey *survey)
{
	if (survey == NULL)
		return;
	for (size_t i = 0; i < survey->services->count; i++)
		table_free(survey->in_service[i]);
	free(survey->in_service);
	table_free(survey->in_main);
	table_free(survey->referred);
	free(survey);
}

bool
survey_knows(const struct survey *survey, const char *name)
{
	return param_default(name) != NULL ||
	       (maincf_raw(survey->cf, name) != NULL && table_get(survey->referred, name) != NULL);
}

static void
warn_unused_in_service(const struct survey *survey, size_t service)
{
	struct table *settings = entry_settings(survey->services->entries[service]);
	const char *name;
	void *value;
	size_t at = 0;

	while ((name = table_next(settings, &at, &value)) != NULL)
		if (!survey_knows(survey, name) && !table_get(survey->in_main, name) &&
		    !table_get(survey->in_service[service], name))
			log_warn(
			    "%s/master.cf: unused parameter: %s=%s", survey->dir, name, (const char *)value);
	table_free(settings);
}

void
survey_warn_unused_in_main(const struct survey *survey)
{
	const char *name;
	size_t at = 0;

	while ((name = maincf_next(survey->cf, &at)) != NULL)
		if (!survey_knows(survey, name))
			log_warn("%s/main.cf: unused parameter: %s=%s", survey->dir, name,
			    maincf_raw(survey->cf, name));
}

void
survey_warn_unused_in_services(const struct survey *survey)
{
	for (size_t i = 0; i < survey->services->count; i++)
		warn_unused_in_service(survey, i);
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
