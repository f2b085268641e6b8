/* SPDX-License-Identifier: ISC */
/*
 * confine: what of the file system is left to this process and its children, whatever else their user may do.
 *
 * The rules are Landlock's (landlock(7)); descriptors that are open stay as they are.
 */
#ifndef UTIL_CONFINE_H
#define UTIL_CONFINE_H

#include <stddef.h>
#include <stdint.h>

/* What has been possible to forbid from the first kernel on that knows such rules; and the part of it that
 * changes something. Without links and renames into another directory, which no later rule gives back. */
extern const uint64_t confine_everything;
extern const uint64_t confine_changes;

/*
 * Forbids `what`, but for files below one of the `directories` (-1: left out). The process can gain no new
 * privileges from now on. 0. -1: errno, and nothing is forbidden; ENOSYS or EOPNOTSUPP from a kernel without
 * such rules.
 */
int confine(uint64_t what, const int *directories, size_t count) __attribute__((warn_unused_result));

#endif
