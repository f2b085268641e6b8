/* SPDX-License-Identifier: ISC */
/*
 * help: what the subcommands do, and all their options. The usage lines of those that Postfix has, too, are
 * its own, because programs look at them; what was added to them is here.
 */
#ifndef POSTFIX_TLS_HELP_H
#define POSTFIX_TLS_HELP_H

struct buf;

/* Appends a subcommand with its arguments (of which `arguments` is what its usage line has) and a sentence;
 * the second adds what the options mean. */
void help_put(struct buf *to, const char *name, const char *arguments);
void help_put_options(struct buf *to, const char *name, const char *arguments);

#endif
