#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What every tlsproxy does, seen from its service socket: the same cases against ours and against Postfix's, each under
# a real master. The table at the end of tests/tools/tlsproxy-check.c has what is wanted, where the two are meant to
# differ, and why. SEALPOST_FULL=1 adds those that wait for limits of 12 and 100 seconds.
. "$(dirname "$0")/lib.sh"
need_postfix
make_certs "$TMP/certs"
tool tlsproxy-check

# A server certificate, who signed it, who did not, and a client's.
chains() {
	cd "$TMP/certs" || return
	for name in ca other; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.pem -days 30 \
			-subj "/CN=$name test" || return
	done
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=mx.host.test &&
		echo subjectAltName=DNS:mx.host.test >server.ext &&
		openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile server.ext \
			-out server.crt && cat server.key server.crt >server.pem &&
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout client.key -out client.crt -days 30 \
			-subj /CN=client.test && cat client.key client.crt >client.pem && chmod 644 ./*.pem
}
(chains) >"$TMP/chains" 2>&1 || { diag "$(cat "$TMP/chains")"; skip_all "cannot make certificates"; }

run_variant() { # NAME OURS
	make_instance "$1" "$2"
	# Every session is to be verified anew.
	sed -i '/^smtp_tls_session_cache_database/d' "$I/etc/main.cf"
	cat >>"$I/etc/main.cf" <<-CONF
	max_use = 100000
	CONF
	start_instance "$I" || { ok 1 "$1: starts"; return; }
	ulimit -n 4096 2>/dev/null
	"$TOOLS/tlsproxy-check" "$I/spool/private/tlsproxy" "$TMP/certs" "$1" ${SEALPOST_FULL:+full} >"$TMP/$1.tap" 2>&1
	check_status=$?
	while read -r line; do
		case $line in
		ok*'# SKIP'*) skip "${line##*# SKIP }" "$(echo "${line%% # SKIP*}" | sed 's/^ok [0-9]* - //')" ;;
		ok*) ok 0 "$(echo "$line" | sed 's/^ok [0-9]* - //')" ;;
		'not ok'*) ok 1 "$(echo "$line" | sed 's/^not ok [0-9]* - //')" ;;
		'#'*) diag "${line#\# }" ;;
		esac
	done <"$TMP/$1.tap"
	case $check_status in
	0 | 1) ;;
	*) ok 1 "$1: the cases end" || diag "$(tail -n 3 "$TMP/$1.tap")" ;;
	esac
	unlike "$(cat "$I/log/maillog")" 'panic|killed by signal|watchdog' "$1: no process died"
	connects=$(log_count "$I" 'tlsproxy\[[0-9]*\]: CONNECT ')
	check "$1: every session that began has ended" wait_for log_count_is "$I" 'tlsproxy\[[0-9]*\]: DISCONNECT ' "$connects"
	stop_instance "$I"
}

run_variant ours "tlsmgr tlsproxy"
run_variant stock ""
done_testing
