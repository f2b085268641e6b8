#!/bin/sh
# SPDX-License-Identifier: ISC
#
# "postfix tls status": what our tlsmgr and tlsproxy tell of themselves, in words and as JSON; with Postfix's programs
# it says what it cannot know.
. "$(dirname "$0")/lib.sh"
[ -x "$BIN/master" ] || skip_all "our master is not built"
make_certs "$TMP/certs"
JAIL=n
[ "$(id -u)" -ne 0 ] || JAIL=y
make_own_instance own $JAIL
cat >>"$I/etc/main.cf" <<CONF
smtpd_tls_session_cache_database = btree:$I/data/smtpd_scache
smtpd_tls_eccert_file = $TMP/certs/ecdsa.crt
smtpd_tls_eckey_file = $TMP/certs/ecdsa.key
CONF

# status [--json]: what it says goes to $SAID.
status() {
	SAID=$("$BIN/postfix" -c "$I/etc" tls status "$@" 2>"$TMP/stderr")
}

# json PATH: words with dots between, numbers are places in a list.
json() {
	printf '%s' "$SAID" | perl -MJSON::PP -e 'local $/; my $at = decode_json(<STDIN>);
		for (split /\./, $ARGV[0]) { $at = ref $at eq "ARRAY" ? ($_ eq "count" ? @$at : $at->[$_]) : $at->{$_} }
		print $at' "$1"
}

session() { # OPTION FILE
	printf 'EHLO client.test\r\nQUIT\r\n' | openssl s_client -starttls smtp -connect "127.0.0.1:$PORT" "$1" "$2" -ign_eof \
		>/dev/null 2>&1
}

# The peer sees the end of a session before it is counted.
counted() { # PATH NUMBER
	status --json && [ "$(json "$1")" = "$2" ]
}

ends_with() { # FILE ALGORITHM: what status says of a certificate file
	printf '%s\n' "$SAID" | sed -n "s,^    $1: ,,p"
}

digest_of() { # CERTIFICATE
	openssl x509 -in "$1" -outform DER | openssl dgst -sha256 -r | cut -d ' ' -f 1
}

key_digest_of() { # CERTIFICATE
	openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d ' ' -f 1
}

status
is $? 1 "nothing runs: status 1"
like "$SAID" "^tlsmgr: not running: connect to $I/spool/private/tlsmgr: " "and it says what is missing"
like "$SAID" "^    $TMP/certs/rsa.crt: whether it is served is not known$" "and what it cannot know"
status --jsom
is $? 1 "an unknown option: status 1"
like "$(cat "$TMP/stderr")" "usage: postfix tls status \[--json\]" "and its usage"

"$BIN/postfix" -c "$I/etc" start >"$I/log/start" 2>&1
ok $? "starts"
session -sess_out "$TMP/session"
session -sess_in "$TMP/session"
openssl s_client -starttls smtp -connect "127.0.0.1:$PORT" -tls1_2 -cipher NULL-SHA256:@SECLEVEL=0 </dev/null >/dev/null 2>&1
check "a full handshake is counted" wait_for counted tlsproxy.processes.0.server_full 1
check "and one that was resumed" wait_for counted tlsproxy.processes.0.server_resumed 1
check "and one that failed" wait_for counted tlsproxy.processes.0.server_failed 1
is "$(json tlsproxy.processes.0.client_full)" 0 "the other role had none"
check "nobody is left" wait_for counted tlsproxy.processes.0.sessions 0
is "$(json tlsproxy.processes.0.pid)" "$(pids_of "$I" tlsproxy)" "the process is named"
is "$(json tlsproxy.processes.0.generation)" 1 "it serves what it found at its start"
for number in 0 1; do
	case $(json tlsproxy.processes.0.certificates.$number.kind) in
	RSA) served=$TMP/certs/rsa.crt ;;
	*) served=$TMP/certs/ecdsa.crt ;;
	esac
	is "$(json tlsproxy.processes.0.certificates.$number.sha256)" "$(digest_of "$served")" "certificate $number"
	is "$(json tlsproxy.processes.0.certificates.$number.key_sha256)" "$(key_digest_of "$served")" "its key, as in TLSA"
	is "$(json tlsproxy.processes.0.certificates.$number.names)" mx.example.test "its name"
	is "$(json files.$number.served)" 1 "what is configured is served"
done
is "$(json tlsproxy.processes.0.certificates.count)" 2 "there is no third"
is "$(json tlsmgr.state)" running "tlsmgr runs"
is "$(json tlsmgr.smtpd_enabled)" 1 "and has a cache"

