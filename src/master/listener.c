/* SPDX-License-Identifier: ISC */
#include "master/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mail/mastercf.h"
#include "master/master_settings.h"
#include "util/alloc.h"
#include "util/err.h"
#include "util/text.h"

enum { SOCKET_FLAGS = SOCK_NONBLOCK | SOCK_CLOEXEC, SOCKET_MODE = 0666, FIFO_MODE = 0622 };

static void
keep(struct listener *listener, int fd)
{
	listener->fds = alloc_resize(listener->fds, listener->count + 1, sizeof *listener->fds);
	listener->fds[listener->count++] = fd;
}

static int
backlog(const struct mastercf_entry *entry, const struct master_settings *settings)
{
	return entry->process_limit > settings->default_process_limit ? entry->process_limit
								      : settings->default_process_limit;
}

/* --- sockets in the file system --- */

static int
bind_path(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	if (unlink(path) < 0 && errno != ENOENT)
		return -1;
	return bind(fd, (struct sockaddr *)&address, sizeof address);
}

static int
open_path(struct listener *listener, const struct mastercf_entry *entry,
    const struct master_settings *settings, struct err *err)
{
	const char *path = entry->endpoint;
	bool datagrams = entry->type == MASTERCF_UNIX_DGRAM;
	int fd = socket(AF_UNIX, (datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCKET_FLAGS, 0);

	if (fd < 0)
		return err_errno(err, "socket");
	if (bind_path(fd, path) < 0)
		err_errno(err, "bind: %s", path);
	else if (chmod(path, SOCKET_MODE) < 0)
		err_errno(err, "chmod socket %s", path);
	else if (!datagrams && listen(fd, backlog(entry, settings)) < 0)
		err_errno(err, "listen: %s", path);
	else {
		keep(listener, fd);
		return 0;
	}
	close(fd);
	return -1;
}

static int
open_fifo(struct listener *listener, const struct mastercf_entry *entry, struct err *err)
{
	const char *path = entry->endpoint;
	struct stat st;
	int fd;

	if (mkfifo(path, FIFO_MODE) < 0 && errno != EEXIST)
		return err_errno(err, "create fifo %s", path);
	/* Open for writing too: so the pipe never reads as ended when a writer goes. */
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(err, "open %s", path);
	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		err_set(err, "%s: not a fifo", path);
	else if (fchmod(fd, FIFO_MODE) < 0)
		err_errno(err, "fchmod %s", path);
	else {
		keep(listener, fd);
		return 0;
	}
	close(fd);
	return -1;
}

/* --- inet --- */

static bool
is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	}
	if (address->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
	return false;
}

