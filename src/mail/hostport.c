/* SPDX-License-Identifier: ISC */
#include "mail/hostport.h"

#include <string.h>

bool
hostport_split(char *text, char **host, char **port)
{
	char *end;

	*host = text;
	if (*text == '[') {
		*host = text + 1;
		end = strchr(text, ']');
		if (!end || end[1] != ':')
			return false;
		*end++ = 0;
	} else {
		end = strchr(text, ':');
		if (!end || strchr(end + 1, ':'))
			return false;
	}
	*end = 0;
	*port = end + 1;
	return **host && **port;
}
