/* SPDX-License-Identifier: ISC */
/*
 * listing: settings as postconf prints them.
 */
#ifndef POSTCONF_LISTING_H
#define POSTCONF_LISTING_H

#include <stdbool.h>

struct buf;

struct listing_style {
	bool no_name;
	bool no_value;
	bool fold; /* at blanks, before column 80 */
};

/* Appends one setting. Runs of blanks, tabs, CR and LF in the value become one blank, none at its ends. */
void listing_add(struct buf *to, const struct listing_style *style, const char *name, const char *value);

#endif
