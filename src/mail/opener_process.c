/* SPDX-License-Identifier: ISC */
#include "mail/opener_process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/fdio.h"

/* Where the socket goes: the lowest number, so that closing the others is one range. */
enum { SOCKET = STDIN_FILENO };

static _Noreturn void
end(int status)
{
	_exit(status);
}

static void
keep_only(int socket)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (dup2(socket, SOCKET) < 0 || null < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
		end(1);
}

/* The kernel keeps these rules for whatever the process does; an old kernel does not know them. */
static void
forbid_writing(void)
{
	const struct landlock_ruleset_attr rules = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
				     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
				     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
				     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
				     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
				     LANDLOCK_ACCESS_FS_MAKE_SYM,
	};
	int set = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);

	if (set < 0)
		return;
	if (syscall(SYS_landlock_restrict_self, set, 0) < 0)
		end(1);
	close(set);
}

static void
drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3], keep[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &header, had) < 0)
		end(1);
	keep[0].permitted = had[0].permitted & (1U << CAP_DAC_READ_SEARCH);
	keep[0].effective = keep[0].permitted;
	/* Without the right to change it the bounding set bounds nothing that could be had again. */
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM && errno != EINVAL)
			end(1);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		end(1);
	if (syscall(SYS_capset, &header, keep) < 0)
		end(1);
}

static void
give_up_rights(void)
{
	const struct rlimit none = { 0, 0 };

	if (geteuid() == 0 && setgroups(0, NULL) < 0)
		end(1);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setrlimit(RLIMIT_FSIZE, &none) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0)
		end(1);
	forbid_writing();
	drop_capabilities();
}

/* After all changes of rights: some of them make the kernel forget it. */
static void
end_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		end(1);
}

static struct opener_identity
identity_of(const struct stat *st)
{
	return (struct opener_identity){
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_s = st->st_mtim.tv_sec,
		.mtime_ns = st->st_mtim.tv_nsec,
		.ctime_s = st->st_ctim.tv_sec,
		.ctime_ns = st->st_ctim.tv_nsec,
	};
}

/* Opening comes first: only that asks the server of a network file system how the file is now. */
static int
open_regular(const char *name, struct stat *st, int *error)
{
	int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	*error = 0;
	if (fd < 0 || fstat(fd, st) < 0)
		*error = errno;
	else if (S_ISDIR(st->st_mode))
		*error = EISDIR;
	else if (!S_ISREG(st->st_mode))
		*error = EINVAL;
	else if (st->st_size > OPENER_FILE_LIMIT)
		*error = EFBIG;
	if (*error)
		fdio_close(&fd);
	return fd;
}

/* What is there now, up to `room` bytes; whoever writes meanwhile is noticed by the next look. */
static size_t
fill(int fd, char *bytes, size_t room, int *error)
{
	size_t len = 0;

	while (len < room) {
		ssize_t got = pread(fd, bytes + len, room - len, (off_t)len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			*error = errno;
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	return len;
}

static void
answer(const char *name, const struct opener_identity *known, char *bytes)
{
	struct opener_reply reply = { 0 };
	struct stat st;
	int error, fd = open_regular(name, &st, &error);

	if (fd >= 0) {
		reply.identity = identity_of(&st);
		reply.same = memcmp(&reply.identity, known, sizeof *known) == 0;
		if (!reply.same)
			reply.len = fill(fd, bytes, (size_t)st.st_size, &error);
	}
	fdio_close(&fd);
	reply.error = error;
	if (error)
		reply.len = 0;
	if (fdio_write_all(SOCKET, &reply, sizeof reply, -1) < 0 ||
	    fdio_write_all(SOCKET, bytes, reply.len, -1) < 0)
		end(0);
	alloc_wipe(bytes, reply.len);
}

static void
take_request(struct opener_request *request)
{
	size_t len = 0;

	while (len < sizeof *request) {
		ssize_t got = read(SOCKET, (char *)request + len, sizeof *request - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			end(0);
		len += (size_t)got;
	}
}

_Noreturn void
opener_process_run(int socket, pid_t parent, const char *const *names, size_t count)
{
	static char bytes[OPENER_FILE_LIMIT];
	struct opener_request request;

	prctl(PR_SET_NAME, "opener", 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	keep_only(socket);
	give_up_rights();
	end_with(parent);
	for (;;) {
		take_request(&request);
		if (request.file >= count)
			end(1);
		answer(names[request.file], &request.known, bytes);
	}
}
