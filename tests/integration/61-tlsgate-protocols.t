#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tlsgate in front of a real Dovecot: IMAP, POP3, ManageSieve and LMTP with STARTTLS, by curl and openssl, and what may be
# said before TLS. Then somebody in the middle adds commands behind STARTTLS: a server that writes down what it hears shows
# that none of them arrives.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gate.sh"

need_postfix
[ -x "$BIN/tlsgate" ] && [ -x "$BIN/tlsproxy" ] && [ -x "$BIN/tlsmgr" ] || skip_all "needs tlsgate, tlsproxy, tlsmgr"
need_dovecot
command -v curl >/dev/null || skip_all "needs curl"
make_certs "$TMP/certs"

# start_recorder PROTOCOL PORT: a server that answers as little as it can, offers STARTTLS itself, and writes the lines it
# hears to $TMP/heard.PROTOCOL.
start_recorder() {
	perl -MIO::Socket::INET -e '
		my ($protocol, $port, $heard) = @ARGV;
		my %greeting = (imap => "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN STARTTLS] ready\r\n", pop3 => "+OK ready\r\n",
			smtp => "220 back.example ESMTP\r\n",
			sieve => "\"IMPLEMENTATION\" \"x\"\r\n\"SASL\" \"PLAIN\"\r\n\"STARTTLS\"\r\nOK\r\n");
		my %answer = (imap => sub { (/^(\S+)/)[0] . " OK done\r\n" },
			pop3 => sub { /^CAPA/i ? "+OK\r\nUSER\r\nSTLS\r\nSASL PLAIN\r\n.\r\n" : "+OK\r\n" },
			smtp => sub { /^EHLO/i ? "250-back.example\r\n250-AUTH PLAIN\r\n250-STARTTLS\r\n250 DSN\r\n" : /^QUIT/i ? "221 x\r\n" : "250 Ok\r\n" },
			sieve => sub { "OK\r\n" });
		$SIG{CHLD} = "IGNORE";
		$SIG{PIPE} = "IGNORE";
		my $l = IO::Socket::INET->new(Listen => 20, ReuseAddr => 1, LocalAddr => "127.0.0.1", LocalPort => $port) or die;
		while (1) {
			my $s = $l->accept or next;
			next if fork;
			open(my $log, ">>", $heard) or die;
			$log->autoflush(1);
			print $s $greeting{$protocol};
			while (<$s>) { print $log $_; print $s $answer{$protocol}->() }
			exit;
		}' "$1" "$2" "$TMP/heard.$1" >"$TMP/recorder.$1" 2>&1 &
	PIDS="$PIDS $!"
	wait_for port_open "$2" || diag "$(cat "$TMP/recorder.$1")"
}

# start_listener PORT: writes what the header of each connection says to $TMP/headers, and repeats all that follows.
start_listener() {
	perl -MIO::Socket::INET -MSocket -e '
		my ($port, $file) = @ARGV;
		$SIG{CHLD} = "IGNORE";
		my $l = IO::Socket::INET->new(Listen => 20, ReuseAddr => 1, LocalAddr => "127.0.0.1", LocalPort => $port) or die;
		while (1) {
			my $s = $l->accept or next;
			next if fork;
			open(my $out, ">>", $file) or die;
			$out->autoflush(1);
			read($s, my $head, 16) == 16 or exit;
			my ($magic, $command, $family, $len) = unpack("a12 C C n", $head);
			$magic eq "\r\n\r\n\0\r\nQUIT\n" or exit;
			read($s, my $body, $len);
			my ($from, $to, $fport, $tport, $tlv) = unpack("a4 a4 n n a*", $body);
			printf $out "command=%x family=%x from=%s:%d to=%s:%d", $command, $family, inet_ntoa($from), $fport, inet_ntoa($to), $tport;
			while (length $tlv) {
				(my $type, my $value, $tlv) = unpack("C n/a a*", $tlv);
				my ($client, $verify, $sub) = unpack("C N a*", $value);
				printf $out " type=%x client=%d verify=%d", $type, $client, $verify;
				while (length $sub) {
					(my $t, my $v, $sub) = unpack("C n/a a*", $sub);
					printf $out " %x=%s", $t, $v;
				}
			}
			print $out "\n";
			print $s $_ while <$s>;
			exit;
		}' "$1" "$TMP/headers" >"$TMP/listener" 2>&1 &
	PIDS="$PIDS $!"
	wait_for port_open "$1" || diag "$(cat "$TMP/listener")"
}

