/* SPDX-License-Identifier: ISC */
/*
 * ticketfile: ticket keys on disk, sealed, for the process that follows.
 *
 * The file is written in place, in one piece that fits a page, under a lock: a process that is killed leaves
 * the old content or the new one, and a jail needs no way to the directory. It is not flushed: its key
 * does not outlive the system either. Processes that overlap take over each other's keys, whoever writes
 * last.
 */
#ifndef TLSMGR_TICKETFILE_H
#define TLSMGR_TICKETFILE_H

#include <stdbool.h>

struct err;
struct ticketfile;
struct ticketkeys;

/* Opens or creates `path`, mode 0600. NULL, with `err`, when that fails or others could have read or written
 * it. Freed by the caller, which changes nothing in the file. */
struct ticketfile *ticketfile_new(const char *path, const char *boot_id, struct err *err);
void ticketfile_free(struct ticketfile *file);

/* Empties the file of that name, if there is one. 0 or -1. */
int ticketfile_remove_keys(const char *path, struct err *err) __attribute__((warn_unused_result));

/*
 * Takes over what is good. 1: done, perhaps nothing. 0: sealed by a key that is gone, usually because the
 * system was restarted. -1: failed or damaged.
 */
int ticketfile_load(struct ticketfile *file, struct ticketkeys *keys, struct err *err)
    __attribute__((warn_unused_result));

/* True: another process has written since the last load or save of this one. */
bool ticketfile_is_changed(const struct ticketfile *file);

/* Writes what can still be needed of `keys` and of what another process has written meanwhile; empties the
 * file when that is nothing. 0 or -1. */
int ticketfile_save(struct ticketfile *file, struct ticketkeys *keys, struct err *err)
    __attribute__((warn_unused_result));

#endif
