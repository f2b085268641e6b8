#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Bad input gets one clear line that says what, where and why, and nothing else breaks: certificates and keys that
# cannot be used, values nobody knows, syntax errors, a port that is taken, garbage on every socket. Our own master
# runs our own daemons, as whoever runs the test.
. "$(dirname "$0")/lib.sh"
[ -x "$BIN/master" ] || skip_all "our master is not built"
make_certs "$TMP/certs"
openssl genrsa -out "$TMP/certs/other.key" 2048 2>/dev/null

# An instance with good settings, in $I. Lines on standard input are added to main.cf.
new_instance() { # NAME
	make_own_instance "$1" n
	cat >>"$I/etc/main.cf"
}

start() {
	"$BIN/postfix" -c "$I/etc" start >"$I/log/start" 2>&1
}

# What STARTTLS is answered with.
starttls_reply() {
	timeout 60 perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or exit;
		sub reply { while (defined(my $l = <$s>)) { return $l if $l =~ /^\d+ / } "" }
		reply(); print $s "EHLO client.test\r\n"; reply(); print $s "STARTTLS\r\n"; print substr(reply(), 0, 3)' "$PORT"
}

# --- certificates and keys: the service runs, STARTTLS is refused, the log says why ---

refused() { # NAME LOG-REGEX, main.cf lines on standard input
	new_instance "$1"
	start
	ok $? "$1: master starts"
	is "$(starttls_reply)" 454 "$1: STARTTLS is refused, the session goes on"
	check "$1: the log says why" wait_for log_has "$I" "$2"
	stop_instance "$I"
}

refused missing-certificate "tlsproxy.*warning: cannot get RSA certificate from file \"$TMP/none.pem\": disabling TLS support" <<CONF
smtpd_tls_cert_file = $TMP/none.pem
CONF
refused missing-key "tlsproxy.*warning: cannot get RSA private key from file \"$TMP/none.pem\": disabling TLS support" <<CONF
smtpd_tls_key_file = $TMP/none.pem
CONF
refused key-of-another "tlsproxy.*warning: TLS library problem: .*key values mismatch" <<CONF
smtpd_tls_cert_file = $TMP/certs/rsa.crt
smtpd_tls_key_file = $TMP/certs/other.key
CONF
refused no-certificate "tlsproxy.*warning: No server certs available. TLS can't be enabled" <<CONF
smtpd_tls_cert_file =
CONF
refused bad-protocols "tlsproxy.*warning: Invalid TLS protocol list \"TLSv9\": disabling TLS support" <<CONF
smtpd_tls_protocols = TLSv9
CONF
if [ "$(id -u)" -eq 0 ]; then
	skip "root reads every file" "unreadable-key"
else
	cp "$TMP/certs/rsa.key" "$TMP/locked.key"
	chmod 0 "$TMP/locked.key"
	refused unreadable-key "tlsproxy.*warning: .*locked.key.*Permission denied|cannot get RSA private key from file \"$TMP/locked.key\"" <<CONF
smtpd_tls_key_file = $TMP/locked.key
CONF
fi

# --- values that end a daemon: its line, status 1, and master goes on ---

fatal() { # NAME LOG-REGEX
	new_instance "$1"
	start
	starttls_reply >/dev/null
	check "$1: the daemon says why" wait_for log_has "$I" "fatal: $2"
	check "$1: master reports the status" wait_for log_has "$I" 'master.*warning: process .*/tlsproxy pid [0-9]+ exit status 1'
	check "$1: master goes on" kill -0 "$(master_pid "$I")"
	stop_instance "$I"
}

# What tlsgate has from tlsproxy is set for it: it would end for the same reason before anybody calls tlsproxy.
fatal unknown-level 'Invalid TLS level "bogus"' <<CONF
smtpd_tls_security_level = bogus
tlsgate_tls_security_level = may
CONF
fatal bad-boolean 'bad boolean configuration: tlsproxy_tls_ask_ccert = maybe' <<CONF
tlsproxy_tls_ask_ccert = maybe
tlsgate_tls_ask_ccert = no
CONF
fatal bad-number '.*tlsproxy_tls_ccert_verifydepth' <<CONF
tlsproxy_tls_ccert_verifydepth = deep
CONF

