#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Every setting of the server role, one after the other, with our tlsproxy and with Postfix's: the same answer to the
# caller, the same lines in the log, the same handshake with "openssl s_client". One Postfix instance has two services
# for each row of the table, one of each kind, with the row's settings as options in master.cf.

. "$(dirname "$0")/lib.sh"
need_postfix

tool tlsproxy-caller

# --- files ---

C=$TMP/certs
make_certs "$C"

req() { # NAME SUBJECT ISSUER|self OPTIONS...: $C/NAME.key, $C/NAME.crt
	req_name=$1 req_subject=$2 req_issuer=$3
	shift 3
	if [ "$req_issuer" = self ]; then
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$C/$req_name.key" \
			-out "$C/$req_name.crt" -days 30 -subj "$req_subject" "$@" 2>/dev/null
	else
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$C/$req_name.key" \
			-out "$C/$req_name.csr" -subj "$req_subject" 2>/dev/null
		echo "${*:-basicConstraints=CA:FALSE}" >"$C/ext"
		openssl x509 -req -in "$C/$req_name.csr" -CA "$C/$req_issuer.crt" -CAkey "$C/$req_issuer.key" \
			-CAcreateserial -days 30 -extfile "$C/ext" -out "$C/$req_name.crt" 2>/dev/null
	fi
}

req ca /CN=ca self -addext basicConstraints=critical,CA:TRUE
req ca2 /CN=other-ca self -addext basicConstraints=critical,CA:TRUE
req inter /CN=inter ca basicConstraints=critical,CA:TRUE
req inter2 /CN=inter2 inter basicConstraints=critical,CA:TRUE
req leaf /CN=leaf.example.test inter
req client /CN=client.example.test ca
req client1 /CN=client1 inter
req client2 /CN=client2 inter2
req stranger /CN=stranger self
req server-only /CN=server-only ca "extendedKeyUsage=serverAuth"
req sni-mx /CN=mail.sni.test self
req sni-dom /CN=any.dom.test self
openssl x509 -req -in "$C/client.csr" -CA "$C/ca.crt" -CAkey "$C/ca.key" -days -1 -out "$C/expired.crt" 2>/dev/null
openssl req -x509 -newkey ed25519 -nodes -keyout "$C/ed.key" -out "$C/ed.crt" -days 30 -subj /CN=ed 2>/dev/null
openssl dsaparam -out "$C/dsa.param" 1024 2>/dev/null
openssl gendsa -out "$C/dsa.key" "$C/dsa.param" 2>/dev/null
openssl req -x509 -new -key "$C/dsa.key" -out "$C/dsa.crt" -days 30 -subj /CN=dsa 2>/dev/null
openssl req -x509 -newkey rsa:1024 -nodes -keyout "$C/weak.key" -out "$C/weak.crt" -days 30 -subj /CN=weak 2>/dev/null
openssl genpkey -genparam -algorithm DH -pkeyopt group:modp_1536 -out "$C/dh.pem" 2>/dev/null
openssl dhparam -dsaparam -out "$C/dhx.pem" 1024 2>/dev/null

cat "$C/leaf.key" "$C/leaf.crt" "$C/inter.crt" >"$C/chain.pem"
cat "$C/rsa.key" "$C/rsa.crt" >"$C/rsa.pem"
cat "$C/ecdsa.key" "$C/ecdsa.crt" >"$C/ecdsa.pem"
cat "$C/ed.key" "$C/ed.crt" >"$C/ed.pem"
cat "$C/rsa.pem" "$C/ecdsa.pem" >"$C/both.pem"
cat "$C/rsa.crt" "$C/rsa.key" >"$C/cert-first.pem"
cat "$C/rsa.key" "$C/ecdsa.crt" >"$C/mismatch.pem"
cat "$C/rsa.key" "$C/rsa.key" "$C/rsa.crt" >"$C/two-keys.pem"
cat "$C/weak.key" "$C/weak.crt" >"$C/weak.pem"
{ cat "$C/weak.key" "$C/weak.crt" "$C/ecdsa.key" "$C/ecdsa.crt"; } >"$C/second-rsa.pem"
{ openssl ecparam -name prime256v1; cat "$C/ecdsa.key" "$C/ecdsa.crt"; } >"$C/ec-params.pem"
cat "$C/sni-mx.key" "$C/sni-mx.crt" >"$C/sni-mx.pem"
cat "$C/sni-dom.key" "$C/sni-dom.crt" >"$C/sni-dom.pem"
openssl pkcs8 -topk8 -in "$C/rsa.key" -passout pass:x -out "$C/encrypted.key" 2>/dev/null
: >"$C/empty.pem"
echo "no PEM here" >"$C/garbage.pem"
mkdir "$C/capath"
cp "$C/ca.crt" "$C/capath/$(openssl x509 -hash -noout -in "$C/ca.crt").0"
cat >"$C/openssl.cnf" <<CONF
openssl_conf = init
postfix = init
[init]
ssl_conf = ssl
[ssl]
system_default = system
[system]
MinProtocol = TLSv1.3
CONF
echo "nonsense" >"$C/broken.cnf"

