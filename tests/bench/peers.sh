#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What a unit of work costs with our tlsgate, tlsproxy and tlsmgr under our master, and with the TLS servers that Debian
# has, turn by turn in one run: each of them takes TLS from the first byte on a port of its own and passes plaintext to
# the same back end, the load generator. All have the same key, TLS 1.2 and 1.3, session tickets, one process that serves
# (stunnel: one with a thread for each session), and a line for each session in a log of their own, hitch aside, which
# has none. CPU and memory are those of all processes of a server: of ours, master and the log writer too.
#
# Lines: name, unit, and for each server the figure and how ours compares with it (ours/that). Waits are of the clients,
# by the clock, from connect() to the end of the handshake. memory-...-session is what a session adds, memory-...-all all
# that the server has divided by its sessions; idle64: after 64 KiB each way. bulk-in: plaintext comes in, and goes out
# encrypted; bulk-out: the other way. Ten sessions, in out100 a hundred.
# ROUNDS and SCALE (percent of the usual amount of work) can be set in the environment. Run by tests/bench/run.

. "$SEALPOST_TOP/tests/integration/lib.sh"
. "$SEALPOST_TOP/tests/bench/cpu.sh"

ROUNDS=${ROUNDS:-${FULL:+5}}
ROUNDS=${ROUNDS:-3}
SCALE=${SCALE:-100}
HZ=$(getconf CLK_TCK)
SERVERS="hitch haproxy nginx stunnel"

# The package and the file of it without which a server cannot take part.
package_of() {
	case $1 in
	hitch) echo hitch /usr/sbin/hitch ;;
	haproxy) echo haproxy /usr/sbin/haproxy ;;
	nginx) echo libnginx-mod-stream /usr/lib/nginx/modules/ngx_stream_module.so ;;
	stunnel) echo stunnel4 /usr/bin/stunnel4 ;;
	esac
}

# --- servers: start_NAME DIRECTORY sets SERVER_PID; DIRECTORY/port is where it listens ---

make_own() {
	make_own_instance "$1" n
	cp "$I/etc/main.cf" "$I/etc/main.cf.in"
	sed "s,^smtpd_tls_cert_file.*,smtpd_tls_chain_files = $TMP/certs/$2.key $TMP/certs/$2.crt,; /^smtpd_tls_key_file/d" \
		"$I/etc/main.cf.in" >"$I/etc/main.cf"
	cat >"$I/etc/master.cf" <<CONF
127.0.0.1:$PORT inet n - n - 1 tlsgate
  -o tlsgate_tls_wrappermode=yes -o tlsgate_protocol=none -o tlsgate_backend=127.0.0.1:$BACKEND_PORT
tlsproxy unix - - n - 0 tlsproxy
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
CONF
	# Else a process would give way to another after a hundred sessions.
	echo "max_use = 1000000" >>"$I/etc/main.cf"
	"$BIN/postfix" -c "$I/etc" start >"$I/log/start" 2>&1
	SERVER_PID=$(master_pid "$I")
}

make_hitch() {
	cat >"$I/conf" <<CONF
frontend = "[127.0.0.1]:$PORT"
backend = "[127.0.0.1]:$BACKEND_PORT"
pem-file = "$TMP/certs/$2.pem"
workers = 1
tls-protos = TLSv1.2 TLSv1.3
ciphers = "ECDHE+AES256+AESGCM"
ciphersuites = "TLS_AES_256_GCM_SHA384"
daemon = off
user = "nobody"
CONF
	/usr/sbin/hitch --config="$I/conf" >"$I/log/out" 2>&1 &
}

make_haproxy() {
	cat >"$I/conf" <<CONF
global
	nbthread 1
	user nobody
	maxconn 2000
	log stdout format raw local0 info
defaults
	mode tcp
	log global
	option tcplog
	option dontlognull
	timeout connect 30s
	timeout client 300s
	timeout server 300s
frontend tls
	bind 127.0.0.1:$PORT ssl crt $TMP/certs/$2.pem ssl-min-ver TLSv1.2 ciphers ECDHE+AES256+AESGCM ciphersuites TLS_AES_256_GCM_SHA384 backlog 1024
	default_backend plain
backend plain
	server one 127.0.0.1:$BACKEND_PORT
CONF
	/usr/sbin/haproxy -db -f "$I/conf" >"$I/log/out" 2>&1 &
}

