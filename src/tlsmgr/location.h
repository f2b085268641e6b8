/* SPDX-License-Identifier: ISC */
/*
 * location: where a file that this program writes may live, and how it is found again from a jail.
 *
 * Early releases kept such files in a directory of root's, where an unprivileged process must not write.
 */
#ifndef TLSMGR_LOCATION_H
#define TLSMGR_LOCATION_H

struct location {
	const char *data_directory; /* borrowed from the settings */
	const char *owner;          /* name of mail_owner, for the log; borrowed */
};

/*
 * `path` as it is or, after two warnings, its last component under the data directory: when its own directory
 * belongs to somebody other than the effective user. `what` ("table", "file") and `shown` are for the
 * warnings. Freed by the caller.
 */
char *location_choose(const struct location *location, const char *path, const char *what, const char *shown);

/* A descriptor of the directory that `path` is in. -1: there is none. Closed by the caller. */
int location_directory(const char *path);

/*
 * Makes `directory` the working directory, in the jail too: what is in it is found by its last component.
 * Returns what location_leave() takes to go back; -1: errno, and nothing has changed.
 */
int location_enter(int directory);
void location_leave(int here);

#endif
