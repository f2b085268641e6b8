/* SPDX-License-Identifier: ISC */
#include "mail/reader_rights.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "util/confine.h"

static void
keep_only(int socket)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (dup2(socket, READER_RIGHTS_SOCKET) < 0 || null < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		_exit(1);
}

/* An old kernel cannot. */
static void
forbid_changes(void)
{
	if (confine(confine_changes, NULL, 0) < 0 && errno != ENOSYS && errno != EOPNOTSUPP)
		_exit(1);
}

static void
drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3], keep[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, had) < 0)
		_exit(1);
	keep[0].permitted = had[0].permitted & (1U << CAP_DAC_READ_SEARCH);
	keep[0].effective = keep[0].permitted;
	/* Without the right to change it the bounding set bounds nothing that could be had again. */
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM && errno != EINVAL)
			_exit(1);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		_exit(1);
	if (syscall(SYS_capset, &header, keep) < 0)
		_exit(1);
}

static void
give_up_rights(void)
{
	const struct rlimit none = { 0, 0 };

	if (geteuid() == 0 && setgroups(0, NULL) < 0)
		_exit(1);
	/* Before the limits: under valgrind, which does not know such rules, it writes a line about them. */
	forbid_changes();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setrlimit(RLIMIT_FSIZE, &none) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0)
		_exit(1);
	drop_capabilities();
}

/* After all changes of rights: some of them make the kernel forget it. */
static void
end_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
}

void
reader_rights_enter(const char *name, int socket, pid_t parent)
{
	prctl(PR_SET_NAME, name, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	keep_only(socket);
	give_up_rights();
	end_with(parent);
}
