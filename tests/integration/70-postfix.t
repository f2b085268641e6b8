#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Real Postfix cannot tell our tlsmgr and tlsproxy from its own: postscreen hands STARTTLS to tlsproxy, smtpd and
# smtp use tlsmgr, sessions survive a reload, tickets are good in every process, killed daemons come back. The same
# checks run with nothing replaced, with both replaced, and with one of each.
. "$(dirname "$0")/lib.sh"
need_postfix
make_certs "$TMP/certs"
tool tlsproxy-caller
tool tls-peer

# s_client in the background; say() writes to it, its output is in $TMP/talk.
talk_starttls() { # PORT OPTION
	rm -f "$TMP/say" "$TMP/talk"
	mkfifo "$TMP/say"
	openssl s_client -quiet -crlf -starttls smtp -connect "127.0.0.1:$1" "$2" <"$TMP/say" \
		>"$TMP/talk" 2>"$TMP/talk.err" &
	TALK_PID=$!
	PIDS="$PIDS $TALK_PID"
	exec 8>"$TMP/say"
}

say() { # LINE EXPECTED-REPLY
	echo "$1" >&8
	wait_for file_has "$TMP/talk" "$2"
}

# A whole SMTP session on standard output, the message body from a file.
dialogue() { # RECIPIENT BODY-FILE
	printf 'EHLO client.test\nMAIL FROM:<sender@client.test>\nRCPT TO:<%s>\nDATA\n' "$1"
	printf 'Subject: test\n\n'
	cat "$2"
	printf '.\nQUIT\n'
}

submit() { # PORT RECIPIENT
	perl -MNet::SMTP -e '
		my $s = Net::SMTP->new("127.0.0.1", Port => $ARGV[0], Hello => "client.test") or die;
		$s->mail("sender\@client.test") && $s->to($ARGV[1]) && $s->data("Subject: x\n\nhello\n") or die $s->message;
		$s->quit' "$1" "$2"
}

body_arrived() { # BODY-FILE MAILBOX
	grep -E '^[A-Za-z0-9+/=]{70,}$' "$2" 2>/dev/null | cmp -s - "$1"
}

postscreen_checks() { # VARIANT
	for version in 1.2 1.3; do
		talk_starttls "$SCREEN_PORT" "-tls1_${version#1.}"
		said=0
		{ say "EHLO client.test" '^250 ' && say "MAIL FROM:<a@client.test>" '^250 2.1.0' &&
			say "RCPT TO:<box@example.test>" '^450 ' && say "QUIT" '^221 '; } || said=1
		exec 8>&-
		wait_for gone "$TALK_PID"
		ok $said "$1: postscreen talks TLS $version through tlsproxy" || diag "$(cat "$TMP/talk" "$TMP/talk.err")"
		check "$1: tlsproxy logged TLSv$version" wait_for log_has "$I" \
			"tlsproxy.*Anonymous TLS connection established from .*: TLSv$version with cipher"
	done
	check "$1: postscreen saw the plaintext" wait_for log_has "$I" 'postscreen\[.*NOQUEUE: reject: RCPT from .* 450 '
}

message_checks() { # VARIANT
	start_caller "$I" "$SMTPD_PORT"
	head -c 786600 /dev/urandom | base64 >"$TMP/body"
	for version in 1.2 1.3; do
		rm -f "$I/mail/box"
		dialogue box@example.test "$TMP/body" | openssl s_client -quiet -crlf -connect "127.0.0.1:$CALLER_PORT" \
			"-tls1_${version#1.}" >"$TMP/talk" 2>"$TMP/talk.err"
		check "$1: a message of 1 MB comes through intact, TLS $version" \
			wait_for body_arrived "$TMP/body" "$I/mail/box" || diag "$(cat "$TMP/talk" "$TMP/talk.err")"
	done
	kill "$CALLER_PID"
	start_caller "$I"
	for version in 1.2 1.3; do
		start_peer big $version
		is "$(peer big open 1) $(peer big echo 1000000) $(peer big close)" "open 1 echo 1 of 1 closed" \
			"$1: 1 MB goes both ways, TLS $version"
	done
}

delivery_checks() { # VARIANT
	submit "$SMTPD_PORT" one@relay.test
	check "$1: smtp delivers over TLS" wait_for log_has "$I" 'to=<one@relay.test>.*status=sent'
	submit "$SMTPD_PORT" two@relay.test
	check "$1: and a second time" wait_for log_has "$I" 'to=<two@relay.test>.*status=sent'
	check "$1: smtp logged the TLS session" wait_for log_has "$I" \
		'/smtp\[.*Untrusted TLS connection established to 127.0.0.1.*TLSv1'
	check "$1: smtp found its session in the cache" wait_for log_has "$I" '/smtp\[.*: Reusing old session'
	check "$1: smtpd resumed it" wait_for log_has "$I" 'relay/smtpd\[.*Reusing old session'
	check "$1: the cache is a file" test -s "$I/data/smtp_scache.db"
}

no_complaints() { # VARIANT
	complaints=$(grep -E '(tlsmgr|tlsproxy|smtpd|smtp|postscreen|master)\[[0-9]*\]: (warning|error|fatal|panic):' "$I/log/maillog")
	is "$complaints" "" "$1: no daemon complained"
}

