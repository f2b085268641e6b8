/* SPDX-License-Identifier: ISC */
/*
 * control: starting, stopping and asking the running system. In the queue directory.
 *
 * Each returns the exit status of the command; what cannot be done is log_fatal().
 */
#ifndef POSTFIX_CONTROL_H
#define POSTFIX_CONTROL_H

struct instance;

int control_start(struct instance *instance);
int control_start_foreground(struct instance *instance);
int control_stop(struct instance *instance);
int control_abort(struct instance *instance);
int control_reload(struct instance *instance);
int control_status(struct instance *instance);
int control_check(struct instance *instance);

/* Sends SIGHUP if the system runs. */
void control_refresh_if_running(void);

/* Runs a program, which finds its file by PATH unless `path` has a slash, and waits: its exit status, or -1
 * with the reason logged. */
int control_run(const char *path, char *const arguments[]);

#endif
