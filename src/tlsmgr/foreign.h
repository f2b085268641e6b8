/* SPDX-License-Identifier: ISC */
/*
 * foreign: the sessions in a cache file that Postfix's tlsmgr has left.
 *
 * Reads the pages of Berkeley DB (btree and hash) and of LMDB without their libraries, which can be led
 * astray by a file that a killed process or a disk has damaged. Here each number is checked before it is
 * used; what cannot be read is left out, and nothing is read for ever. No call does more than a little.
 *
 * A file that holds no such sessions comes to its end soon.
 */
#ifndef TLSMGR_FOREIGN_H
#define TLSMGR_FOREIGN_H

struct buf;
struct foreign;

/* Takes `fd`, a file that nobody changes meanwhile, if it is such a database; NULL: it is not. */
struct foreign *foreign_new(int fd);

/* What is left of a file without a name may take its time to go. */
void foreign_free(struct foreign *foreign);

enum foreign_step {
	FOREIGN_RECORD,  /* replaced both */
	FOREIGN_NOTHING, /* not this time */
	FOREIGN_END,     /* that was all; of a file without a name nothing is left on disk */
	FOREIGN_FULL,    /* stopped: the disk is nearly full */
};

/* In no order. The key is a string, the value what entry_decode() takes. */
enum foreign_step foreign_next(struct foreign *foreign, struct buf *key, struct buf *value);

/* No more records are wanted; the end is to be waited for all the same. */
void foreign_stop(struct foreign *foreign);

#endif
