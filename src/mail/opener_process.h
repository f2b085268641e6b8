/* SPDX-License-Identifier: ISC */
/*
 * opener_process: the other end of opener: a process that opens files by number, and nothing else.
 *
 * It was told the names before it was forked, and has few rights (reader_rights.h). It ends with its parent,
 * when the socket is closed, and at the first request that its parent would not make.
 */
#ifndef MAIL_OPENER_PROCESS_H
#define MAIL_OPENER_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { OPENER_FILE_LIMIT = 1 << 20 };

/* Changes when the file does, or the names in a directory. All zero: nothing is like that. */
struct opener_identity {
	uint64_t device, inode, size;
	int64_t mtime_s, mtime_ns, ctime_s, ctime_ns;
};

/* Both ends are the same program, so structs travel as they are. */
struct opener_request {
	uint64_t file; /* index of the name */
	struct opener_identity known;
};

struct opener_reply {
	int32_t
	    error; /* errno; 0: the file was opened and is a regular file; EISDIR: it has an identity, too */
	uint32_t same; /* it is the one that is known: no bytes follow */
	uint64_t len;  /* of the bytes that follow */
	struct opener_identity identity;
};

/* The life of the process, on a blocking socket whose other end `parent` holds. `names` may be relative to
 * the current directory. */
_Noreturn void opener_process_run(int socket, pid_t parent, const char *const *names, size_t count);

#endif
