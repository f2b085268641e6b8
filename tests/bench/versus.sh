# SPDX-License-Identifier: ISC
#
# versus: our programs and other servers, turn by turn in one run. For subjects, which have:
#
#   SERVERS             names of the others
#   package_of NAME     its package, and the file without which it cannot take part
#   make_NAME DIR KEY   starts one that listens at $PORT and keeps all it has in $I; make_own: only writes master.cf
#
# CPU and memory are those of all processes of a server: of ours, master and the log writer too.
# ROUNDS and SCALE (percent of the usual amount of work) can be set in the environment.

. "$SEALPOST_TOP/tests/integration/lib.sh"
. "$SEALPOST_TOP/tests/bench/cpu.sh"

ROUNDS=${ROUNDS:-${FULL:+5}}
ROUNDS=${ROUNDS:-3}
SCALE=${SCALE:-100}
HZ=$(getconf CLK_TCK)

# --- servers ---

# Sets $present.
find_servers() {
	present=
	for server in $SERVERS; do
		# shellcheck disable=SC2046
		set -- $(package_of "$server")
		if [ -e "$2" ]; then
			present="$present $server"
		else
			echo "bench: $server is left out: no $2 (package $1; tools/packages install bench)"
		fi
	done
}

# In $TMP/certs: ecdsa and rsa, .key, .crt and both in .pem.
make_keys() {
	make_certs "$TMP/certs"
	for key in ecdsa rsa; do
		cat "$TMP/certs/$key.key" "$TMP/certs/$key.crt" >"$TMP/certs/$key.pem"
	done
}

# build_load SOURCE...: the load generator, which is used like this: $LOAD PORT:BACKEND-PORT MODE VERSION COUNT
build_load() {
	LOAD=$TMP/load
	BACKEND_PORT=$(free_ports 1)
	(cd "$SEALPOST_TOP/tests/bench" &&
		${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -o "$LOAD" "$@" load_tls.c -lssl -lcrypto -lpthread) || exit 1
}

start_own() { # DIRECTORY KEY
	make_own_instance "$1" n
	sed "s,^smtpd_tls_cert_file.*,smtpd_tls_chain_files = $TMP/certs/$2.key $TMP/certs/$2.crt,; /^smtpd_tls_key_file/d" \
		"$I/etc/main.cf" >"$I/etc/main.cf.new"
	# Else a process would give way to another after a hundred sessions.
	echo "max_use = 1000000" >>"$I/etc/main.cf.new"
	mv "$I/etc/main.cf.new" "$I/etc/main.cf"
	make_own "$1" "$2"
	"$BIN/postfix" -c "$I/etc" start >"$I/log/start" 2>&1
	SERVER_PID=$(master_pid "$I")
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
${STUNNEL_PROTOCOL:+protocol = $STUNNEL_PROTOCOL}
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
		start_own "own-$2" "$2"
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
	load "$1" full 1.3 3 2>/dev/null
}

# Each server with each of these keys.
start_servers() { # KEY...
	for key in "$@"; do
		for server in own $present; do
			start_server "$server" "$key" || {
				echo "bench: $server does not serve: $(cat "$TMP/load.err")" >&2
				logs_of "$server-$key"
				exit 1
			}
		done
	done
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
	"$LOAD" "$(cat "$TMP/$1/port"):$BACKEND_PORT" "$2" "$3" "$4" 2>"$TMP/load.err" || {
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

report_header() {
	line=$(printf '%-28s %-13s %10s' name unit ours)
	for server in $present; do
		line="$line $(printf '%10s %-5s' "$server" ratio)"
	done
	echo "$line"
}

scaled() {
	echo $(($1 * SCALE / 100))
}
