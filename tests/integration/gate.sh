# SPDX-License-Identifier: ISC
#
# gate.sh: what the tests of tlsgate share: lines of master.cf, and a Dovecot of their own. Sourced after lib.sh.

# gate_line PORT BACKEND [OPTION...]: a tlsgate service for master.cf. BACKEND is a port of this machine, or as
# tlsgate_backend has it.
gate_line() {
	echo "127.0.0.1:$1 inet n - n - - tlsgate"
	case $2 in
	*[!0-9]*) gate_backend=$2 ;;
	*) gate_backend=127.0.0.1:$2 ;;
	esac
	printf '  -o tlsgate_backend=%s\n' "$gate_backend"
	shift 2
	[ $# -eq 0 ] || printf '  -o %s\n' "$@"
}

need_dovecot() {
	[ -x /usr/sbin/dovecot ] && [ -x /usr/lib/dovecot/submission-login ] || skip_all "needs Debian's dovecot packages"
}

# dovecot_ports: sets D, and chooses ports: X_PORT, and X_TOLD_PORT where a header of the PROXY protocol is expected.
dovecot_ports() {
	D=$TMP/dovecot
	set -- $(free_ports 9)
	IMAP_PORT=$1 POP3_PORT=$2 SIEVE_PORT=$3 LMTP_PORT=$4
	IMAP_TOLD_PORT=$5 POP3_TOLD_PORT=$6 SIEVE_TOLD_PORT=$7 SUBMISSION_TOLD_PORT=$8 LMTP_TOLD_PORT=$9
}

listener() { # NAME PORT [OPTION]
	printf '  inet_listener %s {\n    port = %s\n    %s\n  }\n' "$1" "$2" "${3:-}"
}

# start_dovecot SETTINGS: with one user, joe, whose password is secret. $D/log, $D/mail/joe/Maildir. Files belong
# to user postfix.
start_dovecot() {
	mkdir -p "$D/run" "$D/mail/joe/Maildir/new" "$D/mail/joe/Maildir/cur" "$D/mail/joe/Maildir/tmp"
	chown -R postfix "$D/mail"
	{
		cat <<CONF
base_dir = $D/run
state_dir = $D/run
log_path = $D/log
protocols = imap pop3 lmtp sieve submission
listen = 127.0.0.1
hostname = back.example.test
haproxy_trusted_networks = 127.0.0.0/8
auth_mechanisms = plain login
first_valid_uid = 1
mail_location = maildir:$D/mail/%n/Maildir
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=postfix gid=postfix home=$D/mail/%n
}
$1
CONF
		printf 'service imap-login {\n'
		listener imap "$IMAP_PORT"
		listener imap_told "$IMAP_TOLD_PORT" "haproxy = yes"
		listener imaps 0
		printf '}\nservice pop3-login {\n'
		listener pop3 "$POP3_PORT"
		listener pop3_told "$POP3_TOLD_PORT" "haproxy = yes"
		listener pop3s 0
		printf '}\nservice managesieve-login {\n'
		listener sieve "$SIEVE_PORT"
		listener sieve_told "$SIEVE_TOLD_PORT" "haproxy = yes"
		printf '}\nservice submission-login {\n'
		listener submission "$SUBMISSION_TOLD_PORT" "haproxy = yes"
		listener submissions 0
		printf '}\nservice lmtp {\n'
		listener lmtp "$LMTP_PORT"
		listener lmtp_told "$LMTP_TOLD_PORT" "haproxy = yes"
		printf '}\n'
	} >"$D/dovecot.conf"
	/usr/sbin/dovecot -F -c "$D/dovecot.conf" >"$D/out" 2>&1 &
	PIDS="$PIDS $!"
	for p in $IMAP_PORT $POP3_PORT $SIEVE_PORT $LMTP_PORT; do
		wait_for port_open "$p" || diag "$(cat "$D/out" "$D/log")"
	done
}

over_tls() { # PORT PROTOCOL [OPTION...]: standard input inside TLS; prints what comes
	over_port=$1 over_protocol=$2
	shift 2
	timeout 60 openssl s_client -connect "127.0.0.1:$over_port" -starttls "$over_protocol" -crlf -quiet "$@" 2>"$TMP/s_client"
}
