/* SPDX-License-Identifier: ISC */
#include "mail/maincf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "mail/config_read.h"
#include "mail/config_trust.h"
#include "mail/logical_line.h"
#include "mail/maincf_expand.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/table.h"

enum { BIGGEST_FILE = 256 << 20 };

struct maincf {
	char *path; /* owned */
	char *dir;  /* owned */
	maincf_default_fn defaults;
	bool is_postconf;
	maincf_scope_fn scope;   /* may be NULL */
	void *scope_context;     /* borrowed from the caller of maincf_set_scope() */
	struct table *overrides; /* of -o */
	struct table *values;    /* of main.cf */
	struct table *installed; /* defaults that go before those */
	struct table *derived;   /* names of this host, once somebody asked */
	unsigned int deriving;   /* a bit for each that is being worked out */
};

struct maincf *
maincf_new(const char *dir, maincf_default_fn defaults)
{
	struct maincf *cf = alloc_zero(sizeof *cf);

	cf->dir = alloc_string(dir);
	cf->path = alloc_printf("%s/main.cf", dir);
	cf->defaults = defaults;
	cf->overrides = table_new(free);
	cf->values = table_new(free);
	cf->installed = table_new(free);
	cf->derived = table_new(free);
	return cf;
}

void
maincf_free(struct maincf *cf)
{
	if (cf == NULL)
		return;
	table_free(cf->derived);
	table_free(cf->installed);
	table_free(cf->values);
	table_free(cf->overrides);
	free(cf->dir);
	free(cf->path);
	free(cf);
}

void
maincf_behave_as_postconf(struct maincf *cf)
{
	cf->is_postconf = true;
}

const char *
maincf_directory(void)
{
	const char *dir = getenv("MAIL_CONFIG");

	return dir != NULL ? dir : CONFIG_CONFIG_DIRECTORY;
}

/* --- reading --- */

int
maincf_split(char *text, char **name, char **value, struct err *err)
{
	char *at = text, *end, *rest;

	while (logical_line_is_space(*at))
		at++;
	*name = at;
	while (*at != '\0' && *at != '=' && !logical_line_is_space(*at))
		at++;
	end = at;
	while (logical_line_is_space(*at))
		at++;
	if (*at != '=')
		return err_set(err, "missing '=' after attribute name");
	if (end == *name)
		return err_set(err, "missing attribute name");
	rest = at + 1;
	*end = '\0';
	*value = logical_line_trim(rest);
	return 0;
}

static void
set_value(struct maincf *cf, int line, const char *name, const char *value)
{
	const char *old = table_get(cf->values, name);

	if (old != NULL && strcmp(old, value) == 0)
		return;
	if (old != NULL)
		log_warn("%s, line %d: overriding earlier entry: %s=%s", cf->path, line, name, old);
	table_put(cf->values, name, alloc_string(value));
}

int
maincf_parse(struct maincf *cf, const void *bytes, size_t len, struct err *err)
{
	struct logical_line_reader in;
	struct buf line = BUF_INIT;
	int number, result = 0;

	if (table_get(cf->values, "config_directory") == NULL)
		table_put(cf->values, "config_directory", alloc_string(cf->dir));
	logical_line_init(&in, cf->path, bytes, len);
	while (result == 0 && logical_line_next(&in, &line, &number)) {
		struct err reason = { 0 };
		char *name, *value;

		if (maincf_split(line.bytes, &name, &value, &reason) < 0)
			result = err_set(
			    err, "%s, line %d: %s: \"%s\"", cf->path, number, reason.text, line.bytes);
		else
			set_value(cf, number, name, value);
	}
	buf_release(&line);
	return result;
}

int
maincf_load(struct maincf *cf, struct err *err)
{
	struct buf text = BUF_INIT;
	int result = config_trust_check(cf->dir, err);

	if (result == 0)
		result = config_read(cf->path, BIGGEST_FILE, &text, err);
	if (result == 0)
		result = maincf_parse(cf, buf_str(&text), text.len, err);
	buf_release(&text);
	return result;
}

void
maincf_set(struct maincf *cf, const char *name, const char *value)
{
	table_put(cf->overrides, name, alloc_string(value));
}

void
maincf_set_scope(struct maincf *cf, maincf_scope_fn fn, void *context)
{
	cf->scope = fn;
	cf->scope_context = context;
	/* What the host's names are may depend on it. */
	table_free(cf->derived);
	cf->derived = table_new(free);
}

