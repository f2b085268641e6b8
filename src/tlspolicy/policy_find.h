/* SPDX-License-Identifier: ISC */
/*
 * policy_find: which TLS a client uses with a server, and why, from main.cf's settings and the tables'
 * answers.
 *
 * Nothing here reads a file, asks a server or logs (letters outside ASCII aside, whose conversion may warn):
 * tables and files of trust anchors are asked for through the functions of the request, and what DNS says is
 * part of it. So the same question always has the same answer.
 */
#ifndef TLSPOLICY_POLICY_FIND_H
#define TLSPOLICY_POLICY_FIND_H

struct err;
struct policy_request;
struct policy_result;

/* `result` is initialised here and released by the caller in either case. 0, also when the answer is that
 * there is no delivery; -1 with the words with which the client would end at its start. */
int policy_find(const struct policy_request *request, struct policy_result *result, struct err *err)
    __attribute__((warn_unused_result));

#endif
