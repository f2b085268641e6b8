/* SPDX-License-Identifier: ISC */
#include "tlsmgr/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/tlsmgr_proto.h"
#include "tlsmgr/ticketkeys.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/fdio.h"

struct handover {
	char *path; /* owned */
	int fd;     /* owned */
};

struct handover *
handover_new(const char *path, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_errno(err, "cannot open ticket key file %s", path);
		fdio_close(&fd);
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1 || (st.st_mode & 077) != 0) {
		err_set(err, "ticket key file %s: not a file of mode 0600 of our own: remove it", path);
		fdio_close(&fd);
		return NULL;
	}

	struct handover *handover = alloc_zero(sizeof *handover);
	handover->path = alloc_string(path);
	handover->fd = fd;
	return handover;
}

void
handover_free(struct handover *handover)
{
	if (!handover)
		return;
	fdio_close(&handover->fd);
	free(handover->path);
	free(handover);
}

int
handover_load(struct handover *handover, struct ticketkeys *keys, struct err *err)
{
	unsigned char records[TICKETKEYS_MAX * TLSMGR_TICKET_RECORD_LEN];
	ssize_t got = pread(handover->fd, records, sizeof records, 0);
	int status = 0;

	if (got < 0)
		status = err_errno(err, "cannot read ticket key file %s", handover->path);
	/* The oldest first, so that the latest ends in front. */
	for (ssize_t left = got / TLSMGR_TICKET_RECORD_LEN; left > 0; left--)
		ticketkeys_import(keys, records + (left - 1) * TLSMGR_TICKET_RECORD_LEN);
	alloc_wipe(records, sizeof records);
	if (ftruncate(handover->fd, 0) < 0)
		status = err_errno(err, "cannot empty ticket key file %s", handover->path);
	return status;
}

int
handover_save(struct handover *handover, const struct ticketkeys *keys, struct err *err)
{
	unsigned char records[TICKETKEYS_MAX * TLSMGR_TICKET_RECORD_LEN];
	size_t len = (size_t)ticketkeys_export(keys, records) * TLSMGR_TICKET_RECORD_LEN;
	ssize_t put = pwrite(handover->fd, records, len, 0);
	int code = put < 0 ? errno : ENOSPC;

	alloc_wipe(records, sizeof records);
	if (put == (ssize_t)len)
		return 0;
	errno = code;
	err_errno(err, "cannot write ticket key file %s", handover->path);
	if (ftruncate(handover->fd, 0) < 0)
		err_prefix(err, "cannot empty it either");
	return -1;
}
