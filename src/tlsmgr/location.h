/* SPDX-License-Identifier: ISC */
/*
 * location: where a file that this program writes may live.
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

#endif
