#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The subcommands of "postfix tls" under the installed postfix(1), one after the other as an administrator would use them,
# and what its smtpd then serves: the keys made, the certificates deployed, and TLSA records that openssl accepts of that very
# server.
. "$(dirname "$0")/lib.sh"

need_postfix
make_certs "$TMP/certs"
make_instance deploy postfix-tls-script
ln -sf "$BIN/postfix-tls-helper" "$I/daemon/"
sed -i '/tls/d' "$I/etc/main.cf"
ETC=$I/etc

# run NAME STATUS SUBCOMMAND...: no terminal, no environment to speak of; output in $TMP/out, $TMP/err.
run() {
	run_name=$1 run_status=$2
	shift 2
	env -i /usr/sbin/postfix -c "$ETC" tls "$@" </dev/null >"$TMP/out" 2>"$TMP/err"
	is $? "$run_status" "$run_name" || diag "$(cat "$TMP/err")"
}

said() { # REGEX NAME
	like "$(cat "$TMP/err")" "$1" "$2"
}

# The command printed behind "To deploy run:" and its like, as an administrator would paste it.
proposed() { # SUBCOMMAND
	sed -n "s/^.*: *# \(postfix .*tls $1 .*\)/\1/p" "$TMP/err" | sed 's/ \[.*//'
}

client() { # OPTION...
	openssl s_client -connect "127.0.0.1:$SMTPD_PORT" -starttls smtp -servername mx.example.test "$@" </dev/null 2>/dev/null
}

served_key() { # OPTION...
	client "$@" | openssl x509 -noout -pubkey 2>/dev/null
}

serves() { # KEYFILE OPTION...
	serves_key=$(openssl pkey -in "$1" -pubout)
	shift
	[ "$(served_key "$@")" = "$serves_key" ]
}

setting() {
	/usr/sbin/postconf -c "$ETC" -xh "$1"
}

# accepted NAME OPTION...: openssl accepts each record in $TMP/out of the server.
accepted() {
	accepted_name=$1
	shift
	accepted_any=1
	for record in $(sed -n 's/.* IN TLSA //p' "$TMP/out" | tr ' ' ,); do
		record=$(echo "$record" | tr , ' ')
		for sigalgs in ECDSA+SHA256 RSA-PSS+SHA256 ed25519; do
			client -sigalgs $sigalgs -dane_tlsa_domain mx.example.test -dane_tlsa_rrdata "$record" -verify_return_error "$@" >"$TMP/dane"
			grep -Eq '^DANE TLSA 3 1 .* matched (the )?EE certificate' "$TMP/dane" && accepted_any=0 && continue 2
		done
		diag "not accepted: $record"
		accepted_any=1
		break
	done
	ok $accepted_any "$accepted_name"
}

json() { # EXPRESSION: of the document in $TMP/out
	EXPRESSION=$1 perl -MJSON::PP -0777 -ne '$d = decode_json($_); print eval($ENV{EXPRESSION}) // "nothing"' "$TMP/out"
}

# --- from nothing to a server with a key of its own ---

