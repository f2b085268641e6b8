/* SPDX-License-Identifier: ISC */
#include "tlsproxy/certfiles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "mail/filewatch.h"
#include "mail/opener.h"
#include "tls/pem_text.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/log.h"
#include "util/now.h"
#include "util/siphash.h"

/* A file that changed this lately may change again and look the same. */
enum { COARSE_S = 2 };

struct file {
	char *path; /* owned */
	bool needed;
	struct opener_identity identity; /* of the last look; zero: none */
	uint64_t digest;                 /* of the content */
	int blocks;                      /* in it; -1: it is not complete */
	int error;                       /* errno instead of content */
	struct buf content;              /* during a look; wiped */
	struct opener_identity marked_identity;
	int marked_blocks;
};

struct certfiles {
	struct certfiles_handler handler;
	struct opener *opener;   /* owned; NULL: gone */
	struct filewatch *watch; /* owned */
	struct file *files;      /* owned */
	size_t count;
	unsigned char key[SIPHASH_KEY_LEN];
	bool ready; /* certfiles_new() is over */
	bool looking;
	bool content; /* this look is for all content */
	size_t at;    /* the file that was asked for */
};

uint64_t
certfiles_state(const struct certfiles *files)
{
	struct buf all = BUF_INIT;

	for (size_t i = 0; i < files->count; i++) {
		buf_add(&all, &files->files[i].digest, sizeof files->files[i].digest);
		buf_add(&all, &files->files[i].error, sizeof files->files[i].error);
	}

	uint64_t state = siphash(files->key, all.bytes, all.len);

	buf_release(&all);
	return state;
}

void
certfiles_mark(struct certfiles *files)
{
	for (size_t i = 0; i < files->count; i++) {
		files->files[i].marked_identity = files->files[i].identity;
		files->files[i].marked_blocks = files->files[i].blocks;
	}
}

bool
certfiles_is_shorter(const struct certfiles *files)
{
	for (size_t i = 0; i < files->count; i++) {
		const struct file *file = &files->files[i];
		bool in_place = file->identity.inode != 0 &&
				file->identity.inode == file->marked_identity.inode &&
				file->identity.device == file->marked_identity.device;

		if (in_place && file->blocks < file->marked_blocks)
			return true;
	}
	return false;
}

int
certfiles_read(const char *path, struct buf *to, void *arg)
{
	const struct certfiles *files = arg;

	for (size_t i = 0; i < files->count; i++) {
		const struct file *file = &files->files[i];

		if (strcmp(file->path, path) != 0)
			continue;
		if (file->error) {
			errno = file->error;
			return -1;
		}
		buf_add(to, buf_str(&file->content), file->content.len);
		return 0;
	}
	errno = ENOENT;
	return -1;
}

int
certfiles_check(const struct certfiles *files, struct err *err)
{
	for (size_t i = 0; i < files->count; i++) {
		const struct file *file = &files->files[i];

		if (!file->needed)
			continue;
		if (file->error)
			return err_set(err, "%s: %s", file->path, strerror(file->error));
		if (file->blocks < 0)
			return err_set(err, "%s is not complete", file->path);
	}
	return 0;
}

bool
certfiles_in_text(const struct certfiles *files, const char *text, size_t len)
{
	for (size_t i = 0; i < files->count; i++) {
		const struct file *file = &files->files[i];

		if (file->needed && memmem(text, len, file->path, strlen(file->path)))
			return true;
	}
	return false;
}

const char *
certfiles_looking_at(const struct certfiles *files)
{
	return files->looking ? files->files[files->at].path : NULL;
}

bool
certfiles_has_content(const struct certfiles *files)
{
	return files->content;
}

/* --- looking --- */

static void
forget_content(struct certfiles *files)
{
	for (size_t i = 0; i < files->count; i++)
		buf_release_secret(&files->files[i].content);
}

