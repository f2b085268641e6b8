/* SPDX-License-Identifier: ISC */
/*
 * lineage: keys and certificates as certbot keeps them.
 *
 * BASE/live/NAME/privkey.pem, cert.pem, chain.pem and fullchain.pem are links to files of one generation,
 * BASE/archive/NAME/privkey3.pem and so on; BASE/renewal/NAME.conf says how the next one is made.
 */
#ifndef TLSCHECK_LINEAGE_H
#define TLSCHECK_LINEAGE_H

#include <stdbool.h>

struct finding;

struct lineage {
	char *base, *name; /* owned */
};

/* False: the file is not in one. Else to be released. */
bool lineage_find(struct lineage *lineage, const char *path) __attribute__((warn_unused_result));
void lineage_release(struct lineage *lineage);

/* The file of that name in live/NAME. Freed by the caller. */
char *lineage_file(const struct lineage *lineage, const char *file);

/* The renewal's settings have such a line; `value` NULL: any. */
bool lineage_says(const struct lineage *lineage, const char *name, const char *value);

/* Something is run after a renewal: a hook of this lineage, or of all. */
bool lineage_has_hook(const struct lineage *lineage);

/* The last generation whose key fits its certificates; 0: there is none. And the one a link leads to. */
int lineage_last(const struct lineage *lineage);
int lineage_generation(const char *link);

/* Adds the command that makes all links lead to that generation. */
void lineage_mend_links(const struct lineage *lineage, struct finding *found, int generation);

#endif