run "settings of the client are at their defaults" 0 all-default-client
run "those of the server are, too" 0 all-default-server
is "$(cat "$TMP/out" "$TMP/err")" "" "nothing is said of that"
run "the client is enabled" 0 enable-client
run "the server is enabled" 0 enable-server -a ecdsa
said "# postfix -c $ETC reload" "the command proposed is for this instance"
is "$(cat "$TMP/out")" "" "standard output stays empty"
run "now the client is not at its defaults" 1 all-default-client
run "nor is the server" 1 all-default-server
run "enabling again gives advice" 0 enable-server -a ecdsa
said 'Non-default SMTP server TLS settings detected' "and says why"
EC_KEY=$(setting smtpd_tls_eckey_file)
start_instance "$I"
check "Postfix starts with what was set" [ $? -eq 0 ]
wait_for port_open "$SMTPD_PORT"
check "smtpd serves the key that was made" wait_for serves "$EC_KEY"
run "records for this port" 0 output-server-tlsa -p "$SMTPD_PORT"
like "$(cat "$TMP/out")" "^_$SMTPD_PORT\._tcp\.mx\.example\.test\. IN TLSA 3 1 1 [0-9a-f]{64}$" "have the form of records"
accepted "openssl accepts the record of the server"
run "records of the other kind" 0 output-server-tlsa -m 2 -m 1
is "$(grep -c 'TLSA 3 1 [12]' "$TMP/out")" 2 "both kinds are printed when both are asked for"
accepted "openssl accepts 3 1 2, too"
if command -v danetool >/dev/null; then
	run "records" 0 output-server-tlsa
	is "$(danetool --tlsa-rr --host mx.example.test --port 25 --proto tcp --load-certificate "$(setting smtpd_tls_eccert_file)" |
		sed 's/[()]//g; s/  */ /g; s/ $//; s/TLSA 0\(.\) 0\(.\) 0\(.\) /TLSA \1 \2 \3 /')" "$(grep TLSA "$TMP/out")" "danetool makes the same record"
else
	skip "no danetool" "danetool makes the same record"
fi

# --- a second key, deployed with the very words that were printed ---

run "an rsa key is made" 0 new-server-key
check "deploying it as printed succeeds" env -i PATH=/usr/sbin:/usr/bin:/bin sh -c "$(proposed deploy-server-cert)" 2>/dev/null
RSA_KEY=$(setting smtpd_tls_key_file)
reload_instance "$I"
check "smtpd serves the rsa key" wait_for serves "$RSA_KEY" -sigalgs RSA-PSS+SHA256
check "and the ecdsa key still" serves "$EC_KEY" -sigalgs ECDSA+SHA256
run "records of both" 0 output-server-tlsa
is "$(grep -c TLSA "$TMP/out")" 2 "there are two"
accepted "openssl accepts both of the server"
cp "$TMP/out" "$TMP/before"
run "a certificate for another name" 0 new-server-cert -a ecdsa mx.example.test other.example.test
check "is deployed as printed" env -i PATH=/usr/sbin:/usr/bin:/bin sh -c "$(proposed deploy-server-cert)" 2>/dev/null
EC_KEY=$(setting smtpd_tls_eckey_file)
run "records after that" 0 output-server-tlsa
is "$(grep TLSA "$TMP/out")" "$(grep TLSA "$TMP/before")" "are the same: the key was copied"

# --- a certificate of an authority ---

run "a request for the rsa key" 0 output-server-csr -k rsa
check "verifies" openssl req -in "$TMP/out" -verify -noout 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$TMP/ca.key" -out "$TMP/ca.crt" -days 30 -subj /CN=authority 2>/dev/null
openssl x509 -req -in "$TMP/out" -CA "$TMP/ca.crt" -CAkey "$TMP/ca.key" -CAcreateserial -days 20 -copy_extensions copy \
	-out "$TMP/leaf.crt" 2>/dev/null
cat "$TMP/leaf.crt" "$TMP/ca.crt" >"$ETC/signed.pem"
cat "$TMP/ca.crt" "$TMP/leaf.crt" >"$ETC/wrong-order.pem"
cp "$ETC/main.cf" "$TMP/main.cf"
run "a chain that begins with the authority is refused" 1 deploy-server-cert wrong-order.pem "$RSA_KEY"
said 'certificate 2 .*put it first' "with what to do"
check "and main.cf stays" cmp -s "$ETC/main.cf" "$TMP/main.cf"
run "the chain in order is deployed" 0 deploy-server-cert signed.pem "$RSA_KEY"
reload_instance "$I"
serves_chain() {
	[ "$(client -showcerts -sigalgs RSA-PSS+SHA256 | grep -c 'BEGIN CERTIFICATE')" -eq 2 ]
}
check "smtpd serves both certificates" wait_for serves_chain
check "a client that knows the authority trusts them" sh -c "openssl s_client -connect 127.0.0.1:$SMTPD_PORT -starttls smtp \
	-sigalgs RSA-PSS+SHA256 -CAfile $TMP/ca.crt -verify_hostname mx.example.test -verify_return_error </dev/null >/dev/null 2>&1"

