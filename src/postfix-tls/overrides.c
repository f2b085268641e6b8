/* SPDX-License-Identifier: ISC */
#include "postfix-tls/overrides.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "mail/maincf.h"
#include "mail/mastercf.h"
#include "postfix-tls/findings.h"
#include "postfix-tls/site.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/json_text.h"
#include "util/log.h"

typedef void (*visit_fn)(
    const struct mastercf_entry *entry, const char *name, const char *value, void *context);

static int
is_among(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return 1;
	return 0;
}

static void
visit_setting(const struct mastercf_entry *entry, const char *text, const char *const *names, visit_fn visit,
    void *context)
{
	char *copy = alloc_string(text);
	struct err err;
	char *name, *value;

	if (maincf_split(copy, &name, &value, &err) == 0 && is_among(name, names))
		visit(entry, name, value, context);
	free(copy);
}

/* 0 or -1. */
static int
visit_all(const struct site *site, const char *const *names, visit_fn visit, void *context, struct err *err)
{
	const struct mastercf_options options = { .default_process_limit = 100, .disabled = "" };
	struct mastercf *mastercf = mastercf_load(site->config_directory, &options, err);

	if (!mastercf)
		return -1;
	for (size_t i = 0; i < mastercf_count(mastercf); i++) {
		const struct mastercf_entry *entry = mastercf_entry(mastercf, i);

		for (size_t a = 0; a < entry->arg_count; a++) {
			const char *text = entry->args[a];

			if (strncmp(text, "-o", 2) != 0)
				continue;
			text = text[2] ? text + 2 : entry->args[++a];
			if (text && a < entry->arg_count)
				visit_setting(entry, text, names, visit, context);
		}
	}
	mastercf_free(mastercf);
	return 0;
}

static void
find(const struct mastercf_entry *entry, const char *name, const char *value, void *context)
{
	findings_add(context, FINDINGS_WARN,
	    "service %s/%s in master.cf has \"-o %s=%s\": there, what main.cf says of it does not count",
	    entry->name, mastercf_type_name(entry->type), name, value);
}

void
overrides_find(const struct site *site, const char *const *names, struct findings *findings)
{
	struct err err;

	if (visit_all(site, names, find, findings, &err) < 0)
		findings_add(
		    findings, FINDINGS_WARN, "settings in master.cf were not examined: %s", err.text);
}

void
overrides_find_keys(const struct site *site, struct findings *findings)
{
	static const char *const names[] = { "smtpd_tls_chain_files", "smtpd_tls_key_file",
		"smtpd_tls_cert_file", "smtpd_tls_eckey_file", "smtpd_tls_eccert_file", NULL };

	overrides_find(site, names, findings);
}

static void
add(const struct mastercf_entry *entry, const char *name, const char *value, void *context)
{
	json_t *override = json_object();

	json_text_set(override, "service", entry->name);
	json_text_set(override, "type", mastercf_type_name(entry->type));
	json_text_set(override, "name", name);
	json_text_set(override, "value", value);
	json_array_append_new(context, override);
}

struct json_t *
overrides_json(const struct site *site, const char *const *names)
{
	json_t *array = json_array();
	struct err err;

	if (visit_all(site, names, add, array, &err) < 0)
		log_warn("settings in master.cf were not examined: %s", err.text);
	return array;
}