fatal bad-expansion 'dictionary mail_dict: macro processing error' <<CONF
smtpd_tls_CAfile = \${open
CONF

# --- what keeps the system from starting: one line on standard error, status 1 ---

no_start() { # NAME REGEX
	start
	is $? 1 "$1: status 1"
	like "$(cat "$I/log/start")" "$2" "$1: says why on standard error"
	check "$1: nothing runs" wait_for no_master
}

no_master() {
	no_master_pid=$(master_pid "$I")
	[ -z "$no_master_pid" ] || gone "$no_master_pid"
}

new_instance no-equals <<CONF
this is no assignment
CONF
no_start no-equals "main.cf, line [0-9]+: missing '=' after attribute name"

new_instance master-syntax </dev/null
echo 'tlsproxy unix - - n' >>"$I/etc/master.cf"
no_start master-syntax 'fatal: .*master.cf: line [0-9]+: missing "wakeup_time" field'

if [ "$(id -u)" -eq 0 ]; then
	new_instance unknown-owner </dev/null
	sed -i 's/^mail_owner.*/mail_owner = no-such-user/' "$I/etc/main.cf"
	no_start unknown-owner 'fatal: file .*main.cf: parameter mail_owner: unknown user name value: no-such-user'
else
	skip "an ordinary user runs everything as himself" "unknown-owner"
fi

long=$(printf '%0120d' 1)
new_instance long-name <<CONF
queue_directory = $TMP/$long
CONF
no_start long-name "fatal: queue_directory is too long a name for the log's socket: $TMP/$long/public/postlog"
check "long-name: nothing is made" test ! -e "$TMP/$long"

for directory in command daemon data queue; do
	new_instance relative-$directory <<-CONF
	${directory}_directory = a/b
	CONF
	no_start relative-$directory "fatal: file .*main.cf: parameter ${directory}_directory: not an absolute path: a/b"
done

new_instance no-postlog </dev/null
sed -i '/^postlog/d' "$I/etc/master.cf"
no_start no-postlog "fatal: missing 'postlog' service in master.cf, which maillog_file needs: see postlogd\(8\)"

new_instance no-log-folder <<CONF
maillog_file = $TMP/no-log-folder/none/maillog
CONF
no_start no-log-folder "fatal: open logfile '$TMP/no-log-folder/none/maillog': No such file or directory"

new_instance port-in-use </dev/null
perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(Listen => 1, ReuseAddr => 1, LocalAddr => "127.0.0.1", LocalPort => $ARGV[0]) or die;
	$| = 1; print "ready\n"; sleep 600' "$PORT" >"$TMP/holder" &
PIDS="$PIDS $!"
wait_for file_has "$TMP/holder" ready
no_start port-in-use "fatal: bind 127.0.0.1 port $PORT: Address already in use"

# --- a daemon started by hand says what is wrong, on the terminal ---

if command -v script >/dev/null; then
	for program in tlsmgr tlsproxy tlsgate postlogd; do
		said=$(MAIL_CONFIG=$TMP/nowhere script -qec "$BIN/$program" /dev/null </dev/null 2>&1)
		like "$said" "fatal: open $TMP/nowhere/main.cf: No such file" "$program by hand: no main.cf"
		said=$(MAIL_CONFIG=$I/etc script -qec "$BIN/$program" /dev/null </dev/null 2>&1)
		like "$said" "fatal: do not run this command by hand" "$program by hand"
	done
else
	skip "no script(1)" "daemons by hand"
fi

# --- garbage on each socket: that connection ends, the next one is served ---

new_instance garbage </dev/null
start
ok $? "garbage: master starts"
is "$(starttls_reply)" 220 "garbage: STARTTLS works before"

garbage() { # SOCKET
	head -c 20000 /dev/urandom | perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die;
		$SIG{PIPE} = "IGNORE"; local $/; my $bytes = <STDIN>;
		print $s $bytes; $s->flush; shutdown $s, 1; 1 while sysread $s, my $got, 4096' "$1"
}

for n in 1 2 3 4 5; do
	garbage "$I/spool/private/tlsproxy"
	garbage "$I/spool/private/tlsmgr"
	head -c 20000 /dev/urandom | perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or die;
		$SIG{PIPE} = "IGNORE"; local $/; my $bytes = <STDIN>;
		print $s $bytes; $s->flush; shutdown $s, 1; 1 while sysread $s, my $got, 4096' "$PORT"
done
check "garbage: tlsproxy says so" wait_for log_has "$I" 'tlsproxy.*warning: tlsp_get_request_event: receive request attributes: '
check "garbage: tlsmgr says so" wait_for log_has "$I" 'tlsmgr.*warning: un?expected '
is "$(starttls_reply)" 220 "garbage: STARTTLS works after"
unlike "$(cat "$I/log/maillog")" 'fatal|panic|killed by|exit status' "garbage: no daemon died"
done_testing