# --- Ed25519, which takes smtpd_tls_chain_files ---

run "an ed25519 key is made" 0 new-server-key -a ed25519
said 'peers may refuse' "with a word on its use"
check "it is deployed as printed" env -i PATH=/usr/sbin:/usr/bin:/bin sh -c "$(proposed deploy-server-cert)" 2>/dev/null
ED_KEY=$(ls "$ETC"/ed25519key-*)
like "$(setting smtpd_tls_chain_files)" "$RSA_KEY, $ETC/signed.pem, $EC_KEY, .*eccert-.*, $ED_KEY, " "beside those that were there"
is "$(setting smtpd_tls_cert_file)$(setting smtpd_tls_eccert_file)" "" "the older parameters are empty now"
reload_instance "$I"
check "smtpd serves it" wait_for serves "$ED_KEY" -sigalgs ed25519
check "the rsa key as well" serves "$RSA_KEY" -sigalgs RSA-PSS+SHA256
check "and the ecdsa key" serves "$EC_KEY" -sigalgs ECDSA+SHA256
run "records of all three" 0 output-server-tlsa
is "$(grep -c TLSA "$TMP/out")" 3 "there are three"
accepted "openssl accepts all three of the server"
run "a key by its algorithm" 0 output-server-csr -k ed25519
check "gives a request" openssl req -in "$TMP/out" -verify -noout 2>/dev/null

unlike "$(cat "$I/log/maillog")" 'smtpd.*warning: Both' "smtpd finds nothing odd about the settings"

# --- with chain files in use ---

run "a new rsa key" 0 new-server-key -b 3072
check "is deployed as printed" env -i PATH=/usr/sbin:/usr/bin:/bin sh -c "$(proposed deploy-server-cert)" 2>/dev/null
NEW_KEY=$(ls -t "$ETC"/key-* | head -n 1)
unlike "$(setting smtpd_tls_chain_files)" "$RSA_KEY" "it takes the place of the old one in smtpd_tls_chain_files"
reload_instance "$I"
check "smtpd serves it" wait_for serves "$NEW_KEY" -sigalgs RSA-PSS+SHA256
check "and the others still" serves "$ED_KEY" -sigalgs ed25519
run "a certificate for the rsa key in use" 0 new-server-cert
is "$(openssl pkey -in "$(ls -t "$ETC"/key-* | head -n 1)" -pubout)" "$(openssl pkey -in "$NEW_KEY" -pubout)" "copies that one"
cat "$TMP/certs/rsa.key" "$TMP/certs/rsa.crt" "$TMP/certs/ecdsa.key" "$TMP/certs/ecdsa.crt" >"$ETC/both.pem"
cp "$ETC/main.cf" "$TMP/main.cf"
/usr/sbin/postconf -c "$ETC" -e "smtpd_tls_chain_files = $ETC/both.pem"
cp "$TMP/certs/rsa.key" "$TMP/certs/rsa.crt" "$ETC"
run "one of two keys in a file cannot be replaced" 1 deploy-server-cert rsa.crt rsa.key
said 'both.pem .*several keys' "which is said"
run "but both are published" 0 output-server-tlsa
is "$(grep -c TLSA "$TMP/out")" 2 "from one file"
/usr/sbin/postconf -c "$ETC" -e "smtpd_tls_chain_files = $ETC/gone.pem"
run "chain files that are not there are no keys" 1 output-server-tlsa
is "$(cat "$TMP/out")" "" "nothing is printed then"
run "nothing is deployed beside them" 1 deploy-server-cert rsa.crt rsa.key
run "unless by force" 0 deploy-server-cert --force rsa.crt rsa.key
is "$(setting smtpd_tls_chain_files)" "$ETC/rsa.key, $ETC/rsa.crt" "which puts the pair in their place"
cp "$TMP/main.cf" "$ETC/main.cf"

