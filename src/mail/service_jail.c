/* SPDX-License-Identifier: ISC */
#include "mail/service_jail.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <time.h>
#include <unistd.h>

#include "mail/maincf.h"
#include "util/err.h"
#include "util/log.h"

int
service_jail_find(struct service_jail_owner *owner, const char *user, struct err *err)
{
	const struct passwd *pw = getpwnam(user);

	if (!pw)
		return err_set(err, "file %s/main.cf: parameter mail_owner: unknown user name value: %s",
		    maincf_directory(), user);
	if (pw->pw_uid == 0)
		return err_set(err, "file %s/main.cf: parameter mail_owner: user %s has privileged user ID",
		    maincf_directory(), user);
	*owner = (struct service_jail_owner){ .user = user, .uid = pw->pw_uid, .gid = pw->pw_gid };
	return 0;
}

void
service_jail_become(const struct service_jail_owner *owner)
{
	if (setgroups(1, &owner->gid) < 0)
		log_fatal("setgroups(1, &%ld): %m", (long)owner->gid);
	if (setegid(owner->gid) < 0)
		log_fatal("setegid(%ld): %m", (long)owner->gid);
	if (seteuid(owner->uid) < 0)
		log_fatal("seteuid(%ld): %m", (long)owner->uid);
}

void
service_jail_become_root(void)
{
	gid_t root = 0;

	if (seteuid(0) < 0)
		log_fatal("seteuid(0): %m");
	if (setegid(0) < 0)
		log_fatal("setegid(0): %m");
	if (setgroups(1, &root) < 0)
		log_fatal("setgroups(1, &0): %m");
}

void
service_jail_enter(const char *directory, const struct service_jail_owner *owner)
{
	/* The time zone file is out of reach from a jail. */
	tzset();
	if (owner) {
		if (setgid(owner->gid) < 0)
			log_fatal("setgid(%ld): %m", (long)owner->gid);
		if (initgroups(owner->user, owner->gid) < 0)
			log_fatal("initgroups: %m");
	}
	if (directory) {
		if (chroot(directory) < 0)
			log_fatal("chroot(%s): %m", directory);
		if (chdir("/") < 0)
			log_fatal("chdir(/): %m");
	}
	if (owner && setuid(owner->uid) < 0)
		log_fatal("setuid(%ld): %m", (long)owner->uid);
}
