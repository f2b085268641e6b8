/* SPDX-License-Identifier: ISC */
/*
 * service_args: the command line that master gives a daemon.
 */
#ifndef MAIL_SERVICE_ARGS_H
#define MAIL_SERVICE_ARGS_H

#include <stdbool.h>

struct err;
struct maincf;

struct service_args {
	const char *service_name; /* -n; borrowed from argv or the process name */
	const char *transport;    /* -t; borrowed; NULL: not given */
	bool alone;               /* -l */
	bool unlimited;           /* -z */
	bool jail;                /* -c */
	bool drop_rights;         /* -u */
	bool stand_alone;         /* -S */
	bool by_hand;             /* -d */
	bool debugger;            /* -D */
	bool stderr_too;          /* -V */
	int socket_count;         /* -s, 1 */
	int retire_s;             /* -r, 0 */
	const char *first_word;   /* first argument that is no option; borrowed; NULL: none */
};

#define SERVICE_ARGS_MANY      "cdDi:lm:n:o:s:St:uvVz"
#define SERVICE_ARGS_EVENTS    "cdDi:lm:n:o:r:s:St:uvVz"
#define SERVICE_ARGS_DATAGRAMS "cdDi:lm:n:o:s:t:uvVz"

/* `options` is one of the above. -i, -m and -o go to `cf`, -v to log_verbosity. 0, or -1 with Postfix's
 * words. */
int service_args_parse(struct service_args *args, const char *options, int argc, char **argv,
    const char *process_name, struct maincf *cf, struct err *err) __attribute__((warn_unused_result));

/* Is the transport one that such a service can have? 0, or -1 with Postfix's words. */
int service_args_check_transport(const struct service_args *args, bool datagrams, struct err *err)
    __attribute__((warn_unused_result));

#endif
