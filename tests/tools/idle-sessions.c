/* SPDX-License-Identifier: ISC */
/*
 * idle-sessions: many IMAP clients that log in under TLS and then say little; and a server for them.
 *
 * usage: idle-sessions server PORT NAME     answers each command with "OK NAME"
 *        idle-sessions clients PORT         obeys lines on standard input, each with a line of answer:
 *          open N     STARTTLS and LOGIN, N more sessions      "opened N", or fewer
 *          noop       all of them say NOOP                     "answered N NAME...", the names that answered
 *          close      all of them end                          "closed"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { MOST = 8192, TIMEOUT_S = 30 };

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in
here(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(port)) };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

/* --- the server --- */

/* A tag is all it looks at, and a command comes in one piece. */
static void
answer(int fd, const char *name)
{
	char line[4096], reply[4200];
	ssize_t n = read(fd, line, sizeof line - 1);

	if (n <= 0) {
		close(fd);
		return;
	}
	line[n] = 0;
	int len = snprintf(reply, sizeof reply, "%.*s OK %s\r\n", (int)strcspn(line, " \r\n"), line, name);
	if (write(fd, reply, (size_t)len) != len)
		close(fd);
}

static void
serve(const char *port, const char *name)
{
	static const char greeting[] = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n";
	struct sockaddr_in address = here(port);
	int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0), set = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN, .data.fd = listener };

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1000) < 0 ||
	    set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, listener, &event) < 0)
		die("listen");
	for (;;) {
		struct epoll_event events[64];
		int n = epoll_wait(set, events, 64, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd != listener) {
				answer(events[i].data.fd, name);
				continue;
			}
			event.data.fd = accept(listener, NULL, NULL);
			if (event.data.fd < 0)
				continue;
			if (epoll_ctl(set, EPOLL_CTL_ADD, event.data.fd, &event) < 0 ||
			    write(event.data.fd, greeting, sizeof greeting - 1) < 0)
				close(event.data.fd);
		}
	}
}

/* --- the clients --- */

static SSL *sessions[MOST];
static int count;
static SSL_CTX *context;

/* Reads bytes until the last line that came begins with `tag`. False: the connection ended, or it took too
 * long. */
static int
hear(SSL *ssl, int fd, const char *tag, char *text, int room)
{
	int len = 0;

	for (;;) {
		int n = ssl ? SSL_read(ssl, text + len, room - 1 - len)
			    : (int)read(fd, text + len, (size_t)(room - 1 - len));
		if (n <= 0)
			return 0;
		len += n;
		text[len] = 0;
		if (text[len - 1] != '\n')
			continue;
		char *line = text + len - 1;
		while (line > text && line[-1] != '\n')
			line--;
		if (strncmp(line, tag, strlen(tag)) == 0)
			return 1;
	}
}

static SSL *
open_one(const char *port)
{
	struct sockaddr_in address = here(port);
	struct timeval limit = { .tv_sec = TIMEOUT_S };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[4096];
	SSL *ssl = NULL;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0)
		die("socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
	    hear(NULL, fd, "* OK", text, sizeof text) && write(fd, "a STARTTLS\r\n", 12) == 12 &&
	    hear(NULL, fd, "a OK", text, sizeof text)) {
		ssl = SSL_new(context);
		SSL_set_fd(ssl, fd);
		if (SSL_connect(ssl) == 1 && SSL_write(ssl, "b LOGIN joe secret\r\n", 20) == 20 &&
		    hear(ssl, fd, "b OK", text, sizeof text))
			return ssl;
		SSL_free(ssl);
	}
	close(fd);
	return NULL;
}

static void
say_noop(void)
{
	char names[4096] = "", text[4096];
	int answered = 0;

	for (int i = 0; i < count; i++) {
		if (SSL_write(sessions[i], "c NOOP\r\n", 8) != 8 ||
		    !hear(sessions[i], SSL_get_fd(sessions[i]), "c OK ", text, sizeof text))
			continue;
		answered++;
		text[strcspn(text, "\r\n")] = 0;
		if (!strstr(names, text + 4))
			strncat(names, text + 4, sizeof names - strlen(names) - 1);
	}
	printf("answered %d%s\n", answered, names);
}

static void
clients(const char *port)
{
	char line[100];

	context = SSL_CTX_new(TLS_client_method());
	while (fgets(line, sizeof line, stdin)) {
		int wanted, opened = 0;
		if (sscanf(line, "open %d", &wanted) == 1) {
			while (opened < wanted && count < MOST && (sessions[count] = open_one(port))) {
				opened++;
				count++;
			}
			printf("opened %d\n", opened);
		} else if (strncmp(line, "noop", 4) == 0) {
			say_noop();
		} else {
			while (count > 0) {
				int fd = SSL_get_fd(sessions[--count]);
				SSL_free(sessions[count]);
				close(fd);
			}
			printf("closed\n");
		}
		fflush(stdout);
	}
}

int
main(int argc, char **argv)
{
	struct rlimit limit;

	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			die("setrlimit");
	}
	if (argc == 4 && strcmp(argv[1], "server") == 0)
		serve(argv[2], argv[3]);
	else if (argc == 3 && strcmp(argv[1], "clients") == 0)
		clients(argv[2]);
	else
		return 64;
	return 0;
}
