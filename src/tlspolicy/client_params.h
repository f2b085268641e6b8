/* SPDX-License-Identifier: ISC */
/*
 * client_params: typed parameters of a delivery agent, smtp or lmtp, from one table into a struct.
 */
#ifndef TLSPOLICY_CLIENT_PARAMS_H
#define TLSPOLICY_CLIENT_PARAMS_H

#include <stddef.h>

#include "mail/param.h"

struct err;
struct maincf;

/* The last row has no name. */
struct client_param {
	const char
	    *name; /* smtp's; one that begins with "smtp_" is "lmtp_..." for lmtp, the others are for both */
	const char *lmtp_name; /* where it is another; "": lmtp has none */
	enum param_type type;
	int min;       /* as in struct param */
	size_t offset; /* of the member in the struct */
};

/* `client` is "smtp" or "lmtp". Fills what it has parameters for; the rest of `settings` is left alone. 0, or
 * -1 with the words with which the client would refuse to start. */
int client_params_load(const struct client_param *rows, const char *client, struct maincf *cf, void *settings,
    struct err *err) __attribute__((warn_unused_result));

/* Frees the strings of `settings`. */
void client_params_release(const struct client_param *rows, const char *client, void *settings);

#endif