cat >"$C/sni" <<CONF
mail.sni.test $C/sni-mx.pem
.dom.test $C/sni-dom.pem, $C/rsa.pem
bad.sni.test $C/mismatch.pem
order.sni.test $C/cert-first.pem
empty.sni.test $C/empty.pem
CONF
mkdir "$C/etc"
echo "compatibility_level = 3.6" >"$C/etc/main.cf"
for type in hash btree lmdb; do
	cp "$C/sni" "$C/sni-$type"
	/usr/sbin/postmap -c "$C/etc" -F "$type:$C/sni-$type"
done
cp "$C/sni" "$C/sni-plain"
/usr/sbin/postmap -c "$C/etc" "hash:$C/sni-plain"
chmod -R a+rX "$C"
chmod 600 "$C"/*.key

# --- the table ---

# NAME | s_client options | settings, separated by ';'. Without certificate settings the chain is chain.pem.
# A name "vector N" is that of row N of vectors/server-init.tsv (comments not counted); rows that differ only in what
# other rows show have no case of their own.
cat >"$TMP/table" <<TABLE
vector 1 | | smtpd_tls_chain_files=$C/chain.pem
vector 2 | | smtpd_tls_chain_files=$C/both.pem
vector 3 | -tls1_2 | smtpd_tls_chain_files=$C/rsa.key, $C/rsa.crt, $C/ecdsa.pem
vector 4 | | smtpd_tls_chain_files=$C/cert-first.pem
vector 5 | | smtpd_tls_chain_files=$C/mismatch.pem
vector 6 | | smtpd_tls_chain_files=$C/two-keys.pem
vector 7 | | smtpd_tls_chain_files=$C/rsa.key
vector 8 | | smtpd_tls_chain_files=$C/garbage.pem
vector 9 | | smtpd_tls_chain_files=$C/rsa.pem $C/weak.pem
vector 10 | | smtpd_tls_chain_files=/nonexistent
vector 11 | | smtpd_tls_chain_files=$C/chain.pem;smtpd_tls_cert_file=$C/rsa.crt
vector 12 | | smtpd_tls_cert_file=$C/rsa.crt;smtpd_tls_key_file=$C/rsa.key
vector 13 | | smtpd_tls_cert_file=$C/cert-first.pem
vector 14 | | smtpd_tls_cert_file=/nonexistent;smtpd_tls_key_file=$C/rsa.key
vector 15 | | smtpd_tls_cert_file=$C/rsa.crt;smtpd_tls_key_file=/nonexistent
vector 16 | | smtpd_tls_cert_file=$C/rsa.crt;smtpd_tls_key_file=$C/weak.key
vector 17 | | smtpd_tls_cert_file=$C/rsa.crt;smtpd_tls_key_file=$C/rsa.key;smtpd_tls_dcert_file=$C/dsa.crt;smtpd_tls_dkey_file=$C/dsa.key;smtpd_tls_eccert_file=$C/ecdsa.crt;smtpd_tls_eckey_file=$C/ecdsa.key
vector 18 | | smtpd_tls_chain_files=
vector 19 | -tls1_2 -cipher aNULL | smtpd_tls_cert_file=none
vector 20 | | smtpd_tls_cert_file=none;smtpd_tls_ask_ccert=yes
vector 21 | | smtpd_tls_CAfile=/nonexistent;smtpd_tls_CApath=$C/capath
vector 22 | | smtpd_tls_protocols=bogus
vector 23 | | smtpd_tls_fingerprint_digest=bogus
vector 24 | | smtpd_tls_ciphers=bogus
vector 25 | | smtpd_tls_exclude_ciphers=!aNULL
vector 26 | -tls1_2 -cipher DHE-ECDSA-AES128-SHA:DHE-RSA-AES128-GCM-SHA256 | smtpd_tls_chain_files=$C/rsa.pem;smtpd_tls_dh1024_param_file=/nonexistent
vector 27 | -tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256 | smtpd_tls_chain_files=$C/rsa.pem;smtpd_tls_dh1024_param_file=$C/garbage.pem
vector 28 | -groups X25519:P-256 | tls_eecdh_auto_curves=bogus,P-256
vector 29 | | tls_eecdh_auto_curves=bogus
vector 30 | | tls_eecdh_auto_curves=wap-wsg-idm-ecid-wtls1
vector 31 | | smtpd_tls_eecdh_grade=bogus
vector 32 | | tls_session_ticket_cipher=aes-128-gcm
vector 33 | | smtpd_tls_loglevel=bogus
vector 34 | | tls_config_file=/nonexistent
vector 35 | | tls_config_file=none
vector 36 | | tls_config_file=relative
vector 38 | | smtpd_tls_req_ccert=yes
vector 39 | | smtpd_tls_chain_files=$C/chain.pem, /nonexistent
vector 40 | | smtpd_tls_chain_files=$C/rsa.pem, $C/ecdsa.pem, /nonexistent
vector 41 | | smtpd_tls_chain_files=$C/ec-params.pem
vector 42 | | smtpd_tls_chain_files=$C/rsa.pem, $C/second-rsa.pem
Ed25519 | | smtpd_tls_chain_files=$C/ed.pem
Ed25519 among others, preferred by the client | -sigalgs ed25519 | smtpd_tls_chain_files=$C/both.pem $C/ed.pem
Ed25519 as an ECDSA pair | | smtpd_tls_eccert_file=$C/ed.crt;smtpd_tls_eckey_file=$C/ed.key
DSA alone, TLS 1.2 | -tls1_2 -cipher aDSS:@SECLEVEL=0 | smtpd_tls_dcert_file=$C/dsa.crt;smtpd_tls_dkey_file=$C/dsa.key
DSA alone, TLS 1.3 | | smtpd_tls_dcert_file=$C/dsa.crt;smtpd_tls_dkey_file=$C/dsa.key
DSA where no cipher uses it | | smtpd_tls_cert_file=$C/rsa.crt;smtpd_tls_key_file=$C/rsa.key;smtpd_tls_dcert_file=$C/dsa.crt;smtpd_tls_dkey_file=$C/dsa.key;smtpd_tls_exclude_ciphers=aDSS
encrypted key | | smtpd_tls_cert_file=$C/rsa.crt;smtpd_tls_key_file=$C/encrypted.key
key in the file of the certificate, key first | | smtpd_tls_cert_file=$C/rsa.pem
tlsproxy's own setting goes first | | smtpd_tls_chain_files=$C/rsa.pem;tlsproxy_tls_chain_files=$C/ecdsa.pem
level none | | smtpd_tls_security_level=none
level empty, nothing else | | smtpd_tls_security_level=
level empty, use_tls | | smtpd_tls_security_level=;smtpd_use_tls=yes
level empty, enforce_tls | -tls1_2 | smtpd_tls_security_level=;smtpd_enforce_tls=yes;smtpd_tls_mandatory_protocols=TLSv1.3
level empty, tlsproxy_use_tls | | smtpd_tls_security_level=;tlsproxy_use_tls=yes
level empty, tlsproxy_enforce_tls | -tls1_2 | smtpd_tls_security_level=;tlsproxy_enforce_tls=yes;smtpd_tls_mandatory_protocols=TLSv1.2
level in capitals | -tls1_2 | smtpd_tls_security_level=ENCRYPT;smtpd_tls_protocols=TLSv1.3
level fingerprint | | smtpd_tls_security_level=fingerprint
level verify | | smtpd_tls_security_level=verify
level secure | | smtpd_tls_security_level=secure
level of the client role | | smtpd_tls_security_level=dane
level unknown | | smtpd_tls_security_level=bogus
protocols: only 1.2 | | smtpd_tls_protocols=TLSv1.2
protocols: range | -tls1_2 | smtpd_tls_protocols=>=TLSv1.2, <=TLSv1.2
protocols: floor not met | -tls1_2 | smtpd_tls_protocols=>=TLSv1.3
protocols: exclusion | | smtpd_tls_protocols=!TLSv1.3
protocols: by number | -tls1_2 | smtpd_tls_protocols=>=0304
protocols: TLS 1.0 | -tls1 -cipher ALL:@SECLEVEL=0 | smtpd_tls_protocols=TLSv1
protocols of encrypt | | smtpd_tls_security_level=encrypt;smtpd_tls_mandatory_protocols=<=TLSv1.2
ciphers: high | -tls1_2 | smtpd_tls_ciphers=high
ciphers: low | -tls1_2 | smtpd_tls_ciphers=low
ciphers: export | -tls1_2 | smtpd_tls_ciphers=EXPORT
ciphers: null | -tls1_2 -cipher eNULL:@SECLEVEL=0 | smtpd_tls_ciphers=null
ciphers: an own list | -tls1_2 | tls_medium_cipherlist=ECDHE-ECDSA-AES128-SHA
ciphers: a list of nothing | -tls1_2 | tls_medium_cipherlist=nonsense
ciphers: legacy list is dead | -tls1_2 | smtpd_tls_cipherlist=ECDHE-ECDSA-AES128-SHA
ciphers: mandatory | -tls1_2 | smtpd_tls_security_level=encrypt;smtpd_tls_mandatory_ciphers=high;smtpd_tls_mandatory_exclude_ciphers=AESGCM
ciphers: exclusions | -tls1_2 | smtpd_tls_exclude_ciphers=AESGCM, CHACHA20:ARIA
ciphers: all excluded, TLS 1.3 remains | | smtpd_tls_exclude_ciphers=ALL
ciphers: all excluded, TLS 1.2 | -tls1_2 | smtpd_tls_exclude_ciphers=ALL
ciphers: the client's order | -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-GCM-SHA384 |
ciphers: the server's order | -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-GCM-SHA384 | tls_preempt_cipherlist=yes
anonymous | -tls1_2 -cipher aNULL:@SECLEVEL=0 |
anonymous when a certificate is asked for | -tls1_2 -cipher aNULL:@SECLEVEL=0 | smtpd_tls_ask_ccert=yes
dh: automatic | -tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256 | smtpd_tls_chain_files=$C/rsa.pem
dh: auto | -tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256 | smtpd_tls_chain_files=$C/rsa.pem;smtpd_tls_dh1024_param_file=auto
dh: a file | -tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0 | smtpd_tls_chain_files=$C/rsa.pem;smtpd_tls_dh1024_param_file=$C/dh.pem
dh: a file of X9.42 | -tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0 | smtpd_tls_chain_files=$C/rsa.pem;smtpd_tls_dh1024_param_file=$C/dhx.pem
dh: 512 is never opened | | smtpd_tls_dh512_param_file=/nonexistent
curves: by preference | -groups P-256:P-384 | tls_eecdh_auto_curves=secp384r1 prime256v1
curves: none in common | -groups P-521 | tls_eecdh_auto_curves=prime256v1
curves: retry | -groups X25519:P-384 | tls_eecdh_auto_curves=secp384r1
ccert: asked, none given | | smtpd_tls_ask_ccert=yes;smtpd_tls_CAfile=$C/ca.crt
ccert: trusted | -cert $C/client.crt -key $C/client.key | smtpd_tls_ask_ccert=yes;smtpd_tls_CAfile=$C/ca.crt
ccert: trusted, TLS 1.2 | -tls1_2 -cert $C/client.crt -key $C/client.key | smtpd_tls_ask_ccert=yes;smtpd_tls_CAfile=$C/ca.crt
ccert: two authorities | -cert $C/client.crt -key $C/client.key | smtpd_tls_ask_ccert=yes;smtpd_tls_CAfile=$C/cas.crt
ccert: by CApath | -cert $C/client.crt -key $C/client.key | smtpd_tls_ask_ccert=yes;smtpd_tls_CApath=$C/capath
ccert: CApath is not there | -cert $C/client.crt -key $C/client.key | smtpd_tls_ask_ccert=yes;smtpd_tls_CApath=/nonexistent
ccert: no authorities | -cert $C/client.crt -key $C/client.key | smtpd_tls_ask_ccert=yes
ccert: the system's authorities, too | -cert $C/client.crt -key $C/client.key | smtpd_tls_ask_ccert=yes;smtpd_tls_CAfile=$C/ca.crt;tls_append_default_CA=yes
ccert: self-signed, words | -cert $C/stranger.crt -key $C/stranger.key | smtpd_tls_ask_ccert=yes;smtpd_tls_CAfile=$C/ca.crt;smtpd_tls_loglevel=summary,untrusted,peercert
ccert: unknown issuer | -cert $C/client.crt -key $C/client.key | smtpd_tls_ask_ccert=yes;smtpd_tls_CAfile=$C/ca2.crt;smtpd_tls_loglevel=1,untrusted
ccert: expired | -cert $C/expired.crt -key $C/client.key | smtpd_tls_ask_ccert=yes;smtpd_tls_CAfile=$C/ca.crt;smtpd_tls_loglevel=1 untrusted
ccert: not for clients | -cert $C/server-only.crt -key $C/server-only.key | smtpd_tls_ask_ccert=yes;smtpd_tls_CAfile=$C/ca.crt;smtpd_tls_loglevel=1 untrusted
ccert: depth 0, one between | -cert $C/client1.crt -key $C/client1.key -cert_chain $C/inter.crt | smtpd_tls_ask_ccert=yes;smtpd_tls_CAfile=$C/ca.crt;smtpd_tls_ccert_verifydepth=0;smtpd_tls_loglevel=1 untrusted
ccert: depth 0, two between | -cert $C/client2.crt -key $C/client2.key -cert_chain $C/inters.crt | smtpd_tls_ask_ccert=yes;smtpd_tls_CAfile=$C/ca.crt;smtpd_tls_ccert_verifydepth=0;smtpd_tls_loglevel=1 untrusted
ccert: depth 1, two between | -cert $C/client2.crt -key $C/client2.key -cert_chain $C/inters.crt | smtpd_tls_ask_ccert=yes;smtpd_tls_CAfile=$C/ca.crt;smtpd_tls_ccert_verifydepth=1;smtpd_tls_loglevel=1 untrusted
ccert: required, none given | | smtpd_tls_security_level=encrypt;smtpd_tls_req_ccert=yes;smtpd_tls_CAfile=$C/ca.crt
ccert: required, untrusted | -cert $C/stranger.crt -key $C/stranger.key | smtpd_tls_security_level=encrypt;smtpd_tls_req_ccert=yes;smtpd_tls_CAfile=$C/ca.crt
ccert: required, TLS 1.1 | -tls1_1 -cipher ALL:@SECLEVEL=0 | smtpd_tls_security_level=encrypt;smtpd_tls_req_ccert=yes;smtpd_tls_CAfile=$C/ca.crt
fingerprint: sha1 | -cert $C/client.crt -key $C/client.key | smtpd_tls_ask_ccert=yes;smtpd_tls_fingerprint_digest=sha1;smtpd_tls_loglevel=1,peercert
fingerprint: md5 | -cert $C/client.crt -key $C/client.key | smtpd_tls_ask_ccert=yes;smtpd_tls_fingerprint_digest=md5;smtpd_tls_loglevel=1,peercert
fingerprint: of old | -cert $C/client.crt -key $C/client.key | smtpd_tls_ask_ccert=yes;tls_legacy_public_key_fingerprints=yes;smtpd_tls_loglevel=1,peercert
ids: not issued | -tls1_2 | smtpd_tls_always_issue_session_ids=no;tls_ssl_options=NO_TICKET
ids: always | -tls1_2 | smtpd_tls_always_issue_session_ids=yes;tls_ssl_options=NO_TICKET
ids: always, TLS 1.3 | | smtpd_tls_always_issue_session_ids=yes;tls_ssl_options=NO_TICKET
tickets: none | -tls1_2 | tls_session_ticket_cipher=
tickets: another cipher | -tls1_2 | tls_session_ticket_cipher=aes-128-cbc
options: of the library | -tls1_2 | tls_ssl_options=NO_TICKET, 0x4, bogus
options: work-arounds | | tls_disable_workarounds=LEGACY_SERVER_CONNECT, zzz
config: a section | -tls1_2 | tls_config_file=$C/openssl.cnf;tls_config_name=postfix
config: not to be parsed | | tls_config_file=$C/broken.cnf
config: default file, named section | | tls_config_name=nosuch
config: empty | | tls_config_file=
loglevel 0 | | smtpd_tls_loglevel=0
loglevel 1 | | smtpd_tls_loglevel=1
loglevel 2 | | smtpd_tls_loglevel=2
loglevel 2, TLS 1.2 | -tls1_2 | smtpd_tls_loglevel=2
loglevel 2, certificate | -cert $C/client.crt -key $C/client.key | smtpd_tls_ask_ccert=yes;smtpd_tls_CAfile=$C/ca.crt;smtpd_tls_loglevel=debug
loglevel 2, failure | -tls1_2 -cipher aDSS:@SECLEVEL=0 | smtpd_tls_loglevel=2
loglevel 3 | | smtpd_tls_loglevel=3
loglevel 3, TLS 1.2 | -tls1_2 | smtpd_tls_loglevel=3
loglevel 4 | | smtpd_tls_loglevel=4
loglevel 9 | | smtpd_tls_loglevel=9
loglevel 10 | | smtpd_tls_loglevel=10
loglevel words | | smtpd_tls_loglevel=Verbose summary
loglevel packets of the session | -tls1_2 | smtpd_tls_loglevel=ssl-session-packet-dump
sni: no tables | -servername mail.sni.test |
sni: no tables, bad name | -servername -bad |
sni: texthash | -servername mail.sni.test | tls_server_sni_maps=texthash:$C/sni
sni: hash | -servername MAIL.Sni.test | tls_server_sni_maps=hash:$C/sni-hash
sni: lmdb | -servername mail.sni.test | tls_server_sni_maps=lmdb:$C/sni-lmdb
sni: btree | -servername mail.sni.test | tls_server_sni_maps=btree:$C/sni-btree
sni: static | -servername mail.sni.test | tls_server_sni_maps=static:$C/sni-mx.pem
sni: cidr | -servername mail.sni.test | tls_server_sni_maps=cidr:$C/sni-cidr
sni: unionmap | -servername mail.sni.test | tls_server_sni_maps=unionmap:{inline:{other.test=$C/rsa.pem}, inline:{mail.sni.test=$C/sni-mx.pem}}
sni: randmap | -servername mail.sni.test | tls_server_sni_maps=randmap:{$C/sni-mx.pem}
sni: two files | -servername mail.sni.test | tls_server_sni_maps=inline:{{mail.sni.test=$C/rsa.pem $C/sni-mx.pem}}
sni: inline | -servername mail.sni.test | tls_server_sni_maps=inline:{mail.sni.test=$C/sni-mx.pem}
sni: regexp | -servername mail.sni.test | tls_server_sni_maps=regexp:$C/sni-regexp
sni: second table | -tls1_2 -servername mail.sni.test | tls_server_sni_maps=inline:{other.test=$C/rsa.pem}, hash:$C/sni-hash
sni: no name | | tls_server_sni_maps=hash:$C/sni-hash
sni: below a domain | -servername a.b.dom.test | tls_server_sni_maps=hash:$C/sni-hash
sni: below a domain, RSA | -tls1_2 -cipher aRSA -servername x.dom.test | tls_server_sni_maps=hash:$C/sni-hash
sni: the domain itself | -servername dom.test | tls_server_sni_maps=hash:$C/sni-hash
sni: unknown | -servername nowhere.test | tls_server_sni_maps=hash:$C/sni-hash
sni: unknown, TLS 1.2 | -tls1_2 -servername nowhere.test | tls_server_sni_maps=hash:$C/sni-hash
sni: not a host name | -servername -bad.test | tls_server_sni_maps=hash:$C/sni-hash
sni: numeric | -servername 192.0.2.1 | tls_server_sni_maps=hash:$C/sni-hash
sni: empty label | -servername a..test | tls_server_sni_maps=hash:$C/sni-hash
sni: trailing dot | -servername mail.sni.test. | tls_server_sni_maps=hash:$C/sni-hash
sni: underscore | -servername a_b.test | tls_server_sni_maps=hash:$C/sni-hash
sni: not ASCII | -servername mäil.sni.test | tls_server_sni_maps=hash:$C/sni-hash
sni: label too long | -servername aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg.test | tls_server_sni_maps=hash:$C/sni-hash
sni: key and certificate differ | -servername bad.sni.test | tls_server_sni_maps=hash:$C/sni-hash
sni: certificate first | -servername order.sni.test | tls_server_sni_maps=hash:$C/sni-hash
sni: nothing in the file | -servername empty.sni.test | tls_server_sni_maps=hash:$C/sni-hash
sni: table made without -F | -servername mail.sni.test | tls_server_sni_maps=hash:$C/sni-plain
sni: no such table | -servername mail.sni.test | tls_server_sni_maps=hash:$C/nosuch
sni: no such table, no name | | tls_server_sni_maps=hash:$C/nosuch
sni: no such type | -servername mail.sni.test | tls_server_sni_maps=nosuch:x
sni: a table that fails | -servername mail.sni.test | tls_server_sni_maps=fail:x
sni: nothing in the file, without an index | -servername empty.sni.test | tls_server_sni_maps=texthash:$C/sni
sni: retry | -groups X25519:P-384 -servername mail.sni.test | tls_server_sni_maps=hash:$C/sni-hash;tls_eecdh_auto_curves=secp384r1
sni: logged in full | -servername mail.sni.test | tls_server_sni_maps=hash:$C/sni-hash;smtpd_tls_loglevel=2
sni: with a client certificate | -servername mail.sni.test -cert $C/client.crt -key $C/client.key | tls_server_sni_maps=hash:$C/sni-hash;smtpd_tls_ask_ccert=yes;smtpd_tls_CAfile=$C/ca.crt
sni: no default chain | -servername mail.sni.test | smtpd_tls_chain_files=;tls_server_sni_maps=hash:$C/sni-hash
sni: none as the default chain | -servername mail.sni.test | smtpd_tls_cert_file=none;tls_server_sni_maps=hash:$C/sni-hash
resume: ticket, TLS 1.2 | -tls1_2 -RESUME | smtpd_tls_loglevel=1,cache
resume: ticket, TLS 1.3 | -tls1_3 -RESUME | smtpd_tls_loglevel=1,cache
resume: ticket, with SNI | -tls1_2 -servername mail.sni.test -RESUME | tls_server_sni_maps=hash:$C/sni-hash
resume: ticket, with SNI, TLS 1.3 | -tls1_3 -servername mail.sni.test -RESUME | tls_server_sni_maps=hash:$C/sni-hash
resume: id, with SNI | -tls1_2 -no_ticket -servername mail.sni.test -RESUME | tls_server_sni_maps=hash:$C/sni-hash
resume: id | -tls1_2 -no_ticket -RESUME | tls_ssl_options=NO_TICKET
resume: id, TLS 1.3 | -tls1_3 -RESUME | tls_ssl_options=NO_TICKET
resume: id, logged | -tls1_2 -no_ticket -RESUME | tls_ssl_options=NO_TICKET;smtpd_tls_loglevel=1,cache
resume: id, TLS 1.3, logged | -tls1_3 -RESUME | tls_ssl_options=NO_TICKET;smtpd_tls_loglevel=1,cache
resume: with a client certificate | -tls1_2 -cert $C/stranger.crt -key $C/stranger.key -RESUME | smtpd_tls_ask_ccert=yes;smtpd_tls_loglevel=1,untrusted
parameter: bad number | | smtpd_tls_ccert_verifydepth=x
parameter: bad boolean | | smtpd_tls_ask_ccert=maybe
parameter: empty grade | | smtpd_tls_ciphers=
TABLE
cat "$C/ca.crt" "$C/ca2.crt" >"$C/cas.crt"
cat "$C/inter2.crt" "$C/inter.crt" >"$C/inters.crt"
echo "/^mail\\.sni\\.test\$/ $C/sni-mx.pem" >"$C/sni-regexp"
echo "0.0.0.0/0 $C/sni-mx.pem" >"$C/sni-cidr"

# --- what is meant to differ ---

# REGULAR EXPRESSION of case names | side | regular expression of lines that are left out on this side. Each with
# its reason before it.
cat >"$TMP/differences" <<'TABLE'
# A certificate that is put into service is told.
. | ours | ^tlsproxy_certificate_reload: certificate in service
# A client that has a ticket of TLS 1.3 never asks by id.
loglevel | stock | save session ID&.* to smtpd cache
resume: ticket, TLS 1.3 | stock | save session ID&.* to smtpd cache
sni: logged | stock | save session ID&.* to smtpd cache
# A directory that cannot be read is told before somebody misses it.
ccert: CApath is not there | ours | ^warning: tlsproxy_tls_CApath = /nonexistent: No such file
# The parameter that is read is named; Postfix first reads the one that its value comes from, too.
parameter: | stock | ^fatal: bad .*smtpd_tls_
parameter: | ours | ^fatal: bad .*tlsproxy_tls_
# No terminal is looked for that could be asked for a pass phrase.
encrypted key | stock | UI routines|problems getting password
# Postfix says nothing of a certificate that no client will ever see.
DSA where no cipher uses it | ours | ^warning: DSA certificate file
TABLE

# --- services ---

make_instance role ""
ln -sf "$BIN/tlsproxy" "$I/daemon/tlsproxy-ours"
sed -i '/^smtpd_tls_chain_files/d; /^tlsproxy_tls_loglevel/d; /^smtp_tls_security_level/d' "$I/etc/main.cf"
if [ -n "${ROLE_ONLY:-}" ]; then
	grep -E -- "$ROLE_ONLY" "$TMP/table" >"$TMP/table.some"
	mv "$TMP/table.some" "$TMP/table"
fi

n=0
while IFS='|' read -r name client settings; do
	n=$((n + 1))
	options="-o {smtpd_tls_chain_files = $C/chain.pem}"
	case $settings in
	*cert_file=*) options= ;;
	esac
	options=$options$(printf '%s' "$settings" | tr ';' '\n' | sed 's/^ *//; s/ *$//; /./!d; s/^\([A-Za-z0-9_]*\)=\(.*\)$/ -o {\1 = \2}/' | tr -d '\n')
	for side in stock ours; do
		program=tlsproxy
		[ $side = stock ] || program=tlsproxy-ours
		echo "c$n-$side unix - - n - 0 $program -o {syslog_name = c$n-$side} $options"
	done