# start_middle PORT TO FILE: passes bytes both ways; behind a client line with STARTTLS or STLS, in the same packet, comes
# what FILE holds at that time.
start_middle() {
	perl -MIO::Socket::INET -MIO::Select -e '
		my ($port, $to, $file) = @ARGV;
		$SIG{CHLD} = "IGNORE";
		my $l = IO::Socket::INET->new(Listen => 20, ReuseAddr => 1, LocalAddr => "127.0.0.1", LocalPort => $port) or die;
		while (1) {
			my $c = $l->accept or next;
			next if fork;
			my $g = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $to) or die;
			my $done = 0;
			my $select = IO::Select->new($c, $g);
			while (my @ready = $select->can_read(60)) {
				for my $s (@ready) {
					sysread($s, my $bytes, 65536) or exit;
					if ($s == $c && !$done && $bytes =~ /(STARTTLS|STLS)\r\n\z/i) {
						local $/;
						open(my $f, "<", $file) or die;
						$bytes .= <$f>;
						$done = 1;
					}
					syswrite($s == $c ? $g : $c, $bytes);
				}
			}
			exit;
		}' "$1" "$2" "$3" >"$TMP/middle.$1" 2>&1 &
	PIDS="$PIDS $!"
	wait_for port_open "$1" || diag "$(cat "$TMP/middle.$1")"
}

# say_plain PORT TEXT WANTED: all of TEXT at once, in plaintext; prints what comes, until a line matches WANTED or the
# connection ends.
say_plain() {
	timeout 60 perl -MIO::Socket::INET -e '
		my ($port, $text, $wanted) = @ARGV;
		$text =~ s/\\r/\r/g; $text =~ s/\\n/\n/g;
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $port) or die;
		$SIG{PIPE} = "IGNORE";
		print $s $text;
		$s->flush;
		while (<$s>) { print; last if /$wanted/ }' "$@" | tr -d '\r'
}

