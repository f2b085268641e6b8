/* SPDX-License-Identifier: ISC */
#include "mail/service_args.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/logical_line.h"
#include "mail/maincf.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"
#include "util/text.h"

static int
assign(struct maincf *cf, const char *text, struct err *err)
{
	char *copy = alloc_string(text);
	char *equals = strchr(copy, '=');
	const char *why = NULL;

	if (!equals) {
		why = "missing '=' after attribute name";
	} else {
		*equals = 0;
		const char *name = logical_line_trim(copy);
		if (*name)
			maincf_set(cf, name, logical_line_trim(equals + 1));
		else
			why = "missing attribute name";
	}
	free(copy);
	return why ? err_set(err, "invalid \"-o %s\" option value: %s", text, why) : 0;
}

static int
positive(const char *what, const char *text, int *number, struct err *err)
{
	uint64_t value;

	if (!text_number(text, INT_MAX, &value) || value == 0)
		return err_set(err, "invalid %s: %s", what, text);
	*number = (int)value;
	return 0;
}

static int
take_option(struct service_args *args, int option, struct maincf *cf, struct err *err)
{
	switch (option) {
	case 'c':
		args->jail = true;
		break;
	case 'd':
		args->by_hand = true;
		break;
	case 'D':
		args->debugger = true;
		break;
	case 'i':
		maincf_set(cf, "max_idle", optarg);
		break;
	case 'l':
		args->alone = true;
		break;
	case 'm':
		maincf_set(cf, "max_use", optarg);
		break;
	case 'n':
		args->service_name = optarg;
		break;
	case 'o':
		return assign(cf, optarg, err);
	case 'r':
		return positive("retirement time", optarg, &args->retire_s, err);
	case 's':
		return positive("socket_count", optarg, &args->socket_count, err);
	case 'S':
		args->stand_alone = true;
		break;
	case 't':
		args->transport = optarg;
		break;
	case 'u':
		args->drop_rights = true;
		break;
	case 'v':
		log_verbosity++;
		break;
	case 'V':
		args->stderr_too = true;
		break;
	case 'z':
		args->unlimited = true;
		break;
	default:
		return err_set(err, "invalid option: %c", optopt);
	}
	return 0;
}

int
service_args_parse(struct service_args *args, const char *options, int argc, char **argv,
    const char *process_name, struct maincf *cf, struct err *err)
{
	int option;

	*args = (struct service_args){ .service_name = process_name, .socket_count = 1 };
	opterr = 0;
	optind = 0; /* glibc: start anew */
	while ((option = getopt(argc, argv, options)) != -1)
		if (take_option(args, option, cf, err) < 0)
			return -1;
	args->first_word = argv[optind];
	return 0;
}

int
service_args_check_transport(const struct service_args *args, bool datagrams, struct err *err)
{
	static const char *const streams[] = { "inet", "unix", "pass", NULL };
	static const char *const of_datagrams[] = { "unix-dgram", NULL };

	if (!args->transport)
		return err_set(err, "no transport type specified");
	for (const char *const *accepted = datagrams ? of_datagrams : streams; *accepted; accepted++)
		if (text_equal_nocase(args->transport, *accepted))
			return 0;
	return err_set(err, "unsupported transport type: %s", args->transport);
}
