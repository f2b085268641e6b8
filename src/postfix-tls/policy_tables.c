/* SPDX-License-Identifier: ISC */
#include "postfix-tls/policy_tables.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/map_list.h"
#include "tls/dane.h"
#include "tlspolicy/policy_settings.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/log.h"

enum { ANCHORS_LIMIT = 16 << 20 };

/* What one parameter names. */
struct named {
	struct map_list *list; /* referred to */
	bool broken;           /* the client would not use it */
};

struct policy_tables {
	struct named per_site, policy_maps;
};

int
policy_tables_look_up(const char *parameter, const char *key, struct buf *value, void *context)
{
	const struct policy_tables *all = context;
	const struct named *tables = strstr(parameter, "per_site") ? &all->per_site : &all->policy_maps;

	return tables->broken ? -1 : map_list_get(tables->list, key, value);
}

int
policy_tables_find_anchors(const char *file, void *context, struct err *err)
{
	struct dane_set *set = dane_set_new("");
	struct buf pem = BUF_INIT;
	struct err why = { 0 };
	int result = file_read_at_once(file, ANCHORS_LIMIT, &pem, &why);

	(void)context;
	if (result < 0)
		err_set(err, "error opening trust anchor file: %s: %s", file, strerror(why.code));
	else
		result = dane_set_add_anchors(set, file, pem.bytes, pem.len, 0);
	buf_release(&pem);
	dane_set_free(set);
	return result;
}

void
policy_tables_pass_on(struct buf *said)
{
	log_divert(NULL);
	fputs(buf_str(said), stderr);
}

/* A type that only the installed Postfix has cannot be asked here, which is no error of the table. A key that
 * is in a text file twice is a warning for postmap(1) and for us, but the end of the table for the client. */
static int
open_tables(struct named *tables, const char *client, const char *suffix, const char *names, struct err *err)
{
	char *title = alloc_printf("%s_%s", client, suffix);
	const char *unsupported;
	struct buf said = BUF_INIT;

	log_divert(&said);
	tables->list = map_list_new(title, names, MAP_FOLD);
	policy_tables_pass_on(&said);
	tables->broken = strstr(buf_str(&said), ": duplicate entry: ") != NULL;
	unsupported = strstr(buf_str(&said), "unsupported dictionary type: ");
	if (unsupported)
		err_set(err, "%.*s", (int)strcspn(unsupported, "\n"), unsupported);
	buf_release(&said);
	free(title);
	return unsupported ? -1 : 0;
}

struct policy_tables *
policy_tables_new(const struct policy_settings *settings, struct err *err)
{
	struct policy_tables *all = alloc_zero(sizeof *all);
	const char *client = settings->client;

	if (open_tables(&all->policy_maps, client, "tls_policy_maps", settings->tls_policy_maps, err) == 0 &&
	    open_tables(&all->per_site, client, "tls_per_site", settings->tls_per_site, err) == 0)
		return all;
	policy_tables_free(all);
	return NULL;
}

void
policy_tables_free(struct policy_tables *all)
{
	if (!all)
		return;
	map_list_unref(all->per_site.list);
	map_list_unref(all->policy_maps.list);
	free(all);
}
