/* SPDX-License-Identifier: ISC */
/*
 * config_replace: changes main.cf or master.cf in one step.
 *
 * The new file is written beside the old one, as FILE.tmp, and renamed. Editors, Postfix's included, take
 * turns by a lock on that name. As with Postfix the new file belongs to the caller, has mode 0644, and is no
 * link, unless the caller says what it expects.
 */
#ifndef MAIL_CONFIG_REPLACE_H
#define MAIL_CONFIG_REPLACE_H

#include <stddef.h>

struct buf;
struct err;

/* Appends to `to` what is to be in the file instead of `from`. 0 or -1. */
typedef int (*config_replace_fn)(const struct buf *from, struct buf *to, void *context, struct err *err);

/* What the file must hold still; else nothing is changed. It then keeps its mode and owner, too, and its
 * place if `path` is a link. */
struct config_replace_expected {
	const void *bytes; /* borrowed */
	size_t len;
};

/* Replaces the content of `path` by what `change` makes of it; `expected` may be NULL. 0, or -1 and the file
 * is what it was. */
int config_replace(const char *path, const struct config_replace_expected *expected, config_replace_fn change,
    void *context, struct err *err) __attribute__((warn_unused_result));

#endif
