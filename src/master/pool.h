/* SPDX-License-Identifier: ISC */
/*
 * pool: one service of master.cf: its sockets, its processes, and when it needs one more.
 *
 * The listen sockets are watched while a client would find no free process and one more may be started. Which
 * that is follows from the fields alone, after every change.
 */
#ifndef MASTER_POOL_H
#define MASTER_POOL_H

#include <stdbool.h>
#include <sys/types.h>

struct err;
struct event_base;
struct master_settings;
struct mastercf_entry;
struct pool;

/* Takes `entry`; borrows `settings`, which outlives the pool. Opens the sockets, starts nothing. NULL with
 * err. */
struct pool *pool_new(struct event_base *base, const struct master_settings *settings,
    struct mastercf_entry *entry, struct err *err) __attribute__((warn_unused_result));

/* Processes that are left are forgotten. */
void pool_free(struct pool *pool);

/* From here on clients and wakeups start processes. */
void pool_start(struct pool *pool);

/* Takes `entry`, of the same endpoint and type. The sockets stay, the processes are asked to go. */
void pool_reload(struct pool *pool, struct mastercf_entry *entry);

/* Closes the sockets and sends SIGTERM to the processes; pool_is_empty() becomes true when they are reaped.
 */
void pool_retire(struct pool *pool);
bool pool_is_empty(const struct pool *pool);

/* Borrowed. */
const struct mastercf_entry *pool_entry(const struct pool *pool);

/* What waitpid() said. False: not a process of this pool. */
bool pool_reap(struct pool *pool, pid_t pid, int status);

#endif
