/* SPDX-License-Identifier: ISC */
/*
 * load_smtp: work for what offers STARTTLS before an SMTP server: the clients, and that server, too.
 *
 * usage: load_smtp PORT:BACKEND-PORT MODE 1.2|1.3 COUNT
 *
 * A session: EHLO, STARTTLS, EHLO, QUIT, each when the reply to the one before has come. The first has ended
 * before another begins.
 *
 *   full      COUNT sessions, 25 at a time                 resumed       the same, all but the first resumed
 *   mail      the same with a message of 2 KB              resumed-mail  both
 *   large     COUNT messages of 1 MB, a session each
 *   idle      COUNT sessions that have said EHLO; prints "ready" and waits for end of file on standard input
 *   idle-mail the same after a message
 *
 * The server knows enough SMTP for these clients. On port $AUTH_PORT it tells a proxy that asks by HTTP to
 * let anybody in, and to which server: this one. Who pays for all is measured by the caller of this program.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load_net.h"
#include "load_tls.h"

enum {
	SMALL = 2000,
	LARGE = 1000000,
	BODY_LINE = 80,
	REPLY = 4096,
	LINE = 1024,
	STACK = 128 * 1024,
	AT_ONCE = 25
};

/* --- the server --- */

static unsigned int server_port, backend_port;

static void
answer(int fd, const char *text)
{
	/* Who is gone does not read it. */
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		errno = 0;
}

static void
skip_until(FILE *in, const char *last)
{
	char line[LINE];

	while (fgets(line, sizeof(line), in) != NULL && strcmp(line, last) != 0)
		continue;
}

static void
serve_mail(FILE *in, int fd)
{
	char line[LINE];

	answer(fd, "220 back.example ESMTP\r\n");
	while (fgets(line, sizeof(line), in) != NULL) {
		if (strncasecmp(line, "QUIT", 4) == 0) {
			answer(fd, "221 2.0.0 Bye\r\n");
			return;
		}
		if (strncasecmp(line, "EHLO", 4) == 0) {
			answer(fd,
			    "250-back.example\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250 8BITMIME\r\n");
			continue;
		}
		if (strncasecmp(line, "DATA", 4) == 0) {
			answer(fd, "354 End data with <CR><LF>.<CR><LF>\r\n");
			skip_until(in, ".\r\n");
		}
		answer(fd, "250 2.0.0 Ok\r\n");
	}
}

static void
serve_auth(FILE *in, int fd)
{
	char reply[256];

	skip_until(in, "\r\n");
	snprintf(reply, sizeof(reply),
	    "HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Server: 127.0.0.1\r\nAuth-Port: %u\r\n\r\n",
	    backend_port);
	answer(fd, reply);
}

struct door {
	int listener;
	void (*serve)(FILE *in, int fd);
};

struct guest {
	const struct door *door;
	int fd;
};

static void *
serve(void *arg)
{
	struct guest *guest = arg;
	FILE *in = fdopen(guest->fd, "r");

	guest->door->serve(in, guest->fd);
	fclose(in);
	free(guest);
	return NULL;
}

static void
start_thread(void *(*run)(void *), void *arg)
{
	pthread_t thread;
	pthread_attr_t small;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &small, run, arg) != 0)
		load_die("thread");
}

static void *
keep_door(void *arg)
{
	const struct door *door = arg;

	for (;;) {
		struct guest *guest = malloc(sizeof(*guest));

		*guest = (struct guest){ .door = door, .fd = load_net_accept(door->listener) };
		start_thread(serve, guest);
	}
	return NULL;
}

static void
open_doors(void)
{
	static struct door mail = { .serve = serve_mail }, auth = { .serve = serve_auth };
	const char *auth_port = getenv("AUTH_PORT");

	mail.listener = load_net_listen(backend_port);
	start_thread(keep_door, &mail);
	if (auth_port == NULL)
		return;
	auth.listener = load_net_listen((unsigned int)atoi(auth_port));
	start_thread(keep_door, &auth);
}

/* --- a client --- */

struct client {
	int fd;
	SSL *ssl; /* NULL: plaintext */
};

static void
put(struct client *client, const char *bytes, size_t len)
{
	if (client->ssl == NULL)
		load_write_all(client->fd, bytes, len);
	else if (SSL_write(client->ssl, bytes, (int)len) != (int)len)
		load_die("TLS write");
}

