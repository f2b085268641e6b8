#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tlsgate under a real master: messages through TLS 1.2 and 1.3 and in plaintext, to the built-in server, to real
# smtpd and to smtp-sink; plaintext injected behind STARTTLS; TLS from the first byte, for SMTP and for a server of
# another protocol; back end or tlsproxy gone; a hundred sessions. Once with Postfix's tlsproxy and tlsmgr, once with
# ours.
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

over_wrapper() { # PORT OPTION...: what comes on standard input, and the answer to it, inside TLS
	wrapper_port=$1
	shift
	timeout 60 openssl s_client -connect "127.0.0.1:$wrapper_port" -quiet "$@" 2>/dev/null
}

# blurt PORT: says something in plaintext without waiting for a greeting; prints what comes.
blurt() {
	timeout 60 perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or die;
		$SIG{PIPE} = "IGNORE";
		print $s "EHLO client.example\r\n";
		$s->flush;
		print <$s>' "$1"
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
	shift
	printf '  -o tlsgate_backend=%s\n' "$1"
	shift
	[ $# -eq 0 ] || printf '  -o %s\n' "$@"
}

# start_upper PORT: a server that is no mail server: a line comes back in lower case, then the connection ends.
start_upper() {
	perl -MIO::Socket::INET -e '
		my $l = IO::Socket::INET->new(Listen => 10, ReuseAddr => 1, LocalAddr => "127.0.0.1", LocalPort => $ARGV[0]) or die;
		while (my $s = $l->accept) { print $s lc <$s> }' "$1" >"$TMP/upper" 2>&1 &
	PIDS="$PIDS $!"
	wait_for port_open "$1" || diag "$(cat "$TMP/upper")"
}

try() { # NAME OURS
	name=$1
	make_instance "$name" "$2"
	set -- $(free_ports 12)
	builtin=$1 smtpd=$2 sink=$3 dead=$4 noproxy=$5 sink_port=$6 crowded=$7
	wrapped=$8 wrapped_dead=$9 anything=${10} anything_noproxy=${11} upper_port=${12}
	{
		gate_line "$builtin" builtin
		gate_line "$smtpd" "127.0.0.1:$SMTPD_PORT"
		gate_line "$sink" "127.0.0.1:$sink_port"
		gate_line "$dead" "unix:private/none"
		gate_line "$noproxy" builtin tlsproxy_service_name=none
		gate_line "$wrapped" "127.0.0.1:$SMTPD_PORT" tlsgate_tls_wrappermode=yes
		gate_line "$wrapped_dead" "unix:private/none" tlsgate_tls_wrappermode=yes
		gate_line "$anything" "127.0.0.1:$upper_port" tlsgate_tls_wrappermode=yes tlsgate_protocol=none
		gate_line "$anything_noproxy" "127.0.0.1:$upper_port" tlsgate_tls_wrappermode=yes tlsgate_protocol=none \
			tlsproxy_service_name=none
		gate_line "$crowded" builtin tlsgate_client_limit=1 | sed 's/ - - tlsgate/ - 1 tlsgate/'
	} >>"$I/etc/master.cf"
	smtp-sink -u postfix "127.0.0.1:$sink_port" 10 >"$TMP/sink" 2>&1 &
	PIDS="$PIDS $!"
	wait_for port_open "$sink_port" || diag "$(cat "$TMP/sink")"
	start_upper "$upper_port"
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

	for version in 1_2 1_3; do
		like "$(over_wrapper "$wrapped" -tls$version -crlf <"$TMP/mail")" '^250 2\.0\.0 Ok: queued' \
			"$name: wrapper mode, TLS $version, a message to smtpd"
		is "$(echo STARTTLS | over_wrapper "$anything" -tls$version)" starttls \
			"$name: wrapper mode without a protocol, TLS $version: the client speaks first, and nothing is added"
	done
	unlike "$(echo EHLO c | over_wrapper "$wrapped" -crlf)" STARTTLS "$name: wrapper mode, STARTTLS is not offered"
	like "$(over_wrapper "$wrapped_dead" -crlf </dev/null)" '^421 4\.3\.0 mx\.example\.test ' \
		"$name: wrapper mode, no back end"
	head -c 300000 /dev/zero | tr '\0' A >"$TMP/much"
	is "$( { cat "$TMP/much"; echo; } | over_wrapper "$anything" | sha256sum)" \
		"$( { tr A a <"$TMP/much"; echo; } | sha256sum)" "$name: wrapper mode without a protocol, 300 kB each way"
	unlike "$(blurt "$wrapped" | tr -d '\0')" '[0-9]{3}[ -]' "$name: wrapper mode, a client without TLS gets no reply"
	is "$(blurt "$anything_noproxy")" "" "$name: wrapper mode, no tlsproxy"

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