void
maincf_set_default(struct maincf *cf, const char *name, const char *value)
{
	table_put(cf->installed, name, alloc_string(value));
}

/* --- looking up --- */

const char *
maincf_raw(const struct maincf *cf, const char *name)
{
	const char *value = table_get(cf->overrides, name);

	return value != NULL ? value : table_get(cf->values, name);
}

static const char *find(const char *name, bool *is_default, void *context);

/* The host's name, made a full one with mydomain if that is set. */
static int
derive_hostname(struct maincf *cf, struct buf *to)
{
	char host[256] = "";
	const char *domain = maincf_raw(cf, "mydomain");

	if (gethostname(host, sizeof host - 1) < 0)
		strcpy(host, "localhost");
	buf_add_str(to, host);
	if (strchr(host, '.') != NULL)
		return 0;
	buf_add_byte(to, '.');
	if (domain != NULL)
		return maincf_expand_text(domain, find, cf, to, NULL);
	buf_add_str(to, "localdomain");
	return 0;
}

static int
derive_domain(struct maincf *cf, struct buf *to)
{
	bool ignored;
	const char *host = find("myhostname", &ignored, cf);
	size_t dot;

	if (host != NULL && maincf_expand_text(host, find, cf, to, NULL) < 0)
		return -1;
	dot = strcspn(buf_str(to), ".");
	if (dot < to->len) {
		buf_consume(to, dot + 1);
	} else {
		buf_clear(to);
		buf_add_str(to, "localdomain");
	}
	return 0;
}

/* What is the same for one host and main.cf is worked out once. Meanwhile the name is undefined: each default
 * refers to the other. */
static const char *
derive(struct maincf *cf, const char *name)
{
	static const struct {
		const char *name;
		int (*how)(struct maincf *, struct buf *);
	} names[] = { { "myhostname", derive_hostname }, { "mydomain", derive_domain } };
	const char *known = table_get(cf->derived, name);

	for (size_t i = 0; known == NULL && i < sizeof names / sizeof *names; i++) {
		struct buf value = BUF_INIT;

		if (strcmp(name, names[i].name) != 0 || (cf->deriving & 1u << i))
			continue;
		cf->deriving |= 1u << i;
		/* The reason of a failure is in the log; the name stays undefined. */
		if (names[i].how(cf, &value) == 0)
			table_put(cf->derived, name, buf_detach(&value));
		cf->deriving &= ~(1u << i);
		buf_release(&value);
		known = table_get(cf->derived, name);
	}
	return known;
}

static const char *
find(const char *name, bool *is_default, void *context)
{
	struct maincf *cf = context;
	const char *value = cf->scope != NULL ? cf->scope(name, cf->scope_context) : NULL;

	if (value == NULL)
		value = maincf_raw(cf, name);
	if (value != NULL)
		return value;
	/* A program stores a default expanded when it loads the parameter. */
	*is_default = !cf->is_postconf;
	value = derive(cf, name);
	if (value == NULL)
		value = table_get(cf->installed, name);
	if (value == NULL && cf->defaults != NULL)
		value = cf->defaults(name);
	return value;
}

int
maincf_expand(struct maincf *cf, const char *text, struct buf *value, struct err *err)
{
	struct err reason = { 0 };

	if (maincf_expand_text(text, find, cf, value, &reason) == 0)
		return 0;
	if (strcmp(reason.text, "macro processing error") == 0 && !cf->is_postconf)
		return err_set(err, "dictionary mail_dict: %s", reason.text);
	return err_set(err, "%s", reason.text);
}

int
maincf_lookup(struct maincf *cf, const char *name, struct buf *value, struct err *err)
{
	bool ignored;
	const char *text = find(name, &ignored, cf);

	if (text == NULL)
		return 0;
	return maincf_expand(cf, text, value, err) < 0 ? -1 : 1;
}

const char *
maincf_next(const struct maincf *cf, size_t *at)
{
	/* The cursor of the table in use, and in its lowest bit which table that is. */
	size_t cursor = *at >> 1;
	const char *name;

	if ((*at & 1) == 0) {
		name = table_next(cf->values, &cursor, NULL);
		*at = name != NULL ? cursor << 1 : 1;
		if (name != NULL)
			return name;
		cursor = 0;
	}
	do
		name = table_next(cf->overrides, &cursor, NULL);
	while (name != NULL && table_get(cf->values, name) != NULL);
	*at = cursor << 1 | 1;
	return name;
}
