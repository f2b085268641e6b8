/* SPDX-License-Identifier: ISC */
#include "postfix/directories.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postfix/instance.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/log.h"

enum group { GROUP_ROOT, GROUP_DROP };

static const struct directory {
	const char *name; /* below queue_directory; NULL: data_directory itself */
	mode_t mode;
	bool owners; /* belongs to mail_owner, not to root */
	enum group group;
} wanted[] = {
	{ "", 0755, false, GROUP_ROOT },
	{ "pid", 0755, false, GROUP_ROOT },
	{ "private", 0700, true, GROUP_ROOT },
	/* Set-gid, so that sockets in it belong to the group too. */
	{ "public", 02710, true, GROUP_DROP },
	{ NULL, 0700, true, GROUP_ROOT },
};

enum { WANTED = sizeof wanted / sizeof wanted[0] };

static char *
path_of(const struct instance *instance, const struct directory *directory)
{
	if (!directory->name)
		return alloc_string(instance->data_directory);
	if (!*directory->name)
		return alloc_string(instance->queue_directory);
	return alloc_printf("%s/%s", instance->queue_directory, directory->name);
}

static uid_t
owner_of(const struct instance *instance, const struct directory *directory)
{
	return directory->owners ? instance->owner_uid : instance->root_uid;
}

static int
make_parents(const char *path, struct err *err)
{
	char *copy = alloc_string(path);
	int result = 0;

	for (char *slash = strchr(copy + 1, '/'); slash && result == 0; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			result = err_errno(err, "mkdir %s", copy);
		*slash = '/';
	}
	free(copy);
	return result;
}

/* Owner and mode are given to the directory that was made, whatever its name stands for by then. */
static int
adorn(const char *path, const struct instance *instance, const struct directory *directory, struct err *err)
{
	gid_t group = directory->group == GROUP_DROP ? instance->drop_gid : instance->root_gid;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int result = 0;

	if (fd < 0)
		return err_errno(err, "open %s", path);
	if (instance->privileged && fchown(fd, owner_of(instance, directory), group) < 0)
		result = err_errno(err, "chown %s", path);
	else if (fchmod(fd, directory->mode) < 0)
		result = err_errno(err, "chmod %s", path);
	close(fd);
	return result;
}

static int
create(const char *path, const struct instance *instance, const struct directory *directory, struct err *err)
{
	if (make_parents(path, err) < 0)
		return -1;
	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : err_errno(err, "mkdir %s", path);
	return adorn(path, instance, directory, err);
}

int
directories_create(const struct instance *instance, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < WANTED && result == 0; i++) {
		char *path = path_of(instance, &wanted[i]);
		result = create(path, instance, &wanted[i], err);
		free(path);
	}
	return result;
}

static void
check(const char *path, const struct instance *instance, const struct directory *directory)
{
	struct stat st;

	if (stat(path, &st) < 0)
		log_warn("%s: %m", path);
	else if (!S_ISDIR(st.st_mode))
		log_warn("not a directory: %s", path);
	else {
		if (st.st_uid != owner_of(instance, directory))
			log_warn("not owned by %s: %s",
			    directory->owners && instance->privileged ? instance->mail_owner
			    : instance->privileged                    ? "root"
								      : "the calling user",
			    path);
		if (st.st_mode & (S_IWGRP | S_IWOTH))
			log_warn("group or other writable: %s", path);
	}
}

void
directories_check(const struct instance *instance)
{
	for (size_t i = 0; i < WANTED; i++) {
		char *path = path_of(instance, &wanted[i]);
		check(path, instance, &wanted[i]);
		free(path);
	}
}