make_instance gate "tlsgate tlsproxy tlsmgr"
dovecot_ports
set -- $(free_ports 14)
imap=$1 imap_only=$2 pop3=$3 pop3_only=$4 sieve=$5 lmtp=$6
set -- "$7" "$8" "$9" "${10}" "${11}" "${12}" "${13}" "${14}"
imap_recorder=$1 pop3_recorder=$2 smtp_recorder=$3 imap_shown=$4 pop3_shown=$5 smtp_shown=$6 sieve_recorder=$7 sieve_shown=$8
only=tlsgate_tls_security_level=encrypt
told=tlsgate_backend_proxy_protocol=v2
set -- $(free_ports 7)
crowded=$7
imap_told=$1 smtp_told=$2 smtpd_told=$3 any_told=$4 any_listener=$5 imaps_told=$6
cat >>"$I/etc/main.cf" <<CONF
tlsproxy_tls_ask_ccert = yes
tlsproxy_tls_CAfile = $TMP/certs/rsa.crt
CONF
{
	gate_line "$imap_told" "$IMAP_TOLD_PORT" tlsgate_protocol=imap $told
	gate_line "$imaps_told" "$IMAP_TOLD_PORT" tlsgate_protocol=imap $told tlsgate_tls_wrappermode=yes
	gate_line "$smtp_told" "$smtpd_told" $told
	gate_line "$any_told" "$any_listener" $told tlsgate_protocol=none tlsgate_tls_wrappermode=yes
	gate_line "$crowded" "$SMTPD_PORT" tlsgate_client_connection_count_limit=1 mynetworks=127.0.0.3 | sed 's/ - - tlsgate/ - 1 tlsgate/'
	echo "127.0.0.1:$smtpd_told inet n - n - - smtpd"
	echo "  -o smtpd_upstream_proxy_protocol=haproxy"
	gate_line "$imap" "$IMAP_PORT" tlsgate_protocol=imap
	gate_line "$imap_only" "$IMAP_PORT" tlsgate_protocol=imap $only
	gate_line "$pop3" "$POP3_PORT" tlsgate_protocol=pop3
	gate_line "$pop3_only" "$POP3_PORT" tlsgate_protocol=pop3 tlsgate_tls_auth_only=yes
	gate_line "$sieve" "$SIEVE_PORT" tlsgate_protocol=sieve $only
	gate_line "$lmtp" "$LMTP_PORT" tlsgate_protocol=lmtp
	gate_line "$imap_shown" "$imap_recorder" tlsgate_protocol=imap $only
	gate_line "$pop3_shown" "$pop3_recorder" tlsgate_protocol=pop3 $only
	gate_line "$smtp_shown" "$smtp_recorder" tlsgate_protocol=smtp $only
	gate_line "$sieve_shown" "$sieve_recorder" tlsgate_protocol=sieve $only
} >>"$I/etc/master.cf"
# It offers STARTTLS itself, so that the test can see the offer taken away.
start_dovecot "ssl = yes
ssl_cert = <$TMP/certs/rsa.crt
ssl_key = <$TMP/certs/rsa.key
disable_plaintext_auth = no"
printf 'Subject: kept\n\nhello\n' >"$D/mail/joe/Maildir/new/1.a.b"
for protocol in imap pop3 smtp sieve; do
	eval "start_recorder $protocol \$${protocol}_recorder"
done
start_instance "$I" || { ok 1 "start"; done_testing; }
wait_for port_open "$imap"

# --- real clients, real server ---

fetch() { # URL
	curl -sS --max-time 60 -k --ssl-reqd -u joe:secret "$@" 2>&1
}

for port in $imap $imap_only; do
	like "$(fetch "imap://127.0.0.1:$port/INBOX;MAILINDEX=1")" '^hello' "IMAP: curl fetches a message ($port)"
done
like "$(curl -sS --max-time 60 -u joe:secret "imap://127.0.0.1:$imap/INBOX;MAILINDEX=1")" '^hello' "IMAP: and in plaintext"
for port in $pop3 $pop3_only; do
	like "$(fetch "pop3://127.0.0.1:$port/1")" '^hello' "POP3: curl fetches a message ($port)"
done
like "$(curl -sS --max-time 60 -u joe:secret "pop3://127.0.0.1:$pop3/1")" '^hello' "POP3: and in plaintext"
unlike "$(curl -sS --max-time 60 -u joe:secret "imap://127.0.0.1:$imap_only/INBOX;MAILINDEX=1" 2>&1)" '^hello' \
	"IMAP: not in plaintext where TLS is a must"
unlike "$(curl -sS --max-time 60 -u joe:secret "pop3://127.0.0.1:$pop3_only/1" 2>&1)" '^hello' \
	"POP3: not in plaintext where TLS is a must"

printf '%s\n' 'b1 CAPABILITY' 'b2 LOGIN joe secret' 'b3 LOGOUT' | over_tls "$imap_only" imap >"$TMP/out"
like "$(cat "$TMP/out")" '^\* CAPABILITY .*AUTH=PLAIN' "IMAP under TLS: the server's own words"
unlike "$(cat "$TMP/out")" 'STARTTLS|LOGINDISABLED' "IMAP under TLS: no STARTTLS"
like "$(cat "$TMP/out")" '^b2 OK' "IMAP under TLS: openssl s_client logs in"