reload_checks() { # VARIANT
	start_peer old 1.3
	is "$(peer old open 20)" "open 20" "$1: 20 sessions"
	is "$(peer old echo 100)" "echo 20 of 20" "$1: all pass data"
	old_proxy=$(pids_of "$I" tlsproxy)
	reload_instance "$I"
	check "$1: the old tlsproxy leaves at reload" wait_for gone "$old_proxy"
	start_peer new 1.3
	is "$(peer new open 3)" "open 3" "$1: new sessions after reload"
	is "$(peer new echo 100)" "echo 3 of 3" "$1: they pass data"
	is "$(peer old echo 50000)" "echo 20 of 20" "$1: the 20 old sessions go on"
	peer new close >/dev/null
	disconnects=$(log_count "$I" 'tlsproxy.*DISCONNECT')
	is "$(peer old close)" "closed" "$1: and end"
	check "$1: each was seen to end" wait_for log_count_is "$I" 'tlsproxy.*DISCONNECT' $((disconnects + 20))
}

ticket_checks() { # VARIANT
	for version in 1.2 1.3; do
		start_peer ticket $version
		is "$(peer ticket open 1) $(peer ticket echo 10) $(peer ticket save) $(peer ticket close)" \
			"open 1 echo 1 of 1 saved closed" "$1: a ticket, TLS $version"
		is "$(peer ticket resume 2) $(peer ticket echo 10)" "resumed 2 of 2 echo 2 of 2" \
			"$1: resumed by the same process, TLS $version"
		kill_daemon tlsproxy
		is "$(peer ticket resume 2) $(peer ticket echo 10 | sed 's/.* of/of/')" "resumed 2 of 2 of 4" \
			"$1: resumed by another process, TLS $version"
		peer ticket close >/dev/null
		reload_instance "$I"
		# Postfix's tlsmgr forgets its keys at a reload; a process of before it may still hold them. So with it only
		# the sessions themselves can be asked for.
		case $1 in
		stock | our-tlsproxy)
			like "$(peer ticket resume 2) $(peer ticket echo 10)" ' echo 2 of 2$' \
				"$1: sessions with a ticket of before the reload, TLS $version" ;;
		*)
			is "$(peer ticket resume 2) $(peer ticket echo 10)" "resumed 2 of 2 echo 2 of 2" \
				"$1: resumed after reload, TLS $version" ;;
		esac
	done
}

# kill -9, and wait until master has seen it.
kill_daemon() { # PROGRAM
	killed=$(pids_of "$I" "$1")
	for pid in $killed; do
		kill -9 "$pid"
		wait_for log_has "$I" "pid $pid killed by signal 9"
	done
}

kill_checks() { # VARIANT
	start_peer before 1.3
	is "$(peer before open 1) $(peer before echo 10)" "open 1 echo 1 of 1" "$1: a session before"
	kill_daemon tlsmgr
	start_peer after 1.3
	is "$(peer after open 2) $(peer after echo 10)" "open 2 echo 2 of 2" "$1: sessions after kill -9 of tlsmgr"
	is "$(peer before echo 10)" "echo 1 of 1" "$1: the session before goes on"
	peer after close >/dev/null
	submit "$SMTPD_PORT" three@relay.test
	check "$1: smtp delivers after kill -9 of tlsmgr" wait_for log_has "$I" 'to=<three@relay.test>.*status=sent'
	check "$1: tlsmgr is back" wait_for has_pid "$I" tlsmgr
	kill_daemon tlsproxy
	is "$(peer after open 2) $(peer after echo 10)" "open 2 echo 2 of 2" "$1: sessions after kill -9 of tlsproxy"
	check "$1: tlsproxy is back" has_pid "$I" tlsproxy
	unlike "$(cat "$I/log/maillog")" 'throttling' "$1: nothing is throttled"
}

run_variant() { # NAME OURS
	make_instance "$1" "$2"
	RELAY_PORT=$(free_ports 1)
	cat >>"$I/etc/main.cf" <<-CONF
	relayhost = [127.0.0.1]:$RELAY_PORT
	CONF
	sed -i 's/^\(smtpd\?_tls_loglevel\) = 1/\1 = 2/' "$I/etc/main.cf"
	cat >>"$I/etc/master.cf" <<-CONF
	127.0.0.1:$RELAY_PORT inet n - n - - smtpd
	    -o myhostname=relay.example.test -o syslog_name=postfix/relay
	    -o smtpd_recipient_restrictions=check_recipient_access,static:discard
	CONF
	start_instance "$I"
	ok $? "$1: starts" || return
	postscreen_checks "$1"
	message_checks "$1"
	delivery_checks "$1"
	no_complaints "$1"
	reload_checks "$1"
	ticket_checks "$1"
	kill_checks "$1"
	stop_instance "$I"
	[ $TAP_BAD -gt 0 ] || rm -rf "$I"
}

for variant in ${VARIANTS:-stock ours our-tlsproxy our-tlsmgr}; do
	case $variant in
	stock) run_variant stock "" ;;
	ours) run_variant ours "tlsmgr tlsproxy" ;;
	our-tlsproxy) run_variant our-tlsproxy tlsproxy ;;
	our-tlsmgr) run_variant our-tlsmgr tlsmgr ;;
	esac
done
done_testing