status
is $? 0 "status 0"
is "$(cat "$TMP/stderr")" "" "nothing to complain about"
like "$SAID" '^tlsmgr: running for [0-9]+ [a-z]+, [0-9]+ clients?$' "tlsmgr in words"
like "$SAID" '^    smtpd sessions: [0-9]+ \([0-9]+ bytes\), found by 0 of 0 look-ups$' "its cache"
like "$SAID" '^    smtp sessions: no cache is configured$' "a cache that there is not"
like "$SAID" '^    ticket keys: 1 \(random.*\); the newest is good for [0-9]+ minutes$' "its keys"
like "$SAID" '^tlsproxy: 1 process, 0 sessions now; since 20..-..-.. ..:..:.. UTC:$' "tlsproxy in words"
like "$SAID" '^    server role: 2 handshakes, 1 of them resumed \(50 %\); 1 failed$' "its handshakes"
like "$SAID" '^    serves: RSA, names mx.example.test, until 20' "a certificate"
like "$SAID" '^    certificates: generation 1$' "which it has had since its start"
like "$SAID" "^        key, as in TLSA 3 1 1, $(key_digest_of "$TMP/certs/rsa.crt")$" "its key"
is "$(printf '%s\n' "$SAID" | grep -c ': is what is served$')" 2 "files and what is served are the same"

# --- a certificate that is changed, first into one that cannot be served ---

openssl req -x509 -key "$TMP/certs/rsa.key" -out "$TMP/other.crt" -days 30 -subj /CN=other.example.test \
	-addext subjectAltName=DNS:other.example.test 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -out "$TMP/wrong.crt" -days 30 -subj /CN=wrong.example.test 2>/dev/null
cp "$TMP/wrong.crt" "$TMP/certs/new" && mv "$TMP/certs/new" "$TMP/certs/rsa.crt"
status
like "$SAID" "^    $TMP/certs/rsa.crt: IS NOT WHAT IS SERVED: " "a certificate of another key is not served, and it says so"
cp "$TMP/other.crt" "$TMP/certs/new" && mv "$TMP/certs/new" "$TMP/certs/rsa.crt"
check "a good one is served" wait_for counted tlsproxy.processes.0.generation 2
status
like "$SAID" '^    serves: RSA, names other.example.test, ' "and named"
like "$SAID" '^    certificates: generation 2$' "as the second"
unlike "$SAID" 'IS NOT WHAT IS SERVED' "files and what is served are the same again"

# --- chain files, one of which has become nonsense ---

echo "smtpd_tls_chain_files = $TMP/certs/rsa.key $TMP/certs/rsa.crt $TMP/certs/ecdsa.key $TMP/certs/ecdsa.crt" >>"$I/etc/main.cf"
cp "$TMP/certs/rsa.crt" "$TMP/kept"
echo x >"$TMP/certs/rsa.crt"
status
like "$SAID" "^    $TMP/certs/rsa.key: no certificate of this key follows it$" "a key without its certificate is named"
cp "$TMP/kept" "$TMP/certs/rsa.crt"
sed -i '/chain_files/d' "$I/etc/main.cf"

# --- processes that are gone ---

kill -9 "$(pids_of "$I" tlsproxy)"
check "a killed process is none" wait_for counted tlsproxy.processes.count 0
is "$(json tlsproxy.ended.server_full) $(json tlsproxy.ended.server_resumed) $(json tlsproxy.ended.server_failed)" "1 1 1" \
	"what it counted is not lost"
session -sess_out "$TMP/session"
check "the next one begins anew" wait_for counted tlsproxy.processes.0.server_full 1
is "$(json tlsproxy.ended.server_full)" 1 "and keeps the past"
is "$(stat -c '%a %U' "$I/data/tlsproxy_status")" "600 $OWNER" "the file is mail_owner's alone"
stop_instance "$I"

# --- a file that cannot be had ---

echo "tlsproxy_status_file = $TMP/nowhere/status" >>"$I/etc/main.cf"
"$BIN/postfix" -c "$I/etc" start >"$I/log/start" 2>&1
session -sess_out "$TMP/session"
check "without a place for it sessions are as ever" test -s "$TMP/session"
check "there is a warning" wait_for log_has "$I" "warning: tlsproxy_status_file: open $TMP/nowhere/status: No such file or directory: nothing is counted"
status
like "$SAID" "^tlsproxy: nothing is known of it: open $TMP/nowhere/status: No such file" "and status says so"
stop_instance "$I"

# --- beside Postfix's own ---

if [ "$(id -u)" -ne 0 ] || [ ! -x $POSTFIX_SBIN/master ]; then
	skip "needs root and Debian's postfix" "Postfix's tlsmgr"
	done_testing
fi
make_instance stock ""
ln -sf "$BIN/postfix-tls-script" "$I/daemon/postfix-tls-script"
ln -sf "$BIN/postfix-tls-helper" "$I/daemon/postfix-tls-helper"
start_instance "$I"
ok $? "Postfix starts"
SAID=$(/usr/sbin/postfix -c "$I/etc" tls status 2>"$TMP/stderr")
is $? 0 "Postfix's tlsmgr: status 0"
like "$SAID" "^tlsmgr: running, but it tells nothing of itself, as Postfix's own$" "and that it does not tell"
done_testing