done <"$TMP/table" >>"$I/etc/master.cf"
cases=$n
check "the instance starts" start_instance "$I" || done_testing

# --- one case ---

# What a client sees of a handshake.
client_view() {
	sed -nE 's/^(New|Reused), /&/p; /^    Cipher +: /p; /^Server Temp Key/p; /^(Peer signing digest|Peer signature type|Verification|subject=|issuer=|Acceptable client|Client Certificate Types|No client certificate CA)/p; /^(C|CN) *= /p; /^    TLS session ticket lifetime/p; s/^    Session-ID: .+/session id/p; /alert/{s/.*SSL routines:[^:]*:([^:]*):.*/\1/;p;}; s/^---.*TLSv1.3.*/&/p'
}

view() { # SIDE: of case $n with $client
	socket=$I/spool/private/c$n-$1
	at=$TMP/$1
	rm -f "$at.port" "$at.session"
	setsid "$TOOLS/tlsproxy-caller" "$socket" >"$at.port" 2>"$at.err" &
	caller=$!
	wait_for lines_in "$at.port" 1
	address=127.0.0.1:$(cat "$at.port")
	turns=1
	options=$client
	case $client in
	*-RESUME*)
		turns=2
		options=${client%%-RESUME*}${client#*-RESUME}
		;;
	esac
	case $client in
	*-servername*) ;;
	*) options="$options -noservername" ;;
	esac
	for turn in $(seq $turns); do
		again=
		[ "$turn" -eq 1 ] || again="-sess_in $at.session"
		: >"$at.out"
		# A letter that comes back says that all of the handshake, tickets included, is over.
		# shellcheck disable=SC2086 -- options are words
		{
			echo hello
			wait_for has_answer "$at.out" "c$n-$1" || true
			# Nobody is there whom the caller could wait for.
			! is_fatal "c$n-$1" || kill -- "-$caller"
			echo Q
		} | timeout 60 openssl s_client -connect "$address" $options $again -sess_out "$at.session" >"$at.out" 2>&1
		client_view <"$at.out"
	done
	! grep -qs '^tlsproxy-caller' "/proc/$caller/comm" || kill -- "-$caller" 2>/dev/null
	wait "$caller" 2>/dev/null
	grep -o 'status' "$at.err"
	# A process that cannot start says no DISCONNECT.
	wait_for case_is_logged "c$n-$1" "$turns"
}

