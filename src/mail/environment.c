/* SPDX-License-Identifier: ISC */
#include "mail/environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mail/braces.h"
#include "mail/logical_line.h"
#include "mail/maincf.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/table.h"
#include "util/text.h"

void
environment_set(const char *name, const char *value)
{
	if (setenv(name, value, 1) < 0)
		log_fatal("setenv %s: %m", name);
}

/* Notes what one item of a list, NAME or NAME=VALUE, asks for. Works in place. */
static void
keep_item(struct table *keep, char *item)
{
	char *equals = strchr(item, '=');
	const char *value = equals ? logical_line_trim(equals + 1) : getenv(item);

	if (equals) {
		*equals = '\0';
		logical_line_trim(item);
	}
	if (*item && value)
		table_put(keep, item, alloc_string(value));
}

/* The variables to be, by name. NULL on a syntax error. */
static struct table *
wanted(const char *list, struct err *err)
{
	struct table *keep = table_new(free);
	int result = 0;
	char *word;

	while (result == 0 && (word = braces_next_word(&list, TEXT_LIST_SEPARATORS)) != NULL) {
		char *item;

		result = braces_take_off(word, &item, err);
		if (result == 0)
			keep_item(keep, item);
		free(word);
	}
	if (result == 0)
		return keep;
	table_free(keep);
	return NULL;
}

int
environment_import(const char *list, struct err *err)
{
	struct table *keep = wanted(list, err);
	size_t at = 0;
	const char *name;
	void *value;

	if (!keep)
		return err_prefix(err, "import_environment");
	if (clearenv() != 0)
		log_fatal("clearenv: %m");
	while ((name = table_next(keep, &at, &value)) != NULL)
		environment_set(name, value);
	table_free(keep);
	return 0;
}

/* Into the variable `name` the expanded `format`. */
static int
export_expanded(struct maincf *cf, const char *name, const char *format, struct err *err)
{
	struct buf value = BUF_INIT;
	int result = maincf_expand(cf, format, &value, err);

	if (result == 0)
		environment_set(name, buf_str(&value));
	buf_release(&value);
	return result;
}

int
environment_export(struct maincf *cf, const char *config_directory, struct err *err)
{
	struct buf file = BUF_INIT;
	bool to_file;

	environment_set("MAIL_CONFIG", config_directory);
	if (export_expanded(cf, "MAIL_LOGTAG", "$syslog_name", err) < 0 ||
	    maincf_expand(cf, "$maillog_file", &file, err) < 0)
		return -1;
	to_file = file.len > 0;
	buf_release(&file);
	if (!to_file) {
		unsetenv("POSTLOG_SERVICE");
		unsetenv("POSTLOG_HOSTNAME");
		return 0;
	}
	if (export_expanded(cf, "POSTLOG_SERVICE", "$queue_directory/public/$postlog_service_name", err) < 0)
		return -1;
	return export_expanded(cf, "POSTLOG_HOSTNAME", "$myhostname", err);
}