out=$(say_plain "$imap_only" 'a CAPABILITY\r\n' '^a ')
is "$(printf '%s\n' "$out" | grep -c 'CAPABILITY.* STARTTLS LOGINDISABLED')" 2 "IMAP: STARTTLS and LOGINDISABLED in greeting and CAPABILITY"
unlike "$out" 'AUTH=|STARTTLS.*STARTTLS' "IMAP: once, and no mechanisms"
like "$(say_plain "$imap" 'a CAPABILITY\r\n' '^a ')" 'AUTH=PLAIN.* STARTTLS$' "IMAP: mechanisms where passwords may be said"
out=$(say_plain "$pop3_only" 'CAPA\r\nUSER joe\r\nPASS secret\r\nQUIT\r\n' '^\+OK Logging')
is "$(printf '%s\n' "$out" | grep -c '^STLS')" 1 "POP3: STLS once"
unlike "$out" '^USER|^SASL' "POP3: no USER, no SASL"
is "$(printf '%s\n' "$out" | grep -c '^-ERR Must issue')" 2 "POP3: USER and PASS are refused"
like "$(say_plain "$pop3" 'CAPA\r\n' '^\.')" '^SASL PLAIN' "POP3: mechanisms where passwords may be said"

out=$( { printf 'AUTHENTICATE "PLAIN" "%s"\nLOGOUT\n' "$(printf '\0joe\0secret' | base64)"; } | over_tls "$sieve" sieve)
like "$out" '^"SASL" "PLAIN' "ManageSieve: capabilities come again under TLS"
unlike "$out" '^"STARTTLS"' "ManageSieve: without STARTTLS"
like "$out" '^OK "Logged in' "ManageSieve: AUTHENTICATE under TLS"
out=$(say_plain "$sieve" 'AUTHENTICATE "PLAIN" "AGpvZQBzZWNyZXQ="\r\nCAPABILITY\r\nLOGOUT\r\n' '^OK "Log|^BYE')
is "$(printf '%s\n' "$out" | grep -c '^"STARTTLS"')" 2 "ManageSieve: STARTTLS in greeting and CAPABILITY, once each"
is "$(printf '%s\n' "$out" | grep '^"SASL"' | sort -u)" '"SASL" ""' "ManageSieve: no mechanisms before TLS"
like "$out" '^NO \(ENCRYPT-NEEDED\)' "ManageSieve: AUTHENTICATE is refused before TLS"

printf '%s\n' 'LHLO c.example' 'MAIL FROM:<a@b.example>' 'RCPT TO:<joe>' DATA 'Subject: over' '' lmtp . QUIT |
	over_tls "$lmtp" lmtp >"$TMP/lmtp"
like "$(cat "$TMP/lmtp")" '^250 2\.0\.0 <joe> .* Saved' "LMTP: a message under TLS"
unlike "$(sed 1d "$TMP/lmtp")" STARTTLS "LMTP: STARTTLS is not offered again"

# --- what the back end is told ---

message() { # OPTION...
	printf 'Subject: told\r\n\r\nhello\r\n' | curl -sS --max-time 60 -k --interface 127.0.0.2 --mail-from a@example.test \
		--mail-rcpt b@example.test -T - "smtp://127.0.0.1:$smtp_told" "$@" 2>&1
}
check "PROXY v2: a message in plaintext to smtpd" message
check "PROXY v2: smtpd knows the client" wait_for log_count_is "$I" 'smtpd.*connect from [a-z]+\[127\.0\.0\.2\]$' 1
before=$(log_count "$I" 'smtpd.*: [0-9A-F]+: client=[a-z]+\[127\.0\.0\.2\]')
check "PROXY v2: a message under TLS to smtpd" message --ssl-reqd
check "PROXY v2: smtpd knows the client that uses TLS" \
	wait_for log_count_is "$I" 'smtpd.*: [0-9A-F]+: client=[a-z]+\[127\.0\.0\.2\]' $((before + 1))

