#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Mail sent and fetched by stock clients (swaks, curl, openssl s_client, s-nail) through tlsgate, with STARTTLS and in
# wrapper mode, in front of real servers that PROXY protocol tells of the client: Postfix smtpd, Dovecot (submission, IMAP,
# POP3, ManageSieve, LMTP) and Exim; and Dovecot's LMTP, which XCLIENT tells as well. Each back end's own log, or header, shows
# the client's address; Dovecot, which takes no password without TLS, shows that it knows of the client's TLS.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/gate.sh"

need_postfix
[ -x "$BIN/tlsgate" ] && [ -x "$BIN/tlsproxy" ] && [ -x "$BIN/tlsmgr" ] || skip_all "needs tlsgate, tlsproxy, tlsmgr"
need_dovecot
for program in curl swaks s-nail; do
	command -v $program >/dev/null || skip_all "needs $program"
done
make_certs "$TMP/certs"

make_instance gate "tlsgate tlsproxy tlsmgr"
dovecot_ports
set -- $(free_ports 9)
smtpd_told=$1 exim_told=$2 smtp=$3 exim=$4 lmtp=$5 imap=$6 pop3=$7 sieve=$8 submission=$9
set -- $(free_ports 4)
imaps=$1 pop3s=$2 submissions=$3 sieve_plain=$4
lmtp_xclient=$(free_ports 1)
told=tlsgate_backend_proxy_protocol=v2
must=tlsgate_tls_security_level=encrypt
wrapper=tlsgate_tls_wrappermode=yes
# What smtpd gets goes to Dovecot by LMTP, through the gate and under TLS.
cat >>"$I/etc/main.cf" <<CONF
virtual_transport = lmtp:inet:127.0.0.1:$lmtp
lmtp_tls_security_level = encrypt
lmtp_tls_loglevel = 1
smtpd_authorized_xclient_hosts = 127.0.0.1
CONF
{
	gate_line "$smtp" "$smtpd_told" $told
	gate_line "$exim" "$exim_told" $told
	gate_line "$lmtp" "$LMTP_TOLD_PORT" $told tlsgate_protocol=lmtp $must
	gate_line "$lmtp_xclient" "$LMTP_PORT" tlsgate_protocol=lmtp tlsgate_backend_xclient=yes
	gate_line "$imap" "$IMAP_TOLD_PORT" $told tlsgate_protocol=imap
	gate_line "$pop3" "$POP3_TOLD_PORT" $told tlsgate_protocol=pop3
	gate_line "$sieve" "$SIEVE_TOLD_PORT" $told tlsgate_protocol=sieve $must
	gate_line "$sieve_plain" "$SIEVE_TOLD_PORT" $told tlsgate_protocol=sieve
	gate_line "$submission" "$SUBMISSION_TOLD_PORT" $told $must
	gate_line "$imaps" "$IMAP_TOLD_PORT" $told tlsgate_protocol=imap $wrapper
	gate_line "$pop3s" "$POP3_TOLD_PORT" $told tlsgate_protocol=pop3 $wrapper
	gate_line "$submissions" "$SUBMISSION_TOLD_PORT" $told $wrapper
	echo "lmtp unix - - n - - lmtp"
	echo "127.0.0.1:$smtpd_told inet n - n - - smtpd"
	echo "  -o smtpd_upstream_proxy_protocol=haproxy"
} >>"$I/etc/master.cf"
# A password without TLS is taken from this machine only, which clients from 127.0.0.2 on are not for Dovecot.
start_dovecot "ssl = no
disable_plaintext_auth = yes
auth_verbose = yes
submission_relay_host = 127.0.0.1
submission_relay_port = $SMTPD_PORT
submission_relay_trusted = yes
postmaster_address = postmaster@example.test
protocol lmtp {
  mail_plugins = sieve
  login_trusted_networks = 127.0.0.1
}
plugin {
  sieve = file:$D/mail/%n/sieve;active=$D/mail/%n/active.sieve
}"

