/* SPDX-License-Identifier: ISC */
#include "util/confine.h"

#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/fdio.h"

#define CHANGES                                                                                              \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |        \
	    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |    \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |      \
	    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

const uint64_t confine_changes = CHANGES;
const uint64_t confine_everything = CHANGES | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;

static int
allow(int rules, uint64_t what, int directory)
{
	const struct landlock_path_beneath_attr rule = { .allowed_access = what, .parent_fd = directory };

	return (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static int
restrict_to(int rules, uint64_t what, const int *directories, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (directories[i] >= 0 && allow(rules, what, directories[i]) < 0)
			return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_landlock_restrict_self, rules, 0);
}

int
confine(uint64_t what, const int *directories, size_t count)
{
	const struct landlock_ruleset_attr attr = { .handled_access_fs = what };
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

	if (rules < 0)
		return -1;
	int result = restrict_to(rules, what, directories, count);
	fdio_close(&rules);
	return result;
}
