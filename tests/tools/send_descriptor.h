/* SPDX-License-Identifier: ISC */
/*
 * send_descriptor: one descriptor beside one zero byte, as Postfix passes them. Apart from src/util, which it
 * tests.
 */
#ifndef TOOLS_SEND_DESCRIPTOR_H
#define TOOLS_SEND_DESCRIPTOR_H

#include <string.h>
#include <sys/socket.h>

/* 0, or -1 with errno. */
static int
send_descriptor(int socket, int fd)
{
	char zero = 0;
	struct iovec data = { &zero, 1 };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -1;
}

#endif