# The letter has come back, or will not.
has_answer() { # FILE TAG
	file_has "$1" '^hello|:error:|errno=' || is_fatal "$2"
}

is_fatal() { # TAG
	log_has "$I" "$1/tlsproxy[a-z-]*\\[[0-9]+\\]: fatal"
}

case_is_logged() { # TAG TURNS
	[ "$(log_count "$I" "$1/tlsproxy[a-z-]*\\[[0-9]+\\]: DISCONNECT")" -ge "$2" ] ||
		is_fatal "$1"
}

# The lines of one service, without what no two runs have in common. What a dump looks like is for a unit test to say:
# random bytes decide where it ends, and time how often there is nothing to read.
lines_of() { # TAG
	sed -nE "s#^.* $1/tlsproxy[a-z-]*\\[[0-9]+\\]: ##p" "$I/log/maillog" |
		sed -E "s/c$n-(stock|ours)/SERVICE/g; s/(\\[127\\.0\\.0\\.1\\]):[0-9]+/\\1:PORT/g
			s/((read from|write to) )[0-9A-F]+ \\[[0-9A-F]+\\] \\([0-9]+ bytes => [0-9]+ \\(0x[0-9A-F]+\\)\\)/\\1ADDRESS/
			/^(read from|write to) .* => -1\\)/d
			/^[0-9a-f]{4} (([0-9a-f]{2}[ |]| {3}){16} |- <SPACES)/d
			s/:[a-z0-9_.\/]+\.c:[0-9]+:/:FILE:LINE:/
			s/key expiration: [0-9]+/key expiration: TIME/
			s/session [0-9A-F]{32,64}&/session ID\\&/"
}