# start_exim: as Exim's user "Debian-exim" of a private view of /etc/passwd, who is user postfix; mail goes to joe's Maildir.
start_exim() {
	EXIM=/var/cache/sealpost-test/exim4-daemon-heavy/usr/sbin/exim4
	[ -x $EXIM ] || EXIM=$(command -v exim4) || return 1
	unshare -m true 2>/dev/null || return 1
	E=$TMP/exim
	mkdir -p "$E/spool" "$E/log"
	chown -R postfix "$E"
	{ grep -v '^Debian-exim:' /etc/passwd && echo "Debian-exim:x:$(id -u postfix):$(id -g postfix)::/:/bin/false"; } >"$E/passwd"
	{ grep -v '^Debian-exim:' /etc/group && echo "Debian-exim:x:$(id -g postfix):"; } >"$E/group"
	cat >"$E/exim.conf" <<CONF
primary_hostname = exim.example.test
spool_directory = $E/spool
log_file_path = $E/log/%slog
log_selector = +incoming_port +incoming_interface +proxy
pid_file_path = $E/exim.pid
daemon_smtp_ports = $exim_told
local_interfaces = 127.0.0.1
hosts_proxy = 127.0.0.1
tls_advertise_hosts =
domainlist local_domains = example.test
acl_smtp_rcpt = accept
deliver_drop_privilege = true
never_users =
keep_environment =
begin routers
joe:
  driver = accept
  domains = +local_domains
  transport = maildir
begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = $D/mail/joe/Maildir
  delivery_date_add
begin retry
* * F,2h,1m
CONF
	unshare -m sh -c 'mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group &&
		exec "$2" -C "$1/exim.conf" -bdf -q1h' exim "$E" "$EXIM" >"$E/out" 2>&1 &
	PIDS="$PIDS $!"
	wait_for port_open "$exim_told" || diag "$(cat "$E/out" "$E/log"/* 2>/dev/null)"
}

start_instance "$I" || { ok 1 "start"; done_testing; }
wait_for port_open "$imap"

mails_are() { # FOLDER NUMBER
	[ "$(find "$D/mail/joe/Maildir/$1new" "$D/mail/joe/Maildir/$1cur" -type f 2>/dev/null | wc -l)" -ge "$2" ]
}
arrived=0
arrives() { # NAME
	arrived=$((arrived + 1))
	check "$1: and arrives" wait_for mails_are "" $arrived
}

# --- sent ---

swaks_to() { # PORT OPTION...
	swaks_port=$1
	shift
	timeout 60 swaks --server 127.0.0.1 --port "$swaks_port" --ehlo client.example --from a@example.test --to joe@example.test \
		--body hello "$@" >"$TMP/swaks" 2>&1 || { diag "$(cat "$TMP/swaks")"; return 1; }
}

check "smtpd: swaks sends in plaintext" swaks_to "$smtp" -li 127.0.0.2 --header "Subject: one"
arrives "smtpd, plaintext"
check "smtpd: it knows the client" wait_for log_has "$I" 'smtpd.*: client=[^ ]*\[127\.0\.0\.2\]'
check "smtpd: swaks sends with STARTTLS" swaks_to "$smtp" --tls -li 127.0.0.3 --header "Subject: two"
like "$(cat "$TMP/swaks")" '=== TLS started with cipher TLSv1' "smtpd: swaks says so"
arrives "smtpd, TLS"
check "smtpd: it knows the client that uses TLS" wait_for log_has "$I" 'smtpd.*: client=[^ ]*\[127\.0\.0\.3\]'
check "smtpd: tlsproxy logs that client's TLS" wait_for log_has "$I" \
	'tlsproxy.*TLS connection established from.*\[127\.0\.0\.3\]:[0-9]+: TLSv1\.3 with cipher'
check "LMTP: Postfix's client delivers through the gate with STARTTLS" wait_for log_has "$I" \
	'lmtp.*TLS connection established to 127\.0\.0\.1\[127\.0\.0\.1\]:'"$lmtp"
check "LMTP: Dovecot saves it" wait_for file_has "$D/log" 'lmtp\(joe@example\.test\).*saved mail to INBOX'

told_by_xclient() { # CLIENT: in how many messages Dovecot's own header names it
	grep -lr "^Received: from client\.example (\[$1\])" "$D/mail/joe/Maildir/new" "$D/mail/joe/Maildir/cur" | wc -l
}
check "LMTP, XCLIENT: swaks delivers in plaintext" swaks_to "$lmtp_xclient" --protocol LMTP -li 127.0.0.18 --header "Subject: lmtp"
arrives "LMTP, XCLIENT"
is "$(told_by_xclient 127.0.0.18)" 1 "LMTP, XCLIENT: Dovecot's Received: header knows the client"
out=$(printf '%s\n' 'LHLO client.example' 'MAIL FROM:<a@example.test>' 'RCPT TO:<joe@example.test>' \
	DATA 'Subject: lmtps' '' hello . QUIT | over_tls "$lmtp_xclient" lmtp -bind 127.0.0.19)