make_nginx() {
	cat >"$I/conf" <<CONF
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
user nobody nogroup;
worker_processes 1;
pid $I/pid;
error_log $I/log/error;
events { worker_connections 4096; }
stream {
	log_format line '\$remote_addr:\$remote_port \$status \$ssl_protocol \$ssl_cipher \$session_time';
	access_log $I/log/access line;
	server {
		listen 127.0.0.1:$PORT ssl backlog=1024;
		proxy_pass 127.0.0.1:$BACKEND_PORT;
		proxy_timeout 300s;
		ssl_certificate $TMP/certs/$2.crt;
		ssl_certificate_key $TMP/certs/$2.key;
		ssl_protocols TLSv1.2 TLSv1.3;
		ssl_ciphers ECDHE+AES256+AESGCM;
		ssl_conf_command Ciphersuites TLS_AES_256_GCM_SHA384;
		ssl_session_tickets on;
	}
}
CONF
	/usr/sbin/nginx -e "$I/log/error" -p "$I" -c "$I/conf" >"$I/log/out" 2>&1 &
}

make_stunnel() {
	cat >"$I/conf" <<CONF
foreground = yes
syslog = no
output = $I/log/out
pid =
setuid = nobody
debug = 5
[tls]
accept = 127.0.0.1:$PORT
connect = 127.0.0.1:$BACKEND_PORT
cert = $TMP/certs/$2.pem
sslVersionMin = TLSv1.2
ciphers = ECDHE+AES256+AESGCM
ciphersuites = TLS_AES_256_GCM_SHA384
options = -NO_TICKET
CONF
	touch "$I/log/out" && chown nobody "$I/log/out"
	/usr/bin/stunnel4 "$I/conf" >"$I/log/start" 2>&1 &
}

# start_server NAME KEY: its port and process id are in files of $TMP/NAME-KEY.
start_server() {
	if [ "$1" = own ]; then
		make_own "own-$2" "$2"
	else
		I=$TMP/$1-$2
		mkdir -p "$I/log"
		PORT=$(free_ports 1)
		"make_$1" "$1-$2" "$2"
		SERVER_PID=$!
		PIDS="$PIDS $SERVER_PID"
	fi
	echo "$PORT" >"$I/port"
	echo "$SERVER_PID" >"$I/pid.server"
	wait_for serves "$1-$2"
}

serves() { # DIRECTORY
	"$TMP/load" "$PORT:$BACKEND_PORT" full 1.3 3 2>"$TMP/load.err"
}

logs_of() {
	for file in "$TMP/$1"/log/*; do
		echo "== $file"
		tail -n 20 "$file"
	done >&2
}

# --- what it costs ---

cpu() { # DIRECTORY
	cpu_settled "$(cat "$TMP/$1/pid.server")"
}

# KiB of all its processes.
pss() { # DIRECTORY
	pss_pid=$(cat "$TMP/$1/pid.server")
	for pid in $(cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^\([0-9]*\) (.*) /\1 /' |
		awk -v m="$pss_pid" '$1 == m || $3 == m || $4 == m { print $1 }'); do
		sed -n 's/^Pss: *\([0-9]*\).*/\1/p' "/proc/$pid/smaps_rollup"
	done | awk '{ t += $1 } END { print t + 0 }'
}

load() { # DIRECTORY MODE VERSION COUNT
	"$TMP/load" "$(cat "$TMP/$1/port"):$BACKEND_PORT" "$2" "$3" "$4" 2>"$TMP/load.err" || {
		echo "bench: $1: $2 $3 $4: $(cat "$TMP/load.err")" >&2
		logs_of "$1"
		return 1
	}
	[ ! -s "$TMP/load.err" ] || echo "# $1: $2 $3: $(cat "$TMP/load.err")" >&2
}

# A work_KIND prints the figures of one turn of a server, in a line.

work_cpu() { # DIRECTORY MODE VERSION COUNT MICROSECONDS-PER-UNIT-OF-OUTPUT
	work_before=$(cpu "$1")
	load "$1" "$2" "$3" "$4" || return 1
	work_after=$(cpu "$1")
	awk -v t=$((work_after - work_before)) -v n="$4" -v hz="$HZ" -v scale="$5" 'BEGIN { print t * 1000000 / hz / n / scale }'
}

work_wait() { # DIRECTORY MODE VERSION COUNT: median, 99th percentile
	load "$1" "$2" "$3" "$4"
}