without_differences() { # SIDE NAME
	cp "$TMP/lines" "$TMP/lines.left"
	while IFS='|' read -r names where lines; do
		case $names in '' | '#'*) continue ;; esac
		[ "$(echo $where)" = "$1" ] || continue
		printf '%s\n' "$2" | grep -qE -- "^$(echo $names)" || continue
		lines=$(printf '%s' "$lines" | sed 's/^ *//; s/ *$//')
		grep -vE -- "$lines" "$TMP/lines.left" >"$TMP/lines.new"
		mv "$TMP/lines.new" "$TMP/lines.left"
	done <"$TMP/differences"
	cat "$TMP/lines.left"
}

# Row ROW of server-init.tsv, whose words are those of smtpd: is what it says in FILE? Prints what is not.
vector_is_in() { # ROW FILE
	TABLE=$SEALPOST_TOP/tests/vectors/server-init.tsv perl -e '
		my ($row, $file) = @ARGV;
		open my $table, "<", $ENV{TABLE} or die;
		my @rows = grep { !/^#/ } <$table>;
		my $warnings = (split /\t/, $rows[$row - 1])[2];
		local (@ARGV, $/) = $file;
		my $log = <>;
		exit 0 if $warnings eq "-";
		for my $warning (split / \| /, $warnings) {
			next if $warning =~ /^TLS library problem/;
			$warning =~ s/ \((logged )?twice.*|\s+\(preceded by.*//;
			$warning =~ s/^info: //;
			$warning =~ s/won.t be enabled/can\x27t be enabled/;
			my $pattern = join ".*", map { quotemeta } split /FILE1,FILE2|FILE[12]?|KEY|DIR|CLIENT|\.\.\./, $warning, -1;
			$pattern =~ s/smtpd_tls/(smtpd|tlsproxy)_tls/g;
			next if $log =~ /$pattern/;
			print "not logged: $warning\n";
			$bad = 1;
		}
		exit $bad;' "$1" "$2"
}

n=0
while IFS='|' read -r name client settings; do
	n=$((n + 1))
	name=$(echo $name)
	view stock >"$TMP/stock.view" </dev/null &
	first=$!
	view ours >"$TMP/ours.view" </dev/null &
	wait $first $!
	for side in stock ours; do
		lines_of c$n-$side >"$TMP/lines"
		without_differences $side "$name" >"$TMP/$side.lines"
	done
	cat "$TMP/stock.view" "$TMP/stock.lines" >"$TMP/stock"
	cat "$TMP/ours.view" "$TMP/ours.lines" >"$TMP/ours"
	[ -s "$TMP/stock.view" ] && diff -u "$TMP/stock" "$TMP/ours" >"$TMP/diff"
	ok $? "$name" || diag "$(head -n 60 "$TMP/diff")"
	case $name in
	vector*)
		vector_is_in "${name#vector }" "$TMP/ours" >"$TMP/missing"
		ok $? "$name: the log has what the table says" || diag "$(cat "$TMP/missing")"
		;;
	esac
done <"$TMP/table"
is "$n" "$cases" "all cases were tried"

done_testing
