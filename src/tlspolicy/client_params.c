/* SPDX-License-Identifier: ISC */
#include "tlspolicy/client_params.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

/* Freed by the caller; NULL: the client has no such parameter. */
static char *
name_for(const struct client_param *row, const char *client)
{
	static const char prefix[] = "smtp_";
	const size_t len = sizeof prefix - 1;

	if (strcmp(client, "smtp") == 0)
		return alloc_string(row->name);
	if (row->lmtp_name)
		return *row->lmtp_name ? alloc_string(row->lmtp_name) : NULL;
	return strncmp(row->name, prefix, len) == 0 ? alloc_printf("%s_%s", client, row->name + len)
						    : alloc_string(row->name);
}

/* The rows of one client, for free_rows(). */
static struct param *
make_rows(const struct client_param *rows, const char *client)
{
	struct param *made, *to;
	size_t count = 0;

	while (rows[count].name)
		count++;
	made = to = alloc_zero((count + 1) * sizeof *made);
	for (; rows->name; rows++) {
		char *name = name_for(rows, client);

		if (name)
			*to++ = (struct param){
				.name = name, .type = rows->type, .offset = rows->offset, .min = rows->min
			};
	}
	return made;
}

static void
free_rows(struct param *rows)
{
	for (size_t i = 0; rows[i].name; i++)
		free((char *)(uintptr_t)rows[i].name);
	free(rows);
}

int
client_params_load(
    const struct client_param *rows, const char *client, struct maincf *cf, void *settings, struct err *err)
{
	struct param *made = make_rows(rows, client);
	int result = param_load(cf, made, settings, err);

	free_rows(made);
	return result;
}

void
client_params_release(const struct client_param *rows, const char *client, void *settings)
{
	struct param *made = make_rows(rows, client);

	param_release(made, settings);
	free_rows(made);
}
