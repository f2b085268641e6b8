/* SPDX-License-Identifier: ISC */
#include "postfix-tls/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "postfix-tls/postconf.h"
#include "postfix-tls/site.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/fdio.h"
#include "util/file.h"
#include "util/log.h"

#define SUFFIX ".new"
#define STAMP  "dddddddd-dddddd.pem" SUFFIX /* d: a digit */

enum { TRIES = 600, PAUSE_NS = 100000000 };

int
leftovers_lock(const char *config_directory, struct err *err)
{
	/* Kept to the end of the process; the directory is there on read-only file systems, too. */
	int fd = open(config_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int locked;

	if (fd < 0)
		return err_errno(err, "open %s", config_directory);
	for (int i = 0; (locked = file_lock(fd, false)) == 0; i++) {
		if (i == 0)
			log_info("waiting for another command that changes %s", config_directory);
		if (i == TRIES) {
			fdio_close(&fd);
			return err_set(err, "another command keeps changing %s", config_directory);
		}
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	}
	/* Some network file systems have no locks for directories: then there is none. */
	if (locked < 0)
		fdio_close(&fd);
	return 0;
}

char *
leftovers_beside(const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	return alloc_printf("%.*s.%s" SUFFIX, (int)(name - path), path, name);
}

static bool
is_stamp(const char *text)
{
	static const char form[] = STAMP;

	if (strlen(text) != sizeof form - 1)
		return false;
	for (size_t i = 0; i < sizeof form - 1; i++)
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return false;
	return true;
}

/* Its parameters when `name` is one beside; *is_key says of which file. */
static const struct site_parameters *
beside_of(const char *name, bool *is_key)
{
	for (int i = 0; i < SITE_ALGORITHMS; i++) {
		const struct site_parameters *parameters = site_parameters((enum keyfile_algorithm)i);
		const char *const prefixes[] = { parameters->key_prefix, parameters->cert_prefix };

		for (int j = 0; j < 2; j++) {
			size_t len = strlen(prefixes[j]);

			if (*name == '.' && strncmp(name + 1, prefixes[j], len) == 0 &&
			    name[1 + len] == '-' && is_stamp(name + len + 2)) {
				*is_key = j == 0;
				return parameters;
			}
		}
	}
	return NULL;
}

static void
take_away(const char *path)
{
	if (unlink(path) == 0)
		log_info("removed %s, left by a command that did not get to its end", path);
	else if (errno != ENOENT)
		log_warn("remove %s: %s", path, strerror(errno));
}

/* The final name goes only if it is the same file. */
static void
take_away_both(const char *final, const char *beside)
{
	struct stat a, b;

	if (lstat(final, &a) == 0 && lstat(beside, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		take_away(final);
}

static bool
is_named(const char *main_cf, const char *path)
{
	struct buf quoted = BUF_INIT;
	bool found;

	postconf_quote(&quoted, path);
	found = strstr(main_cf, buf_str(&quoted)) != NULL;
	buf_release(&quoted);
	return found;
}

static void
remove_pair(
    const char *directory, const struct site_parameters *parameters, const char *stamp, const char *main_cf)
{
	int len = (int)(strlen(stamp) - strlen(SUFFIX));
	char *key = alloc_printf("%s/%s-%.*s", directory, parameters->key_prefix, len, stamp);
	char *cert = alloc_printf("%s/%s-%.*s", directory, parameters->cert_prefix, len, stamp);
	char *key_beside = leftovers_beside(key);
	char *cert_beside = leftovers_beside(cert);

	if (!is_named(main_cf, key)) {
		take_away_both(cert, cert_beside);
		take_away_both(key, key_beside);
		take_away(cert_beside);
	}
	/* The last, so that whoever is killed here leaves it to the next one to go on. */
	take_away(key_beside);
	file_flush_directory(key);
	free(cert_beside);
	free(key_beside);
	free(cert);
	free(key);
}

static void
remove_of(const char *directory, const char *main_cf, bool keys)
{
	DIR *stream = opendir(directory);
	const struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		bool is_key;
		const struct site_parameters *parameters = beside_of(entry->d_name, &is_key);

		if (!parameters || is_key != keys)
			continue;
		if (keys) {
			remove_pair(directory, parameters, entry->d_name + 2 + strlen(parameters->key_prefix),
			    main_cf);
		} else {
			char *path = alloc_printf("%s/%s", directory, entry->d_name);
			take_away(path);
			free(path);
		}
	}
	if (stream)
		closedir(stream);
}

/* What an editor of main.cf was writing when it was killed: nobody has locked it. Not worth a word: the next
 * editor would write over it. */
static void
remove_edit(const char *directory)
{
	char *path = alloc_printf("%s/main.cf.tmp", directory);
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	struct stat open_one, named;

	if (fd >= 0 && file_lock(fd, false) == 1 && fstat(fd, &open_one) == 0 && lstat(path, &named) == 0 &&
	    open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev && S_ISREG(named.st_mode) &&
	    unlink(path) < 0)
		log_warn("remove %s: %s", path, strerror(errno));
	fdio_close(&fd);
	free(path);
}

void
leftovers_remove(const char *config_directory, const char *main_cf)
{
	remove_edit(config_directory);
	remove_of(config_directory, main_cf, true);
	/* A certificate whose key has lost the name beside is there to stay. */
	remove_of(config_directory, main_cf, false);
}
