/* SPDX-License-Identifier: ISC */
/*
 * hostport: "host:port" and "[address]:port", neither part of which may be missing.
 */
#ifndef MAIL_HOSTPORT_H
#define MAIL_HOSTPORT_H

#include <stdbool.h>

/* In place; both point into `text`. False: it is neither. */
bool hostport_split(char *text, char **host, char **port);

#endif