work_memory() { # DIRECTORY MODE VERSION COUNT: KiB a session: growth, all
	load "$1" full "$3" 2 || return 1
	pss_before=$(pss "$1")
	rm -f "$TMP/idle.in" "$TMP/idle.out"
	mkfifo "$TMP/idle.in"
	load "$1" "$2" "$3" "$4" <"$TMP/idle.in" >"$TMP/idle.out" &
	idle_pid=$!
	exec 7>"$TMP/idle.in"
	wait_for file_has "$TMP/idle.out" ready
	pss_after=$(pss "$1")
	exec 7>&-
	wait $idle_pid || return 1
	awk -v b="$pss_before" -v a="$pss_after" -v n="$4" 'BEGIN { print (a - b) / n, a / n }'
}

# gather KEY ROUNDS WORK ARGUMENTS...: the servers take turns; report() has the figures.
gather() {
	key=$1 rounds=$2 work=$3
	shift 3
	rm -f "$TMP"/figure.*
	round=0
	while [ $round -lt "$rounds" ]; do
		for server in own $present; do
			"work_$work" "$server-$key" "$@" >>"$TMP/figure.$server" || exit 1
		done
		round=$((round + 1))
	done
}

mean() { # SERVER COLUMN
	awk -v c="$2" '{ t += $c } END { print t / NR }' "$TMP/figure.$1"
}

report() { # NAME UNIT [COLUMN]
	own=$(mean own "${3:-1}")
	line=$(printf '%-28s %-13s %10.2f' "$1" "$2" "$own")
	for server in $present; do
		line="$line $(awk -v own="$own" -v t="$(mean "$server" "${3:-1}")" 'BEGIN {
			printf "%10.2f %-5s", t, (own > 0 && t > 0 ? sprintf("%.2f", own / t) : "-") }')"
	done
	echo "$line"
}

scaled() {
	echo $(($1 * SCALE / 100))
}

# --- the run ---

present=
for server in $SERVERS; do
	# shellcheck disable=SC2046 -- two words
	set -- $(package_of "$server")
	if [ -e "$2" ]; then
		present="$present $server"
	else
		echo "bench: $server is left out: no $2 (package $1; tools/packages install bench)"
	fi
done

make_certs "$TMP/certs"
for key in ecdsa rsa; do
	cat "$TMP/certs/$key.key" "$TMP/certs/$key.crt" >"$TMP/certs/$key.pem"
done
${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -o "$TMP/load" "$SEALPOST_TOP/tests/bench/load.c" "$SEALPOST_TOP/tests/bench/load_port.c" \
	-lssl -lcrypto -lpthread || exit 1
BACKEND_PORT=$(free_ports 1)

for key in ecdsa rsa; do
	for server in own $present; do
		start_server "$server" $key || {
			echo "bench: $server does not serve: $(cat "$TMP/load.err")" >&2
			logs_of "$server-$key"
			exit 1
		}
	done
done

line=$(printf '%-28s %-13s %10s' name unit ours)
for server in $present; do
	line="$line $(printf '%10s %-5s' "$server" ratio)"
done
echo "$line"
# A server that has not yet been used for anything each: memory that was had before is used again.
for mode in idle idle64; do
	gather $([ $mode = idle ] && echo ecdsa || echo rsa) 1 memory $mode 1.3 "$(scaled 400)"
	report memory-$mode-session KiB/session 1
	report memory-$mode-all KiB/session 2
done
for version in 1.3 1.2; do
	gather ecdsa "$ROUNDS" cpu full $version "$(scaled 800)" 1
	report handshake-full-p256-tls$version us/handshake
	gather rsa "$ROUNDS" cpu full $version "$(scaled 400)" 1
	report handshake-full-rsa-tls$version us/handshake
	gather ecdsa "$ROUNDS" cpu resumed $version "$(scaled 1000)" 1
	report handshake-resumed-tls$version us/handshake
done
for mode in in out ${FULL:+out100}; do
	gather ecdsa "$ROUNDS" cpu $mode 1.3 "$(scaled 500)" 1000
	report bulk-$mode CPU-s/GB
done
gather ecdsa "$ROUNDS" cpu echo 1.3 "$(scaled 20000)" 1
report round-trip-64-bytes us/round-trip
for clients in 1 50 500; do
	if [ $clients -eq 1 ]; then
		gather ecdsa "$ROUNDS" wait turns 1.3 "$(scaled 200)"
	else
		gather ecdsa "$ROUNDS" wait burst 1.3 $clients
	fi
	report wait-$clients-at-once-p50 us 1
	report wait-$clients-at-once-p99 us 2
done
