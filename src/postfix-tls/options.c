/* SPDX-License-Identifier: ISC */
#include "postfix-tls/options.h"

#include <getopt.h>
#include <stddef.h>

enum { JSON = 256, STRICT, FORCE };

int
options_next(int argc, char **argv, const char *letters, int words, struct options *options)
{
	static const struct option all[] = {
		{ "json", no_argument, NULL, JSON },
		{ "strict", no_argument, NULL, STRICT },
		{ "force", no_argument, NULL, FORCE },
		{ 0 },
	};
	int letter;

	for (;;) {
		letter = getopt_long(argc, argv, letters, all, NULL);
		if (letter == JSON && (words & OPTIONS_JSON))
			options->json = true;
		else if (letter == STRICT && (words & OPTIONS_CHECKS))
			options->strict = true;
		else if (letter == FORCE && (words & OPTIONS_CHECKS))
			options->force = true;
		else
			break;
	}
	if (letter == ':' || letter >= JSON || (options->strict && options->force))
		return '?';
	return letter;
}
