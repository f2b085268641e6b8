/* SPDX-License-Identifier: ISC */
#include "mail/environment.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "mail/logical_line.h"
#include "mail/maincf.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/table.h"

#define SEPARATORS ", \t\r\n"

void
environment_set(const char *name, const char *value)
{
	if (setenv(name, value, 1) < 0)
		log_fatal("setenv %s: %m", name);
}

/* The next item of a list, terminated, moving *at behind it; NULL at the end or on a syntax error. */
static char *
next_item(char **at, struct err *err, bool *bad)
{
	char *item = *at + strspn(*at, SEPARATORS);
	char *end;

	if (!*item)
		return NULL;
	if (*item != '{') {
		end = item + strcspn(item, SEPARATORS);
	} else {
		end = strchr(item, '}');
		if (!end || (end[1] && !strchr(SEPARATORS, end[1]))) {
			*bad = true;
			err_set(err, "missing '}' in \"%s\"", item);
			return NULL;
		}
		*end++ = '\0';
		item = logical_line_trim(item + 1);
	}
	*at = *end ? end + 1 : end;
	*end = '\0';
	return item;
}

/* The variables to be, by name. NULL on a syntax error. */
static struct table *
wanted(const char *list, struct err *err)
{
	struct table *keep = table_new(free);
	char *copy = alloc_string(list);
	char *at = copy;
	char *item;
	bool bad = false;

	while ((item = next_item(&at, err, &bad)) != NULL) {
		char *equals = strchr(item, '=');
		const char *value = equals ? logical_line_trim(equals + 1) : getenv(item);

		if (equals) {
			*equals = '\0';
			logical_line_trim(item);
		}
		if (*item && value)
			table_put(keep, item, alloc_string(value));
	}
	free(copy);
	if (bad) {
		table_free(keep);
		return NULL;
	}
	return keep;
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