# --- what is wrong is said, or refused ---

if command -v faketime >/dev/null; then
	faketime -f '-400d' openssl req -x509 -new -key "$ETC/rsa.key" -days 30 -out "$ETC/expired.crt" -subj /CN=mx.example.test \
		-addext subjectAltName=DNS:mx.example.test 2>/dev/null
	run "an expired certificate is refused" 1 deploy-server-cert expired.crt rsa.key
	said 'has expired on .*get a new one' "with what to do"
	run "--force deploys it" 0 deploy-server-cert --force expired.crt rsa.key
	said 'warning: .*has expired' "with a warning"
	faketime -f '+400d' openssl req -x509 -new -key "$ETC/rsa.key" -days 30 -out "$ETC/future.crt" -subj /CN=mx.example.test \
		-addext subjectAltName=DNS:mx.example.test 2>/dev/null
	run "one that is not valid yet is deployed" 0 deploy-server-cert future.crt rsa.key
	said 'not valid before' "with a warning"
	run "--strict refuses it" 1 deploy-server-cert --strict future.crt rsa.key
else
	skip "no faketime" "certificates of other times"
fi
openssl req -x509 -new -key "$ETC/rsa.key" -days 30 -out "$ETC/other.crt" -subj /CN=other.example \
	-addext subjectAltName=DNS:other.example 2>/dev/null
run "a certificate for another name is deployed" 0 deploy-server-cert other.crt rsa.key
said 'not for myhostname \(mx.example.test\), but for other.example' "with a warning"
run "--strict refuses it, too" 1 deploy-server-cert --strict other.crt rsa.key
chmod 644 "$ETC/rsa.key"
run "a key that everybody can read is deployed" 0 deploy-server-cert rsa.crt rsa.key
said 'readable by everybody: "chmod o=' "with what to do"
run "or not" 1 deploy-server-cert --strict rsa.crt rsa.key
chmod 600 "$ETC/rsa.key"
openssl req -x509 -newkey rsa:1024 -nodes -keyout "$ETC/weak.key" -out "$ETC/weak.crt" -days 30 -subj /CN=mx.example.test \
	-addext subjectAltName=DNS:mx.example.test 2>/dev/null
