/* SPDX-License-Identifier: ISC */
/*
 * address_list: a list of client addresses, in the form of mynetworks: addresses and networks, /file/name,
 * TYPE:TABLE, and ! before any of them; the first that fits decides.
 *
 * It is read whole when it is made, so questions touch no file. What cannot be used is warned about and ends
 * the search: who comes so far is not in the list. No names are looked up: a host name fits nobody, and with
 * ! before it cannot be used.
 */
#ifndef MAIL_ADDRESS_LIST_H
#define MAIL_ADDRESS_LIST_H

#include <stdbool.h>

struct address_list;

/* `title` is the parameter's name. Freed by the caller. */
struct address_list *address_list_new(const char *title, const char *patterns);
void address_list_free(struct address_list *list);

/* `address` has no brackets. Text that is no address is in no list. */
bool address_list_has(const struct address_list *list, const char *address);

#endif