static bool
changed_lately(const struct opener_identity *identity)
{
	int64_t age_s = (int64_t)now_wall() - identity->ctime_s;

	return age_s > -COARSE_S && age_s <= COARSE_S;
}

static void
ask(struct certfiles *files)
{
	static const struct opener_identity nothing;
	const struct opener_identity *known = &files->files[files->at].identity;

	if (files->content || changed_lately(known))
		known = &nothing;
	opener_ask(files->opener, files->at, known);
}

void
certfiles_look(struct certfiles *files, bool content)
{
	if (!files->opener)
		return;
	forget_content(files);
	files->looking = true;
	files->content = content;
	files->at = 0;
	ask(files);
}

/* A directory's content is its names. */
static uint64_t
digest_of(const struct certfiles *files, const struct opener_reply *reply, const char *bytes)
{
	if (reply->error == EISDIR)
		return siphash(files->key, &reply->identity, sizeof reply->identity);
	return siphash(files->key, bytes, reply->len);
}

static void
take(struct certfiles *files, struct file *file, const struct opener_reply *reply, const char *bytes)
{
	if (reply->same)
		return;
	file->identity = reply->identity;
	file->error = reply->error;
	file->digest = digest_of(files, reply, bytes);
	file->blocks = pem_text_blocks(bytes, reply->len);
	buf_add(&file->content, bytes, reply->len);
}

static void
on_answer(const struct opener_reply *reply, const char *bytes, void *context)
{
	struct certfiles *files = context;

	take(files, &files->files[files->at], reply, bytes);
	if (++files->at < files->count) {
		ask(files);
		return;
	}
	files->looking = false;
	if (files->ready)
		files->handler.looked(files->handler.context);
}

static void
on_gone(void *context)
{
	struct certfiles *files = context;

	opener_free(files->opener);
	files->opener = NULL;
	files->looking = false;
	files->handler.gone(files->handler.context);
}

static void
on_changed(void *context)
{
	struct certfiles *files = context;

	if (files->ready)
		files->handler.changed(files->handler.context);
}

void
certfiles_forget(struct certfiles *files)
{
	if (!files->looking)
		forget_content(files);
}

/* --- making --- */

static struct certfiles *
new_from(const struct certfiles_name *names, size_t count, const struct certfiles_handler *handler)
{
	struct certfiles *files = alloc_zero(sizeof *files);

	files->handler = *handler;
	files->count = count;
	files->files = alloc_array(count, sizeof *files->files);
	for (size_t i = 0; i < count; i++) {
		files->files[i].path = alloc_string(names[i].path);
		files->files[i].needed = names[i].needed;
	}
	/* Not of the TLS library, which has not been configured yet. Without it digests are less secret. */
	if (getentropy(files->key, sizeof files->key) < 0)
		log_debug("getentropy: %m");
	return files;
}

struct certfiles *
certfiles_new(struct event_base *base, const struct certfiles_name *names, size_t count,
    const struct certfiles_handler *handler, struct err *err)
{
	struct certfiles *files = new_from(names, count, handler);
	const char **paths = alloc_array(count, sizeof *paths);

	for (size_t i = 0; i < count; i++)
		paths[i] = files->files[i].path;
	files->opener = opener_new(base, paths, count, err);
	if (files->opener)
		files->watch = filewatch_new(base, paths, count, on_changed, files);
	free(paths);
	if (!files->opener) {
		certfiles_free(files);
		return NULL;
	}
	opener_set_handler(files->opener, on_answer, on_gone, files);
	certfiles_look(files, false);
	while (files->looking)
		event_base_loop(base, EVLOOP_ONCE);
	files->ready = true;
	certfiles_forget(files);
	return files;
}

void
certfiles_free(struct certfiles *files)
{
	if (!files)
		return;
	opener_free(files->opener);
	filewatch_free(files->watch);
	forget_content(files);
	for (size_t i = 0; i < files->count; i++)
		free(files->files[i].path);
	free(files->files);
	free(files);
}
