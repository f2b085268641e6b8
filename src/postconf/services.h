/* SPDX-License-Identifier: ISC */
/*
 * services: shows master.cf: whole entries, their fields, their -o settings.
 */
#ifndef POSTCONF_SERVICES_H
#define POSTCONF_SERVICES_H

#include <stdbool.h>

#include "mail/listing.h"

struct buf;
struct entry_list;
struct err;
struct maincf;

struct services_query {
	char what; /* 'M', 'F' or 'P', as the option */
	struct listing_style style;
	struct maincf *expand; /* NULL: values are shown as written */
	char **names;          /* borrowed; requests; none: everything */
	int count;
};

/* Appends what is asked for. A request that nothing answers is warned about. 0, or -1: a request or an
 * expression is wrong. */
int services_show(const struct entry_list *list, const struct services_query *query, struct buf *to,
    struct err *err) __attribute__((warn_unused_result));

#endif
