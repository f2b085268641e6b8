#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What an SMTP session with STARTTLS costs with our tlsgate, tlsproxy and tlsmgr under our master, with nginx's mail proxy
# and with stunnel, turn by turn in one run. Clients and the SMTP server behind are the load generator. All have the same
# key, TLS 1.2 and 1.3, session tickets, one process that serves (stunnel: one with a thread for each session), and log
# each session in a file of their own. CPU and memory are those of all processes of a server: of ours, master and the log
# writer too.
#
# They do not all do the same: tlsgate connects to the back end when the client comes, and again when TLS has begun;
# stunnel when the client comes; nginx answers EHLO itself, and neither asks for leave (by HTTP, of the load generator) nor
# connects before a recipient is there.
#
# Lines: name, unit, and for each server the figure and how ours compares with it (ours/that). session-...: EHLO, STARTTLS,
# EHLO, QUIT; mail-...: the same with a message of 2 KB; bulk: messages of 1 MB. memory-...-session is what an idle session
# adds, memory-...-all all that the server has divided by its sessions: after EHLO, and (idle-mail) after a message.
# Run by tests/bench/run.

. "$SEALPOST_TOP/tests/bench/versus.sh"

SERVERS="nginx stunnel"
STUNNEL_PROTOCOL=smtp

# The package and the file of it without which a server cannot take part.
package_of() {
	case $1 in
	nginx) echo libnginx-mod-mail /usr/lib/nginx/modules/ngx_mail_module.so ;;
	stunnel) echo stunnel4 /usr/bin/stunnel4 ;;
	esac
}

make_own() {
	cat >"$I/etc/master.cf" <<CONF
127.0.0.1:$PORT inet n - n - 1 tlsgate
  -o tlsgate_protocol=smtp -o tlsgate_backend=127.0.0.1:$BACKEND_PORT
tlsproxy unix - - n - 0 tlsproxy
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
CONF
}

make_nginx() {
	cat >"$I/conf" <<CONF
load_module /usr/lib/nginx/modules/ngx_mail_module.so;
daemon off;
user nobody nogroup;
worker_processes 1;
pid $I/pid;
error_log $I/log/error info;
events { worker_connections 4096; }
mail {
	server_name mx.example.test;
	auth_http 127.0.0.1:$AUTH_PORT;
	server {
		listen 127.0.0.1:$PORT backlog=1024;
		protocol smtp;
		smtp_auth none;
		smtp_capabilities PIPELINING "SIZE 10240000" 8BITMIME;
		xclient off;
		proxy_timeout 300s;
		timeout 300s;
		starttls on;
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

AUTH_PORT=$(free_ports 1)
export AUTH_PORT
find_servers
make_keys
build_load load_smtp.c load_net.c
start_servers ecdsa rsa
report_header
# A server that has not yet been used for anything each: memory that was had before is used again.
for mode in idle idle-mail; do
	gather "$([ $mode = idle ] && echo ecdsa || echo rsa)" 1 memory $mode 1.3 "$(scaled 400)"
	report memory-$mode-session KiB/session 1
	report memory-$mode-all KiB/session 2
done
for version in 1.3 1.2; do
	for mode in full resumed mail resumed-mail; do
		gather ecdsa "$ROUNDS" cpu $mode $version "$(scaled 400)" 1
		case $mode in
		*mail) report mail-${mode%mail}tls$version us/session ;;
		*) report session-$mode-tls$version us/session ;;
		esac
	done
done
gather ecdsa "$ROUNDS" cpu large 1.3 "$(scaled 200)" 1000
report bulk-mail CPU-s/GB