run "a weak key is deployed" 0 deploy-server-cert weak.crt weak.key
said 'too weak' "with a warning"
run "weak sizes are refused by --strict" 1 new-server-key --strict -b 1024
printf 'submission inet n - n - - smtpd\n -o smtpd_tls_cert_file=/elsewhere.pem -o { smtpd_tls_chain_files = /a, /b }\n' >>"$ETC/master.cf"
run "settings in master.cf" 0 deploy-server-cert rsa.crt rsa.key
said 'service submission/inet in master.cf has "-o smtpd_tls_chain_files=/a, /b"' "are pointed out"
long=$(printf 'a%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30)
long=$long.$long.$long.example.test
run "a name of more than 64 characters" 0 new-server-key -a ecdsa "$long"
check "is among the DNS names" sh -c "openssl x509 -in $(ls -t "$ETC"/eccert-* | head -n 1) -noout -checkhost $long | grep -q 'does match'"
for odd in 'mx$HOME' 'mx example' "$(printf 'mx\377')" 'mx/CN=x' "$(printf 'm\303\274')" '' "$(printf 'a%.0s' 1 2 3 4 5 6 7)$long$long$long"; do
	run "a name with odd bytes is refused: $(printf %s "$odd" | tr -cd '!-~' | cut -c 1-20)" 1 new-server-key mx.example.test "$odd"
done
run "bad ports are usage errors" 1 output-server-tlsa -p 0
run "bad digests, too" 1 output-server-tlsa -m 3
run "a missing key" 1 output-server-tlsa rsa.key none.key
is "$(cat "$TMP/out")" "" "leaves standard output empty"
run "garbage as a key" 1 output-server-csr -k main.cf
said 'fatal: Could not read private key' "is an error on standard error"
check "and in the log" wait_for log_has "$I" 'fatal: Could not read private key'

# --- for programs ---

cp "$TMP/main.cf" "$ETC/main.cf"
run "records as JSON" 0 output-server-tlsa --json -p 465
is "$(json '$d->{records}[0]{owner}')" "_465._tcp.mx.example.test." "have their owner"
is "$(json 'scalar @{$d->{records}}')" 3 "and are as many"
run "a request as JSON" 0 output-server-csr --json
like "$(json '$d->{csr}')" 'BEGIN CERTIFICATE REQUEST' "holds it"
run "defaults as JSON" 1 all-default-server --json
is "$(json '$d->{all_default}')" 0 "say no"
is "$(json '$d->{overrides}[0]{service}')" submission "and what master.cf has"
run "a new key as JSON" 0 new-server-key --json -a ecdsa
check "names the key" [ -f "$(json '$d->{key}')" ]
run "a deployed pair as JSON" 0 deploy-server-cert --json rsa.crt rsa.key
is "$(json '$d->{settings}{smtpd_tls_chain_files} =~ m{rsa.key}')" 1 "has what was set"
run "enabling as JSON" 0 enable-server --json
is "$(json '$d->{changed}')" 0 "says that nothing was changed"

# --- other places ---

check "MAIL_CONFIG is as good as -c" sh -c "env -i MAIL_CONFIG=$ETC /usr/sbin/postfix tls output-server-tlsa >$TMP/out 2>/dev/null"
like "$(cat "$TMP/out")" 'IN TLSA 3 1 1' "and prints the same"
check "closed descriptors do no harm" sh -c "env -i /usr/sbin/postfix -c $ETC tls all-default-server <&- >&- 2>&-; [ \$? -eq 1 ]"
mkdir "$I/snakeoil"
cp "$ETC/master.cf" "$I/snakeoil"
{ sed '/tls/d' "$TMP/main.cf" && cat <<CONF; } >"$I/snakeoil/main.cf"
smtpd_tls_cert_file=$TMP/certs/rsa.crt
smtpd_tls_key_file=$TMP/certs/rsa.key
smtpd_tls_security_level=may
smtp_tls_CApath=/etc/ssl/certs
smtp_tls_security_level=may
smtp_tls_session_cache_database = btree:\${data_directory}/smtp_scache
CONF
ETC=$I/snakeoil
cp "$ETC/main.cf" "$TMP/main.cf"
run "settings as Debian has them are not the defaults" 1 all-default-server
run "those of the client neither" 1 all-default-client
run "enabling the server gives advice" 0 enable-server
run "enabling the client, too" 0 enable-client
check "and main.cf stays" cmp -s "$ETC/main.cf" "$TMP/main.cf"
run "the key is published" 0 output-server-tlsa
is "$(grep -c TLSA "$TMP/out")" 1 "it is one"

# --- whoever calls, from wherever ---

mkdir "$I/odd"
cp "$I/etc/master.cf" "$I/odd"
sed '/tls/d' "$TMP/main.cf" >"$I/odd/main.cf"
ETC=$I/odd
check "another language, time zone and file mask" sh -c "umask 0777; trap '' HUP; env -i LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8 \
	TZ=Asia/Kolkata /usr/sbin/postfix -c $ETC tls enable-server -a ed25519 </dev/null >$TMP/out 2>$TMP/err"
like "$(setting smtpd_tls_chain_files)" "^$ETC/ed25519key-[0-9]{8}-[0-9]{6}.pem, $ETC/ed25519cert-" "an ed25519 key alone is served as chain"
is "$(stat -c %a "$ETC"/ed25519key-* "$ETC"/ed25519cert-* "$ETC/main.cf" | tr '\n' ' ')" "600 644 644 " "modes are what they should be"
run "settings are not the defaults any more" 1 all-default-server
done_testing