like "$(fetch --interface 127.0.0.2 "imap://127.0.0.1:$imap_told/INBOX;MAILINDEX=1")" '^hello' "PROXY v2: IMAP with STARTTLS"
check "PROXY v2: Dovecot knows the client and its TLS" wait_for file_has "$D/log" 'Login: user=<joe>.* rip=127\.0\.0\.2, .*(TLS|secured)' ||
	diag "$(grep Login: "$D/log")"
like "$(fetch --interface 127.0.0.3 "imaps://127.0.0.1:$imaps_told/INBOX;MAILINDEX=1")" '^hello' "PROXY v2: IMAP in wrapper mode"
check "PROXY v2: Dovecot knows that client, too" wait_for file_has "$D/log" 'Login: user=<joe>.* rip=127\.0\.0\.3, .*(TLS|secured)'

start_listener "$any_listener"
echoed() { # OPTION...: what comes back under TLS
	echo before | timeout 60 openssl s_client -connect "127.0.0.1:$any_told" -bind 127.0.0.2 "$@" 2>/dev/null |
		grep -a '^before'
}
facts="command=21 family=11 from=127\.0\.0\.2:[0-9]+ to=127\.0\.0\.1:$any_told type=20"
: >"$TMP/headers"
echoed -tls1_2 -quiet -no_ign_eof >"$TMP/out"
check "PROXY v2: TLS 1.2" wait_for file_has "$TMP/headers" "^$facts client=1 verify=1 21=TLSv1\.2 23=ECDHE-"
: >"$TMP/headers"
echoed -quiet -no_ign_eof -cert "$TMP/certs/rsa.crt" -key "$TMP/certs/rsa.key" >"$TMP/out"
check "PROXY v2: a client's certificate" wait_for file_has "$TMP/headers" \
	"^$facts client=5 verify=0 21=TLSv1\.3 22=mx\.example\.test 23=TLS_AES_" || diag "$(cat "$TMP/headers")"
: >"$TMP/headers"
echoed -quiet -no_ign_eof -cert "$TMP/certs/ecdsa.crt" -key "$TMP/certs/ecdsa.key" >"$TMP/out"
check "PROXY v2: one that is not trusted" wait_for file_has "$TMP/headers" "^$facts client=5 verify=1 21=TLSv1\.3 22=mx" ||
	diag "$(cat "$TMP/headers")"

# --- many from one address ---

out=$(timeout 60 perl -MIO::Socket::INET -e '
	sub client { my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0], LocalAddr => $_[0]) or die;
		print scalar <$s>; $s }
	my $first = client("127.0.0.2"); my $second = client("127.0.0.2"); my @other = (client("127.0.0.3"), client("127.0.0.3"));
	print $first "QUIT\r\n"; print scalar <$first>; 1 while <$first>; client("127.0.0.2")' "$crowded" | cut -c 1-9 | tr '\n' ' ')
is "$out" "220 mx.ex 421 4.7.0 220 mx.ex 220 mx.ex 221 2.0.0 220 mx.ex " \
	"tlsgate_client_connection_count_limit, and that mynetworks are not counted"

# --- who adds commands in plaintext ---

# shown PROTOCOL TEXT WANTED: what the recorder heard of it
shown() {
	shown_protocol=$1
	: >"$TMP/heard.$1"
	eval "say_plain \$$1_shown \"\$2\" \"\$3\"" >"$TMP/shown"
	cat "$TMP/heard.$1"
}

is "$(shown imap 'a LOGIN evil pw\r\nb AUTHENTICATE PLAIN\r\nc SELECT INBOX\r\nd STARTTLS x\r\ne NOOP\r\n' '^e ' | tr -d '\r')" \
	"e NOOP" "IMAP: in plaintext only what leads to TLS arrives"
like "$(cat "$TMP/shown")" '^a NO \[PRIVACYREQUIRED\]' "IMAP: LOGIN is refused"
for line in 'a LOGIN {4+}\r\nevil\r\nb NOOP\r\n' 'a ID {13}\r\nb NOOP\r\nevil\r\n' 'a STARTTLS {6+}\r\nb NOOP\r\n'; do
	is "$(shown imap "$line" '^b ')" "" "IMAP: a literal in plaintext arrives nowhere: $line"
	like "$(cat "$TMP/shown")" '^\* BYE no literals' "IMAP: and ends the session"
