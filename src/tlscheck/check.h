/* SPDX-License-Identifier: ISC */
/*
 * check: goes over the configuration of a mail system and gathers what is wrong with its TLS settings.
 */
#ifndef TLSCHECK_CHECK_H
#define TLSCHECK_CHECK_H

#include <stdbool.h>

struct effective;
struct err;
struct finding_list;
struct table;

/* What is known of the installation. All is borrowed. */
struct check_site {
	const char *config_directory;
	const char *option;           /* "-c DIR " when postconf would not find it by itself, else "" */
	const struct table *defaults; /* parameters the installed mail system knows, to their defaults */
	const char *map_types;    /* types of lookup tables it knows, with newlines between; "": unknown */
	bool dns;                 /* compare TLSA records */
	const char *resolver;     /* address to ask; NULL: as the system does */
	const char *trust_anchor; /* file with the DNS root's keys; NULL: the system's */
	int dns_timeout_s;
};

/* 0, or -1 when main.cf or master.cf cannot be read. */
int check_run(const struct check_site *site, struct finding_list *findings, struct err *err)
    __attribute__((warn_unused_result));

#endif