static int
bind_inet(struct listener *listener, const struct addrinfo *at, int queue, struct err *err)
{
	char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
	const int on = 1;
	int fd = socket(at->ai_family, SOCK_STREAM | SOCKET_FLAGS, 0);

	if (fd < 0)
		return err_errno(err, "socket");
	if (getnameinfo(at->ai_addr, at->ai_addrlen, host, sizeof host, port, sizeof port,
		NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		host[0] = '?';
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
	    (at->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0))
		err_errno(err, "setsockopt");
	else if (bind(fd, at->ai_addr, at->ai_addrlen) < 0)
		err_errno(err, "bind %s port %s", host, port);
	else if (listen(fd, queue) < 0)
		err_errno(err, "listen %s port %s", host, port);
	else {
		if (!is_loopback(at->ai_addr))
			listener->strangers = true;
		keep(listener, fd);
		return 0;
	}
	close(fd);
	return -1;
}

/* Whether inet_protocols has this family; "all" has those the kernel has. */
static bool
family_enabled(const char *protocols, int family)
{
	const char *word;
	size_t len;

	while ((word = text_token(&protocols, TEXT_LIST_SEPARATORS, &len)) != NULL) {
		if (len == 3 && strncmp(word, "all", len) == 0) {
			int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
			if (fd < 0)
				return false;
			close(fd);
			return true;
		}
		if (len == 4 && strncmp(word, family == AF_INET ? "ipv4" : "ipv6", len) == 0)
			return true;
	}
	return false;
}

/* Binds all addresses of `host`. 1: some. 0: there are none of a family in use. -1: err. -2: no such host. */
static int
open_host(struct listener *listener, const char *host, const struct mastercf_entry *entry,
    const struct master_settings *settings, struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int result = 0;
	int code = getaddrinfo(host, entry->port, &hints, &found);

	if (code == EAI_SERVICE)
		return err_set(err, "%s:%s: %s", host, entry->port, gai_strerror(code));
	if (code != 0)
		return -2;
	for (struct addrinfo *at = found; at && result >= 0; at = at->ai_next) {
		if (at->ai_family != AF_INET && at->ai_family != AF_INET6)
			continue;
		if (family_enabled(settings->inet_protocols, at->ai_family))
			result = bind_inet(listener, at, backlog(entry, settings), err) < 0 ? -1 : 1;
	}
	freeaddrinfo(found);
	return result;
}

static int
open_loopback(struct listener *listener, const struct mastercf_entry *entry,
    const struct master_settings *settings, struct err *err)
{
	struct ifaddrs *all;
	int result = 0;

	if (getifaddrs(&all) < 0)
		return err_errno(err, "getifaddrs");
	for (struct ifaddrs *at = all; at && result >= 0; at = at->ifa_next) {
		char host[NI_MAXHOST];
		socklen_t len;

		if (!at->ifa_addr || !is_loopback(at->ifa_addr))
			continue;
		len = at->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
							 : sizeof(struct sockaddr_in6);
		if (getnameinfo(at->ifa_addr, len, host, sizeof host, NULL, 0, NI_NUMERICHOST) == 0)
			result = open_host(listener, host, entry, settings, err);
	}
	freeifaddrs(all);
	return result < 0 ? -1 : 0;
}

/* One word of inet_interfaces. */
static int
open_interface(struct listener *listener, const char *word, const struct mastercf_entry *entry,
    const struct master_settings *settings, struct err *err)
{
	if (strcmp(word, "loopback-only") == 0)
		return open_loopback(listener, entry, settings, err);
	if (strcmp(word, "all") == 0) {
		if (open_host(listener, "0.0.0.0", entry, settings, err) < 0)
			return -1;
		return open_host(listener, "::", entry, settings, err) == -1 ? -1 : 0;
	}
	switch (open_host(listener, word, entry, settings, err)) {
	case -2:
		return err_set(err, "parameter inet_interfaces: host not found: %s", word);
	case -1:
		return -1;
	default:
		return 0;
	}
}

static int
open_interfaces(struct listener *listener, const struct mastercf_entry *entry,
    const struct master_settings *settings, struct err *err)
{
	const char *at = settings->inet_interfaces;
	const char *word;
	size_t len;
	int result = 0;

	while (result == 0 && (word = text_token(&at, TEXT_LIST_SEPARATORS, &len)) != NULL) {
		char *copy = alloc_string_n(word, len);
		result = open_interface(listener, copy, entry, settings, err);
		free(copy);
	}
	return result;
}

static int
open_inet(struct listener *listener, const struct mastercf_entry *entry,
    const struct master_settings *settings, struct err *err)
{
	const char *complaint = NULL;

	if (!*entry->host) {
		if (open_interfaces(listener, entry, settings, err) < 0)
			return -1;
		if (listener->count == 0)
			complaint = "service definition requires valid host name or address, or non-empty "
				    "inet_interfaces setting";
	} else {
		switch (open_host(listener, entry->host, entry, settings, err)) {
		case -1:
			return -1;
		case -2:
			complaint = "bad hostname or network address: ";
			break;
		case 0:
			complaint = "no valid IP address found: ";
			break;
		default:
			break;
		}
	}
	if (!complaint)
		return 0;
	return err_set(err, "%s/master.cf: line %d: %s%s", settings->config_directory, entry->line, complaint,
	    *entry->host ? entry->name : "");
}

int
listener_open(struct listener *listener, const struct mastercf_entry *entry,
    const struct master_settings *settings, struct err *err)
{
	int result;

	*listener = (struct listener){ .strangers = entry->type == MASTERCF_PASS };
	if (entry->type == MASTERCF_INET) {
		result = open_inet(listener, entry, settings, err);
	} else {
		master_settings_become_owner(settings);
		result = entry->type == MASTERCF_FIFO ? open_fifo(listener, entry, err)
						      : open_path(listener, entry, settings, err);
		master_settings_become_root(settings);
	}
	if (result < 0)
		listener_release(listener);
	return result < 0 ? -1 : 0;
}

void
listener_release(struct listener *listener)
{
	for (size_t i = 0; i < listener->count; i++)
		close(listener->fds[i]);
	free(listener->fds);
	*listener = (struct listener){ 0 };
}