like "$out" '^250 .*Saved' "LMTP, XCLIENT: openssl s_client delivers with STARTTLS" || diag "$(cat "$TMP/s_client" "$D/log")"
arrives "LMTP, XCLIENT, TLS"
is "$(told_by_xclient 127.0.0.19)" 1 "LMTP, XCLIENT: Dovecot knows the client that uses TLS"
unlike "$out" 'XCLIENT' "LMTP, XCLIENT: it is not offered to clients"

curl_to() { # URL OPTION...
	curl_url=$1
	shift
	printf 'From: a@example.test\r\nSubject: three\r\n\r\nhello\r\n' |
		curl -sS --max-time 60 -k --mail-from a@example.test --mail-rcpt joe@example.test -T - "$curl_url" "$@" 2>"$TMP/curl"
}
check "smtpd: curl sends with STARTTLS" curl_to "smtp://127.0.0.1:$smtp" --ssl-reqd --tls-max 1.2 --interface 127.0.0.4
arrives "smtpd, curl"
check "smtpd: it knows that client" wait_for log_has "$I" 'smtpd.*: client=[^ ]*\[127\.0\.0\.4\]'

check "submission: swaks logs in and sends" swaks_to "$submission" --tls -li 127.0.0.5 --auth PLAIN --auth-user joe --auth-password secret
arrives "submission"
check "submission: Dovecot knows the client and its TLS" wait_for file_has "$D/log" \
	'submission-login: .*Login: user=<joe>.* rip=127\.0\.0\.5, .*(TLS|secured)'
check "submission: and tells smtpd, which is behind it" wait_for log_has "$I" 'smtpd.*: client=[^ ]*\[127\.0\.0\.5\]'
check "submission: swaks in wrapper mode" swaks_to "$submissions" --tlsc -li 127.0.0.6 --auth LOGIN --auth-user joe --auth-password secret
arrives "submission, wrapper mode"
check "submission: Dovecot knows that client and its TLS" wait_for file_has "$D/log" \
	'submission-login: .*Login: user=<joe>.* rip=127\.0\.0\.6, .*(TLS|secured)'
swaks_to "$submission" -li 127.0.0.7 --auth PLAIN --auth-user joe --auth-password secret >"$TMP/out" 2>&1
ok $((! $?)) "submission: nothing without TLS"
unlike "$(cat "$D/log")" 'Login: user=<joe>.* rip=127\.0\.0\.7,' "submission: nor a password"

nail() { # OPTION...
	HOME=$TMP timeout 60 s-nail -:/ -S v15-compat -S tls-verify=ignore "$@" 2>"$TMP/nail.err"
}
nail_sends() {
	echo hello | nail -S from=a@example.test -S hostname=client.example -s nailed -S smtp-use-starttls \
		-S mta="smtp://joe:secret@127.0.0.1:$submission" -S smtp-auth=plain -S sendwait joe@example.test ||
		{ diag "$(cat "$TMP/nail.err")"; return 1; }
}
check "submission: s-nail logs in and sends" nail_sends
arrives "s-nail"

if start_exim; then
	check "Exim: swaks sends with STARTTLS" swaks_to "$exim" --tls -li 127.0.0.8 --header "Subject: exim"
	arrives "Exim"
	check "Exim: it knows the client" wait_for file_has "$E/log/mainlog" '<= a@example\.test H=.*\[127\.0\.0\.8\].* PRX=127\.0\.0\.1' ||
		diag "$(cat "$E/log/mainlog" "$E/out")"
	check "Exim: openssl s_client sends" sh -c "printf '%s\n' 'EHLO c' 'MAIL FROM:<a@example.test>' \
		'RCPT TO:<joe@example.test>' DATA 'Subject: s_client' '' hello . QUIT | timeout 60 openssl s_client \
		-connect 127.0.0.1:$exim -starttls smtp -crlf -quiet -bind 127.0.0.9 2>&1 | grep -q '^250 OK id='"
	arrives "Exim, s_client"
	check "Exim: it knows that client" wait_for file_has "$E/log/mainlog" '<= a@example\.test H=.*\[127\.0\.0\.9\]'
else
	skip "needs root's mount namespace and Debian's exim4-daemon-heavy (sh tools/packages install test)" "Exim"
fi

# --- fetched ---

fetch() { # URL OPTION...
	curl -sS --max-time 60 -k -u joe:secret "$@" 2>&1
}
fetched_all() { # what FETCH printed
	[ "$(printf '%s\n' "$1" | tr -d '\r' | grep -c '^hello$')" -eq $arrived ] || { diag "$1"; return 1; }
}

