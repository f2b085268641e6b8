/* SPDX-License-Identifier: ISC */
#include "tlsmgr/takeover.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/log.h"
#include "util/table.h"

enum { MOST_FORBIDDEN = 100000, MOST_BYTES = 16 * 1024 * 1024 };

struct takeover {
	const char *label, *name;
	struct table *forbidden; /* owned; ids; the value is any */
	size_t bytes;            /* of these */
	uint64_t count;
	bool is_cut_short;
};

struct takeover *
takeover_new(const char *label, const char *name)
{
	struct takeover *takeover = alloc_zero(sizeof *takeover);

	takeover->label = label;
	takeover->name = name;
	takeover->forbidden = table_new(NULL);
	return takeover;
}

void
takeover_free(struct takeover *takeover)
{
	if (!takeover)
		return;
	table_free(takeover->forbidden);
	free(takeover);
}

bool
takeover_forbid(struct takeover *takeover, const char *id)
{
	size_t len = strlen(id);

	if (takeover_is_forbidden(takeover, id))
		return true;
	if (table_count(takeover->forbidden) == MOST_FORBIDDEN || len > MOST_BYTES - takeover->bytes)
		return false;
	takeover->bytes += len;
	table_put(takeover->forbidden, id, takeover);
	return true;
}

bool
takeover_is_forbidden(const struct takeover *takeover, const char *id)
{
	return table_get(takeover->forbidden, id) != NULL;
}

void
takeover_count(struct takeover *takeover)
{
	takeover->count++;
}

void
takeover_cut_short(struct takeover *takeover)
{
	takeover->is_cut_short = true;
}

void
takeover_report(const struct takeover *takeover)
{
	if (takeover->count > 0 || takeover->is_cut_short)
		log_info("%s TLS session cache %s: took over %llu sessions of Postfix%s", takeover->label,
		    takeover->name, (unsigned long long)takeover->count,
		    takeover->is_cut_short ? ", the rest is lost" : "");
}
