/* SPDX-License-Identifier: ISC */
#include "mail/service_status.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(sizeof(struct service_status) == SERVICE_STATUS_SIZE, "three 32-bit words without gaps");

bool
service_status_generation(const char *text, uint32_t *generation)
{
	uint32_t sum = 0;

	*generation = 0;
	if (!text)
		return true;
	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '7')
			return false;
		sum = sum << 3 | (uint32_t)(*text - '0');
	}
	*generation = sum;
	return true;
}

void
service_status_encode(const struct service_status *status, unsigned char record[SERVICE_STATUS_SIZE])
{
	memcpy(record, status, SERVICE_STATUS_SIZE);
}

void
service_status_decode(const unsigned char record[SERVICE_STATUS_SIZE], struct service_status *status)
{
	memcpy(status, record, SERVICE_STATUS_SIZE);
}

int
service_status_send_used(int fd, uint32_t generation)
{
	struct service_status status = { .pid = getpid(), .generation = generation };
	unsigned char records[2 * SERVICE_STATUS_SIZE];
	ssize_t n;

	status.is = SERVICE_STATUS_TAKEN;
	service_status_encode(&status, records);
	status.is = SERVICE_STATUS_AVAILABLE;
	service_status_encode(&status, records + SERVICE_STATUS_SIZE);
	do
		n = send(fd, records, sizeof records, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == sizeof records || (n < 0 && errno == EAGAIN) ? 0 : -1;
}

bool
service_status_is_over(int fd)
{
	char bytes[64];
	ssize_t n;

	/* The descriptor is shared and blocking; another process of the service may have been faster. */
	do
		n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n == 0 || (n < 0 && errno != EAGAIN);
}
