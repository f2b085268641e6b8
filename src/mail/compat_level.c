/* SPDX-License-Identifier: ISC */
#include "mail/compat_level.h"

#include <errno.h>
#include <stdlib.h>

enum { PART_BITS = 10, PARTS = 3 };

bool
compat_level_parse(const char *text, int64_t *level)
{
	int64_t result = 0;

	for (int part = 0; part < PARTS; part++) {
		int64_t max = part == 0 ? INT64_MAX >> (PART_BITS * (PARTS - 1)) : (1 << PART_BITS) - 1;
		long long number = 0;

		/* Like Postfix, strtoll decides what a number is: "+3" and " 3" are. */
		if (part == 0 || *text == '.') {
			const char *from = part == 0 ? text : text + 1;
			char *end;

			errno = 0;
			number = strtoll(from, &end, 10);
			if (end == from || errno != 0 || number < 0 || number > max)
				return false;
			text = end;
		}
		result = result << PART_BITS | number;
	}
	if (*text != '\0')
		return false;
	*level = result;
	return true;
}
