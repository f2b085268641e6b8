/* SPDX-License-Identifier: ISC */
/*
 * tsv: reads the tables in tests/vectors, from the directory make runs in.
 */
#ifndef TEST_TSV_H
#define TEST_TSV_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TSV_COLUMNS = 12 };

struct tsv {
	FILE *file;
	char *line;
	size_t room;
	const char *column[TSV_COLUMNS]; /* "" past the last */
};

__attribute__((unused)) static bool
tsv_open(struct tsv *tsv, const char *name)
{
	char path[128];

	memset(tsv, 0, sizeof *tsv);
	snprintf(path, sizeof path, "tests/vectors/%s.tsv", name);
	tsv->file = fopen(path, "r");
	return tsv->file != NULL;
}

/* The next row that is no comment. */
__attribute__((unused)) static bool
tsv_next(struct tsv *tsv)
{
	ssize_t len;

	do {
		len = getline(&tsv->line, &tsv->room, tsv->file);
		if (len < 0) {
			free(tsv->line);
			fclose(tsv->file);
			return false;
		}
	} while (tsv->line[0] == '#');
	tsv->line[strcspn(tsv->line, "\n")] = '\0';

	char *rest = tsv->line;

	for (int i = 0; i < TSV_COLUMNS; i++)
		tsv->column[i] = rest ? strsep(&rest, "\t") : "";
	return true;
}

#endif
