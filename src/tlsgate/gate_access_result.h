/* SPDX-License-Identifier: ISC */
/*
 * gate_access_result: what a table says of a client, in the language of access(5), as far as a gate can do
 * it.
 */
#ifndef TLSGATE_GATE_ACCESS_RESULT_H
#define TLSGATE_GATE_ACCESS_RESULT_H

struct buf;

enum gate_access_result {
	GATE_ACCESS_RESULT_OK,
	GATE_ACCESS_RESULT_DUNNO,
	GATE_ACCESS_RESULT_REPLY, /* a refusal */
	GATE_ACCESS_RESULT_WARN,  /* and go on */
	GATE_ACCESS_RESULT_INFO,
	GATE_ACCESS_RESULT_NAMES, /* of restrictions, or of something unknown */
};

/* REPLY: `reply` is replaced with "554 5.7.1 <NAME>: CLASS rejected: TEXT". WARN, INFO: with the text. */
enum gate_access_result gate_access_result_read(
    const char *value, const char *name, const char *class, struct buf *reply);

#endif
