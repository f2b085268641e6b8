/* SPDX-License-Identifier: ISC */
#include "tlscheck/lineage.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls/pemfile.h"
#include "tlscheck/finding.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/file.h"
#include "util/text.h"

enum { CONF_LIMIT = 1 << 20 };

/* --- the lineage of a file --- */

bool
lineage_find(struct lineage *lineage, const char *path)
{
	const char *live = strstr(path, "/live/"), *name = live ? live + strlen("/live/") : NULL;
	const char *end = name ? strchr(name, '/') : NULL;
	struct stat st;
	char *archive;
	bool found;

	if (!end || strchr(end + 1, '/'))
		return false;
	lineage->base = alloc_string_n(path, (size_t)(live - path));
	lineage->name = alloc_string_n(name, (size_t)(end - name));
	archive = alloc_printf("%s/archive/%s", lineage->base, lineage->name);
	found = stat(archive, &st) == 0 && S_ISDIR(st.st_mode);
	free(archive);
	if (!found)
		lineage_release(lineage);
	return found;
}

void
lineage_release(struct lineage *lineage)
{
	free(lineage->name);
	free(lineage->base);
	*lineage = (struct lineage){ 0 };
}

char *
lineage_file(const struct lineage *lineage, const char *file)
{
	return alloc_printf("%s/live/%s/%s", lineage->base, lineage->name, file);
}

/* --- its renewal --- */

bool
lineage_says(const struct lineage *lineage, const char *name, const char *value)
{
	char *path = alloc_printf("%s/renewal/%s.conf", lineage->base, lineage->name);
	struct buf text = BUF_INIT;
	bool says = false;

	if (file_read(path, CONF_LIMIT, &text, NULL) == 0) {
		const char *at = buf_str(&text), *line;
		size_t len;

		while (!says && (line = text_token(&at, "\n", &len))) {
			char found_name[64], found_value[256];
			char *copy = alloc_string_n(line, len);

			says = sscanf(copy, " %63[a-z_] = %255s", found_name, found_value) == 2 &&
			       strcmp(found_name, name) == 0 &&
			       (!value || text_equal_nocase(found_value, value));
			free(copy);
		}
	}
	buf_release(&text);
	free(path);
	return says;
}

static bool
has_program(const struct lineage *lineage, const char *kind)
{
	char *path = alloc_printf("%s/renewal-hooks/%s", lineage->base, kind);
	DIR *directory = opendir(path);
	const struct dirent *entry;
	bool found = false;

	while (directory && !found && (entry = readdir(directory)))
		found = entry->d_name[0] != '.' &&
			faccessat(dirfd(directory), entry->d_name, X_OK, AT_EACCESS) == 0;
	if (directory)
		closedir(directory);
	free(path);
	return found;
}

bool
lineage_has_hook(const struct lineage *lineage)
{
	return has_program(lineage, "deploy") || has_program(lineage, "post") ||
	       lineage_says(lineage, "deploy_hook", NULL) || lineage_says(lineage, "renew_hook", NULL) ||
	       lineage_says(lineage, "post_hook", NULL);
}

/* --- generations --- */

int
lineage_generation(const char *link)
{
	char *real = realpath(link, NULL);
	const char *number = real ? strrchr(real, '/') : NULL;
	int generation = 0;

	if (number) {
		number += strcspn(number, "0123456789");
		generation = atoi(number);
	}
	free(real);
	return generation;
}

static bool
is_whole(const struct lineage *lineage, int generation)
{
	char *key = alloc_printf("%s/archive/%s/privkey%d.pem", lineage->base, lineage->name, generation);
	char *certs = alloc_printf("%s/archive/%s/fullchain%d.pem", lineage->base, lineage->name, generation);
	struct pemfile *pemfile = pemfile_new();
	bool whole = pemfile_add_file(pemfile, key, NULL) == 0 && pemfile_count(pemfile) == 1 &&
		     pemfile_add_file(pemfile, certs, NULL) == 0 && pemfile_count(pemfile) > 1 &&
		     pemfile_key_fits(pemfile, 0, 1);

	pemfile_free(pemfile);
	free(certs);
	free(key);
	return whole;
}

int
lineage_last(const struct lineage *lineage)
{
	char *path = alloc_printf("%s/archive/%s", lineage->base, lineage->name);
	DIR *directory = opendir(path);
	const struct dirent *entry;
	int last = 0;

	while (directory && (entry = readdir(directory))) {
		int generation;

		if (sscanf(entry->d_name, "fullchain%d.pem", &generation) == 1 && generation > last &&
		    is_whole(lineage, generation))
			last = generation;
	}
	if (directory)
		closedir(directory);
	free(path);
	return last;
}

void
lineage_mend_links(const struct lineage *lineage, struct finding *found, int generation)
{
	static const char *const files[] = { "cert", "chain", "fullchain", "privkey" };

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char *target = alloc_printf("../../archive/%s/%s%d.pem", lineage->name, files[i], generation);
		char *name = alloc_printf("%s.pem", files[i]), *link = lineage_file(lineage, name);
		char *quoted_target = finding_quote(target), *quoted_link = finding_quote(link);

		finding_mend(found, "ln -sfn %s %s", quoted_target, quoted_link);
		free(quoted_link);
		free(quoted_target);
		free(link);
		free(name);
		free(target);
	}
}
