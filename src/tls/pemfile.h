/* SPDX-License-Identifier: ISC */
/*
 * pemfile: which private keys and certificates are in files, and what can be said of them.
 *
 * Several files count as one row of objects, as with the *_tls_chain_files parameters. Nothing is logged and
 * nothing is refused: what cannot be decoded is an object, too.
 */
#ifndef TLS_PEMFILE_H
#define TLS_PEMFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct pemfile;

enum pemfile_kind {
	PEMFILE_KEY,
	PEMFILE_CERTIFICATE,
	PEMFILE_OTHER, /* another type of PEM block: not for servers and clients */
	PEMFILE_BAD,   /* a key or certificate by its type, which cannot be decoded */
};

struct pemfile_object {
	enum pemfile_kind kind;
	const char *file; /* of the pemfile, as given */
	int index;        /* among the objects of its file, from 1 */
	char *type;       /* the words in its first line; "" for DER */
	bool der;         /* not PEM: no server reads it */

	/* of keys and certificates */
	bool encrypted;  /* a key that needs a pass phrase: nothing else is known of it */
	char *algorithm; /* RSA, EC, ED25519 */
	char *group;     /* of EC keys: prime256v1; else "" */
	int bits;        /* size of the key */
	bool weak_key;   /* less than 112 bits of security, or DSA */
	bool rare_key;   /* peers may not know it: a curve that is none of P-256, P-384, P-521; EdDSA */
	char digest[65]; /* of the public key, SHA-256 as TLSA "3 1 1" has it; "" when encrypted */

	/* of certificates */
	char *subject, *issuer; /* /C=../CN=.. */
	char *common_name;
	char **names; /* DNS names */
	size_t name_count;
	char *issuer_url;    /* where the issuer's certificate is (caIssuers); "" */
	char *signature;     /* sha256WithRSAEncryption */
	bool weak_signature; /* MD5 or SHA-1, not of its own */
	bool self_signed;
	bool authority;                /* basic constraints: a CA */
	bool no_server, no_client;     /* extended key usage leaves this out */
	int64_t not_before, not_after; /* seconds since 1970 */
	char cert_digest[65];          /* of the certificate, SHA-256 as TLSA "3 0 1" has it */
};

/* Without files. Freed by the caller. */
struct pemfile *pemfile_new(void);
void pemfile_free(struct pemfile *pemfile);

/* Adds the objects of a regular file; what is in no PEM block may be DER. 0, or -1: it cannot be read. */
int pemfile_add_file(struct pemfile *pemfile, const char *path, struct err *err)
    __attribute__((warn_unused_result));

/* Adds those in memory; `file` is what to call it. */
void pemfile_add(struct pemfile *pemfile, const char *file, const void *bytes, size_t len);

/* A file ended inside a PEM block. NULL: none. */
const char *pemfile_cut_off(const struct pemfile *pemfile);

/* Objects are borrowed until others are added. */
size_t pemfile_count(const struct pemfile *pemfile);
const struct pemfile_object *pemfile_object(const struct pemfile *pemfile, size_t index);

/* The first of that kind at or behind `from`; pemfile_count() when there is none. */
size_t pemfile_next(const struct pemfile *pemfile, enum pemfile_kind kind, size_t from);

/* A key and a certificate belong together. */
bool pemfile_key_fits(const struct pemfile *pemfile, size_t key, size_t cert);

/* A certificate was issued by the owner of another, as far as names, key identifiers and the signature tell.
 */
bool pemfile_is_issuer(const struct pemfile *pemfile, size_t issuer, size_t cert);

/* A certificate is for this host name, as a peer judges it. */
bool pemfile_is_for_host(const struct pemfile *pemfile, size_t cert, const char *host);

/* The data of a TLSA record is that of a certificate: `selector` 0: all of it, 1: its public key; `mtype` 0:
 * in full, 1: SHA2-256, 2: SHA2-512. */
bool pemfile_fits_record(
    const struct pemfile *pemfile, size_t cert, int selector, int mtype, const void *data, size_t len);

enum pemfile_trust {
	PEMFILE_TRUSTED,     /* leads to a known authority */
	PEMFILE_NO_ISSUER,   /* somebody's certificate is missing */
	PEMFILE_SELF_ISSUED, /* ends with a certificate that vouches for itself, and is not known */
	PEMFILE_UNTRUSTED,   /* for another reason */
};

/*
 * Whether a peer that knows the authorities of `ca_file`, `ca_path` ("": none) and, if asked, of the system
 * can verify a leaf with the certificates that follow it up to the next key. Dates do not count. `*last` is
 * the one nearest to the root that was found; `err` says more of PEMFILE_UNTRUSTED.
 */
enum pemfile_trust pemfile_trust(const struct pemfile *pemfile, size_t leaf, const char *ca_file,
    const char *ca_path, bool system, size_t *last, struct err *err);

/* The same with dates, and with the system's authorities: whether some way to an authority is valid now. */
bool pemfile_is_trusted_today(
    const struct pemfile *pemfile, size_t leaf, const char *ca_file, const char *ca_path);

#endif