out=$(fetch --ssl-reqd --interface 127.0.0.10 "imap://127.0.0.1:$imap/INBOX;MAILINDEX=[1-$arrived]")
check "IMAP: curl fetches all of them with STARTTLS" fetched_all "$out"
check "IMAP: Dovecot knows the client and its TLS" wait_for file_has "$D/log" \
	'imap-login: .*Login: user=<joe>.* rip=127\.0\.0\.10, .*(TLS|secured)'
check "IMAP: curl fetches all of them in wrapper mode" fetched_all \
	"$(fetch --interface 127.0.0.11 "imaps://127.0.0.1:$imaps/INBOX;MAILINDEX=[1-$arrived]")"
check "IMAP: Dovecot knows that client and its TLS" wait_for file_has "$D/log" \
	'imap-login: .*Login: user=<joe>.* rip=127\.0\.0\.11, .*(TLS|secured)'
unlike "$(fetch --interface 127.0.0.12 "imap://127.0.0.1:$imap/INBOX;MAILINDEX=1")" '^hello' \
	"IMAP: Dovecot knows who has no TLS, and takes no password"
unlike "$(grep imap-login "$D/log")" 'Login: user=<joe>.*rip=127\.0\.0\.12' "IMAP: no login is in its log"

out=$(printf '%s\n' 'a LOGIN joe secret' 'b SELECT INBOX' 'c FETCH 1:* BODY[TEXT]' 'd LOGOUT' |
	over_tls "$imap" imap -bind 127.0.0.13 -tls1_2)
check "IMAP: openssl s_client fetches all of them" fetched_all "$out"
nail_reads() { # URL
	printf 'type *\nxit\n' | nail -R -S imap-use-starttls -S pop3-use-starttls -S imap-auth=login -S crt=0 -f "$1"
}
out=$(nail_reads "imap://joe:secret@127.0.0.1:$imap/INBOX")
check "IMAP: s-nail reads all of them" fetched_all "$out" || diag "$(cat "$TMP/nail.err")"

check "POP3: curl fetches all of them with STLS" fetched_all \
	"$(fetch --ssl-reqd --interface 127.0.0.14 "pop3://127.0.0.1:$pop3/[1-$arrived]")"
check "POP3: Dovecot knows the client and its TLS" wait_for file_has "$D/log" \
	'pop3-login: .*Login: user=<joe>.* rip=127\.0\.0\.14, .*(TLS|secured)'
check "POP3: curl fetches all of them in wrapper mode" fetched_all \
	"$(fetch --interface 127.0.0.15 "pop3s://127.0.0.1:$pop3s/[1-$arrived]")"
unlike "$(fetch --interface 127.0.0.16 "pop3://127.0.0.1:$pop3/1")" '^hello' "POP3: no password without TLS"
out=$(nail_reads "pop3://joe:secret@127.0.0.1:$pop3")
check "POP3: s-nail reads all of them" fetched_all "$out" || diag "$(cat "$TMP/nail.err")"

# --- sorted ---

script='require ["fileinto", "mailbox"]; if header :contains "subject" "sort me" { fileinto :create "Sorted"; }'
out=$( { printf 'AUTHENTICATE "PLAIN" "%s"\nPUTSCRIPT "s" {%d+}\n%s\n' "$(printf '\0joe\0secret' | base64)" \
	$((${#script} + 2)) "$script" && printf '\nSETACTIVE "s"\nLOGOUT\n'; } | over_tls "$sieve" sieve -bind 127.0.0.17)
is "$(printf '%s\n' "$out" | grep -c '^OK')" 5 "ManageSieve: a script is put and made active" || diag "$out"
check "ManageSieve: Dovecot knows the client and its TLS" wait_for file_has "$D/log" \
	'managesieve-login: .*Login: user=<joe>.* rip=127\.0\.0\.17, .*(TLS|secured)'
check "ManageSieve: a message for it" swaks_to "$smtp" --tls --header "Subject: sort me"
check "ManageSieve: the script files it" wait_for mails_are .Sorted/ 1
like "$(fetch --ssl-reqd "imap://127.0.0.1:$imap/Sorted;MAILINDEX=1")" '^hello' "IMAP: and it is fetched from there"

unlike "$(cat "$I/log/maillog")" 'throttling|panic|fatal|killed by signal|exit status' "no daemon died"
stop_instance "$I"
done_testing
