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
# Run by tests/bench/run.

. "$SEALPOST_TOP/tests/bench/versus.sh"

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

make_own() {
	cat >"$I/etc/master.cf" <<CONF
127.0.0.1:$PORT inet n - n - 1 tlsgate
  -o tlsgate_tls_wrappermode=yes -o tlsgate_protocol=none -o tlsgate_backend=127.0.0.1:$BACKEND_PORT
tlsproxy unix - - n - 0 tlsproxy
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
CONF
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

# --- the run ---

find_servers
make_keys
build_load load.c load_port.c load_net.c
start_servers ecdsa rsa
report_header
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