/* Nothing is said before the reply has come, so it is all that comes. */
static void
expect(struct client *client, const char *code)
{
	char reply[REPLY];
	size_t have = 0, last = 0;

	for (;;) {
		int n = client->ssl ? SSL_read(client->ssl, reply + have, (int)(sizeof(reply) - 1 - have))
				    : (int)read(client->fd, reply + have, sizeof(reply) - 1 - have);
		if (n <= 0)
			load_die(code);
		have += (size_t)n;
		reply[have] = 0;
		for (char *end; (end = strchr(reply + last, '\n')) != NULL;) {
			if (reply[last + 3] == ' ' && memcmp(reply + last, code, 3) == 0)
				return;
			if (reply[last + 3] == ' ')
				load_die(reply);
			last = (size_t)(end + 1 - reply);
		}
	}
}

static void
ask(struct client *client, const char *command, const char *code)
{
	put(client, command, strlen(command));
	expect(client, code);
}

static struct client
enter(SSL_SESSION *offer)
{
	struct client client = { .fd = load_net_connect(server_port) };

	expect(&client, "220");
	ask(&client, "EHLO client.example\r\n", "250");
	ask(&client, "STARTTLS\r\n", "220");
	client.ssl = load_tls_new(client.fd, offer);
	if (SSL_connect(client.ssl) != 1)
		load_die("handshake");
	ask(&client, "EHLO client.example\r\n", "250");
	return client;
}

static void
leave(struct client *client)
{
	ask(client, "QUIT\r\n", "221");
	SSL_shutdown(client->ssl);
	SSL_free(client->ssl);
	close(client->fd);
}

static char body[LARGE];

static void
write_body(void)
{
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = "a\r\n"[i % BODY_LINE < BODY_LINE - 2 ? 0 : i % BODY_LINE - (BODY_LINE - 3)];
}

static void
send_message(struct client *client, size_t size)
{
	ask(client, "MAIL FROM:<a@client.example>\r\n", "250");
	ask(client, "RCPT TO:<b@back.example>\r\n", "250");
	ask(client, "DATA\r\n", "354");
	put(client, body, size / BODY_LINE * BODY_LINE);
	ask(client, ".\r\n", "250");
}

/* --- the work --- */

struct mode {
	const char *name;
	size_t message;
	bool resumed;
	bool idle;
};

static const struct mode *mode;
static struct client *clients; /* all of the run */
static long count, begun;
static int hits;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static SSL_SESSION *offered; /* the first session's, when others are to resume it */

static void
run_session(struct client *client)
{
	*client = enter(offered);
	if (mode->message > 0)
		send_message(client, mode->message);
	if (mode->resumed && offered == NULL)
		offered = load_tls_newest();
	else if (SSL_session_reused(client->ssl))
		__atomic_fetch_add(&hits, 1, __ATOMIC_RELAXED);
	if (!mode->idle)
		leave(client);
}

static void *
work(void *arg)
{
	(void)arg;
	for (;;) {
		pthread_mutex_lock(&lock);
		long mine = begun++;
		pthread_mutex_unlock(&lock);
		if (mine >= count)
			return NULL;
		run_session(&clients[mine]);
	}
}

static void
run_all(void)
{
	pthread_t threads[AT_ONCE];

	clients = calloc((size_t)count, sizeof(*clients));
	if (count > 0)
		run_session(&clients[begun++]);
	for (int i = 0; i < AT_ONCE; i++)
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			load_die("thread");
	for (int i = 0; i < AT_ONCE; i++)
		pthread_join(threads[i], NULL);
	if (mode->resumed && hits < count - 1)
		fprintf(stderr, "load: only %d of %ld sessions were resumed\n", hits, count - 1);
}

static void
wait_idle(void)
{
	puts("ready");
	fflush(stdout);
	(void)getchar();
	for (long i = 0; i < count; i++)
		leave(&clients[i]);
}

static const struct mode modes[] = {
	{ .name = "full" },
	{ .name = "resumed", .resumed = true },
	{ .name = "mail", .message = SMALL },
	{ .name = "resumed-mail", .message = SMALL, .resumed = true },
	{ .name = "large", .message = LARGE },
	{ .name = "idle", .idle = true },
	{ .name = "idle-mail", .message = SMALL, .idle = true },
};

int
main(int argc, char **argv)
{
	if (argc != 5 || sscanf(argv[1], "%u:%u", &server_port, &backend_port) != 2) {
		fprintf(stderr, "usage: load_smtp PORT:BACKEND-PORT MODE 1.2|1.3 COUNT\n");
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	load_tls_init(argv[3]);
	open_doors();
	write_body();
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, argv[2]) == 0)
			mode = &modes[i];
	if (mode == NULL)
		return 64;
	count = atol(argv[4]);
	run_all();
	if (mode->idle)
		wait_idle();
	return 0;
}
