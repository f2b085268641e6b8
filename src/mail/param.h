/* SPDX-License-Identifier: ISC */
/*
 * param: typed parameters, from a table into a struct.
 *
 * A program lists the parameters it needs as rows; param_load() reads, expands and checks
 * them into its settings struct. Built-in defaults of all parameters the system knows,
 * whoever uses them, are in param_table.c; that is what postconf -d prints.
 */
#ifndef MAIL_PARAM_H
#define MAIL_PARAM_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct maincf;

enum param_type {
	PARAM_STRING, /* char *, allocated, never NULL */
	PARAM_RAW,    /* char *, not expanded */
	PARAM_INT,    /* int */
	PARAM_LONG,   /* int64_t */
	PARAM_TIME,   /* int, seconds */
	PARAM_BOOL,   /* bool */
};

struct param {
	const char *name;
	enum param_type type;
	size_t offset; /* of the member in the settings struct */
	/* For numbers the least and greatest value, for strings the least and greatest length; 0: no limit.
	 */
	int min, max;
};

#define PARAM_END                                                                                            \
	{                                                                                                    \
		.name = NULL                                                                                 \
	}

/* Fills `settings`. On the first bad value -1 with Postfix's words in err, e.g.
 * "invalid tls_random_bytes parameter value 0 < 1". */
int param_load(struct maincf *cf, const struct param *rows, void *settings, struct err *err)
    __attribute__((warn_unused_result));

/* Frees the strings of `settings`. */
void param_release(const struct param *rows, void *settings);

/* Unexpanded built-in default; NULL when the name is not known. */
const char *param_default(const char *name);

/* All known names, sorted; NULL behind the last. */
const char *param_name(size_t index);

#endif
