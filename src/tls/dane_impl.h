/* SPDX-License-Identifier: ISC */
/*
 * dane_impl: what the files behind dane.h share.
 */
#ifndef TLS_DANE_IMPL_H
#define TLS_DANE_IMPL_H

struct buf;
struct dane_record;

/* Appends "USAGE SELECTOR MTYPE HEX"; long data without its middle. */
void dane_record_put(struct buf *to, const struct dane_record *record);

#endif
