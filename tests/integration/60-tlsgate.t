#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tlsgate under a real master: messages through TLS 1.2 and 1.3 and in plaintext, to the built-in server, to real
# smtpd and to smtp-sink; plaintext injected behind STARTTLS; back end or tlsproxy gone; a hundred sessions. Once
# with Postfix's tlsproxy and tlsmgr, once with ours.
. "$(dirname "$0")/lib.sh"

need_postfix
[ -x "$BIN/tlsgate" ] || skip_all "needs tlsgate"
make_certs "$TMP/certs"

printf '%s\n' 'EHLO client.example' 'MAIL FROM:<a@example.test>' 'RCPT TO:<b@example.test>' DATA 'Subject: x' '' \
	hello . QUIT >"$TMP/mail"
SUM=$(printf 'Subject: x\r\n\r\nhello\r\n' | sha256sum | cut -d ' ' -f 1)

over_tls() { # PORT OPTION...
	over_port=$1
	shift
	timeout 60 openssl s_client -connect "127.0.0.1:$over_port" -starttls smtp -crlf -quiet "$@" <"$TMP/mail" 2>&1
}

# plain PORT LINE...: each line when the reply to the one before it has come; prints the replies.
plain() {
	timeout 60 perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => shift) or die;
		sub reply { while (defined(my $l = <$s>)) { print $l; return 1 if $l =~ /^\d\d\d(?!-)/ } 0 }
		reply() or exit;
		for (@ARGV) { s/\\n/\r\n/g; print $s "$_\r\n"; reply() or last }' "$@" | tr -d '\r'
}

gate_line() { # PORT BACKEND [OPTION]
	echo "127.0.0.1:$1 inet n - n - - tlsgate"
	echo "  -o tlsgate_backend=$2${3:+ -o $3}"
}

try() { # NAME OURS
	name=$1
	make_instance "$name" "$2"
	set -- $(free_ports 7)
	builtin=$1 smtpd=$2 sink=$3 dead=$4 noproxy=$5 sink_port=$6 crowded=$7
	{
		gate_line "$builtin" builtin
		gate_line "$smtpd" "127.0.0.1:$SMTPD_PORT"
		gate_line "$sink" "127.0.0.1:$sink_port"
		gate_line "$dead" "unix:private/none"
		gate_line "$noproxy" builtin tlsproxy_service_name=none
		gate_line "$crowded" builtin tlsgate_client_limit=1 | sed 's/ - - tlsgate/ - 1 tlsgate/'
	} >>"$I/etc/master.cf"
	smtp-sink -u postfix "127.0.0.1:$sink_port" 10 >"$TMP/sink" 2>&1 &
	PIDS="$PIDS $!"
	wait_for port_open "$sink_port" || diag "$(cat "$TMP/sink")"
	start_instance "$I" || { ok 1 "$name: start"; return; }
	wait_for port_open "$builtin"

	like "$(plain "$builtin" 'EHLO c')" '^250 STARTTLS$' "$name: STARTTLS is offered"
	out=$(plain "$smtpd" 'EHLO c')
	is "$(printf '%s\n' "$out" | grep -c STARTTLS)" 1 "$name: once, if the back end has it too"
	for version in 1_2 1_3; do
		out=$(over_tls "$builtin" -tls$version)
		like "$out" "received 21 bytes, sha256 $SUM" "$name: TLS $version, a message to the built-in server"
		# s_client shows the last line of the reply before TLS, too.
		is "$(printf '%s\n' "$out" | grep -c STARTTLS)" 1 "$name: TLS $version, STARTTLS is not offered again"
		like "$(over_tls "$smtpd" -tls$version)" '^250 2\.0\.0 Ok: queued' "$name: TLS $version, a message to smtpd"
		like "$(over_tls "$sink" -tls$version)" '^221' "$name: TLS $version, a message to smtp-sink"
	done
	like "$(plain "$builtin" 'EHLO c' 'MAIL FROM:<a@b>' 'RCPT TO:<c@d>' DATA 'Subject: x\n\nhello\n.' QUIT)" \
		"received 21 bytes, sha256 $SUM" "$name: a message in plaintext"

	like "$(plain "$builtin" 'EHLO c' 'STARTTLS x' NOOP)" '^501 5\.5\.4' "$name: STARTTLS with an argument"
	timeout 60 perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or die;
		<$s>;
		print $s "STARTTLS\r\nMAIL FROM:<evil\@example.test>\r\n";
		print scalar <$s>;
		shutdown($s, 1);
		print <$s>' "$smtpd" >"$TMP/injected"
	unlike "$(cat "$TMP/injected")" '^[13-9]|^2[^2]' "$name: nothing sent behind STARTTLS is answered"
	like "$(cat "$TMP/injected")" '^220 2\.0\.0 Ready to start TLS' "$name: and TLS can start"
	check "$name: the injection is logged" wait_for log_has "$I" 'tlsgate.*discarding [0-9]+ bytes'

	like "$(plain "$dead" NOOP)" '^421 4\.3\.0 mx\.example\.test ' "$name: no back end"
	out=$(plain "$noproxy" 'EHLO c' STARTTLS 'MAIL FROM:<a@b>' 'RCPT TO:<c@d>' DATA 'Subject: x\n\nhello\n.')
	like "$out" '^454 4\.7\.0 TLS not available due to local problem' "$name: no tlsproxy"
	like "$out" "sha256 $SUM" "$name: plaintext goes on after that"

	# The first client keeps its session while the second one comes; then there is room again.
	out=$(timeout 60 perl -MIO::Socket::INET -e '
		sub client { my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or die; print scalar <$s>; $s }
		my $first = client(); my $second = client();
		print $first "QUIT\r\n"; print scalar <$first>; 1 while <$first>; client()' "$crowded" | tr -d '\r')
	is "$(printf '%s\n' "$out" | cut -c 1-9 | tr '\n' ' ')" "220 mx.ex 421 4.3.2 221 2.0.0 220 mx.ex " "$name: tlsgate_client_limit"
	check "$name: the limit is logged" wait_for log_has "$I" 'warning: too many sessions: limit is tlsgate_client_limit = 1'

	clients=
	for n in $(seq 100); do
		over_tls "$builtin" >"$TMP/many.$n" &
		clients="$clients $!"
	done
	for p in $clients; do
		wait "$p"
	done
	is "$(cat "$TMP"/many.* | grep -c "sha256 $SUM")" 100 "$name: a hundred sessions"
	unlike "$(cat "$I/log/maillog")" 'throttling|panic|fatal|killed by signal|exit status' "$name: no daemon died"
	stop_instance "$I"
}

try "postfix" tlsgate
if [ -x "$BIN/tlsproxy" ] && [ -x "$BIN/tlsmgr" ]; then
	try "ours" "tlsgate tlsproxy tlsmgr"
else
	skip "not built" "with our tlsproxy and tlsmgr"
fi
done_testing
