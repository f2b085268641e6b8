/* SPDX-License-Identifier: ISC */
/*
 * spawn: one daemon process: its command line, its descriptors, its environment.
 */
#ifndef MASTER_SPAWN_H
#define MASTER_SPAWN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct listener;
struct master_settings;
struct mastercf_entry;

/* Where a daemon finds what it inherits. */
enum { SPAWN_FLOW_READ = 3, SPAWN_FLOW_WRITE = 4, SPAWN_STATUS = 5, SPAWN_LISTEN = 6 };

enum spawn_stress { SPAWN_STRESS_NEVER, SPAWN_STRESS_NO, SPAWN_STRESS_YES };

struct spawn_request {
	const struct mastercf_entry *entry;
	const struct master_settings *settings;
	const struct listener *listener;
	int status_fd;
	uint32_t generation;
	enum spawn_stress stress;
};

/* The file that is executed. Freed by the caller. */
char *spawn_path(const struct mastercf_entry *entry, const struct master_settings *settings);

/* Descriptors 3 and 4 must be the flow-control pipe. The child's process id, or -1 with errno. A child that
 * cannot be executed logs that and exits with status 1. */
pid_t spawn_daemon(const struct spawn_request *request);

#endif