done
is "$(shown pop3 'USER evil\r\nPASS evil\r\nAUTH PLAIN\r\nAPOP evil x\r\nSTLS x\r\nNOOP\r\n' '^\+OK\W*$' | tr -d '\r')" \
	NOOP "POP3: in plaintext only what leads to TLS arrives"
is "$(shown smtp 'HELO evil\r\nMAIL FROM:<evil@x>\r\nAUTH PLAIN evil\r\nXCLIENT ADDR=1.2.3.4\r\nBDAT 5\r\nQUIT\r\n' '^221' |
	tr -d '\r')" "HELO evil
QUIT" "SMTP: in plaintext only greetings and what leads to TLS arrive"
is "$(grep -c '^530 5\.7\.0' "$TMP/shown")" 3 "SMTP: 530 to all else that smtpd knows"
like "$(cat "$TMP/shown")" '^550 5\.7\.0' "SMTP: and no XCLIENT for anybody"
is "$(shown sieve 'PUTSCRIPT "evil" {5+}\r\nNOOP\r\n' '^OK\W*$' | tr -d '\r')" "" "ManageSieve: a literal in plaintext arrives nowhere"

inject() { # PROTOCOL VERB PAYLOAD: a client in good faith, a middle that adds PAYLOAD; then what was heard
	: >"$TMP/heard.$1"
	# shellcheck disable=SC2059 -- the payload is a format
	printf "$3" >"$TMP/payload.$1"
	eval "middle=\$middle_$1"
	printf '%s\n' "$2" | over_tls "$middle" "$1" >"$TMP/client.$1" &
	inject_client=$!
	wait_for file_has "$TMP/heard.$1" genuine
	kill $inject_client
	wait $inject_client 2>/dev/null
}

set -- $(free_ports 4)
middle_imap=$1 middle_pop3=$2 middle_smtp=$3 middle_sieve=$4
for protocol in imap pop3 smtp sieve; do
	eval "start_middle \$middle_$protocol \$${protocol}_shown $TMP/payload.$protocol"
done
try_injections() { # PROTOCOL GENUINE PAYLOAD...
	try_protocol=$1 genuine=$2
	shift 2
	for payload; do
		logged=$(log_count "$I" 'tlsgate.*discarding [0-9]+ bytes')
		inject "$try_protocol" "$genuine" "$payload"
		check "$try_protocol: the client's own command arrives, with injected: $payload" \
			file_has "$TMP/heard.$try_protocol" genuine
		unlike "$(cat "$TMP/heard.$try_protocol" "$TMP/client.$try_protocol")" evil \
			"$try_protocol: and the injected one does not"
		check "$try_protocol: it is logged" wait_for log_count_is "$I" 'tlsgate.*discarding [0-9]+ bytes' $((logged + 1))
	done
}
try_injections imap 'g1 LOGIN genuine pw' 'z LOGIN evil pw\r\n' 'z NOOP evil' 'z LOGIN {4+}\r\nevil pw\r\n' '\r\nz ID ("evil" "evil")\r\n'
try_injections pop3 'USER genuine' 'USER evil\r\n' 'USER ev' 'CAPA\r\nUSER evil\r\nPASS evil\r\n'
try_injections smtp 'EHLO genuine' 'MAIL FROM:<evil@x>\r\nRCPT TO:<evil@x>\r\nDATA\r\n' 'EHLO evil' 'BDAT 4\r\nevil'
try_injections sieve 'AUTHENTICATE "PLAIN" "genuine"' 'AUTHENTICATE "PLAIN" "evil"\r\n' 'NOOP {4+}\r\nevil\r\n'

unlike "$(cat "$I/log/maillog")" 'throttling|panic|fatal|killed by signal|exit status' "no daemon died"
stop_instance "$I"
done_testing
