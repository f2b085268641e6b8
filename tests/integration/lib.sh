# SPDX-License-Identifier: ISC
#
# lib.sh: what the integration tests share: TAP, waiting for conditions, certificates, private
# Postfix instances. Sourced as ". tests/integration/lib.sh"; SEALPOST_BUILD names the build.
#
# Everything a test makes is below $TMP; the trap set here stops what still runs and removes it.

SEALPOST_TOP=${SEALPOST_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
SEALPOST_BUILD=${SEALPOST_BUILD:-$SEALPOST_TOP/build}
BIN=$SEALPOST_BUILD/bin
POSTFIX_SBIN=/usr/lib/postfix/sbin
export LC_ALL=C
unset MAIL_CONFIG MAIL_LOGTAG MAIL_DEBUG MAIL_VERBOSE TZ

TMP=$(mktemp -d "${TMPDIR:-/tmp}/sealpost-test.XXXXXX") || exit 1
# User postfix passes through here on the way to its queue.
chmod 755 "$TMP"
# Some parts run as another user, who cannot pass through a folder such as /root on the way to the programs.
if [ "$(id -u)" -eq 0 ] && ! setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$BIN/master" &&
	[ -x "$BIN/master" ]; then
	cp -R "$BIN" "$TMP/bin"
	BIN=$TMP/bin
fi
INSTANCES=
PIDS=
TAP_N=0
TAP_BAD=0

# Process ids come round again within minutes when tests run: who has ended is not signalled, for another test may have
# the number now. is_child PID: a process of this shell.
is_child() {
	[ "$(sed -n 's/^[0-9]* (.*) . \([0-9]*\) .*/\1/p' "/proc/$1/stat" 2>/dev/null)" = $$ ]
}

cleanup() {
	for i in $INSTANCES; do
		stop_instance "$i"
	done
	for p in $PIDS; do
		is_child "$p" || continue
		kill -CONT "$p" 2>/dev/null
		kill "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
	PIDS=
	perl "$SEALPOST_TOP/tests/tools/drop-keys.pl" "$TMP/"
	rm -rf "$TMP"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# --- TAP ---

# ok STATUS NAME: passes if STATUS is 0. "Bail" text goes to diag.
ok() {
	TAP_N=$((TAP_N + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $TAP_N - $2"
	else
		TAP_BAD=$((TAP_BAD + 1))
		echo "not ok $TAP_N - $2"
	fi
	return "$1"
}

is() { # GOT WANTED NAME
	[ "$1" = "$2" ]
	ok $? "$3" || { diag "got:    $1"; diag "wanted: $2"; return 1; }
}

like() { # TEXT EXTENDED-REGEX NAME
	printf '%s\n' "$1" | grep -Eq -- "$2"
	ok $? "$3" || { diag "no match for: $2"; diag "$1"; return 1; }
}

unlike() { # TEXT EXTENDED-REGEX NAME
	! printf '%s\n' "$1" | grep -Eq -- "$2"
	ok $? "$3" || { diag "matches: $2"; diag "$(printf '%s\n' "$1" | grep -E -- "$2")"; return 1; }
}

check() { # NAME COMMAND...
	check_name=$1
	shift
	"$@"
	ok $? "$check_name"
}

skip() { # REASON NAME
	TAP_N=$((TAP_N + 1))
	echo "ok $TAP_N - $2 # SKIP $1"
}

skip_all() { # REASON
	echo "1..0 # SKIP $1"
	exit 0
}

diag() {
	printf '%s\n' "$1" | sed 's/^/# /'
}

done_testing() {
	echo "1..$TAP_N"
	if [ $TAP_BAD -gt 0 ]; then
		for i in $INSTANCES; do
			diag "log of $i:"
			diag "$(tail -n 150 "$i/log/maillog" 2>/dev/null)"
		done
		exit 1
	fi
	exit 0
}

# --- waiting ---

# wait_for COMMAND...: until it succeeds; gives up after a time in which a loaded machine would have managed.
wait_for() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 1200 ] || return 1
		sleep 0.1
	done
}

# now_ms: of a clock that only moves forward; for what is told, not for what is checked.
now_ms() {
	perl -MTime::HiRes=clock_gettime,CLOCK_MONOTONIC -e 'printf "%d\n", 1000 * clock_gettime(CLOCK_MONOTONIC)'
}

log_has() { # INSTANCE EXTENDED-REGEX
	grep -Eq -- "$2" "$1/log/maillog" 2>/dev/null
}

log_count() { # INSTANCE EXTENDED-REGEX
	grep -Ec -- "$2" "$1/log/maillog" 2>/dev/null
}

log_count_is() { # INSTANCE EXTENDED-REGEX NUMBER
	[ "$(log_count "$1" "$2")" -ge "$3" ]
}

# logged NUMBER INSTANCE EXTENDED-REGEX NAME: so many lines and no more. A line may come after what it tells of.
logged() {
	wait_for log_count_is "$2" "$3" "$1"
	is "$(log_count "$2" "$3")" "$1" "$4"
}

file_has() { # FILE EXTENDED-REGEX
	grep -Eq -- "$2" "$1" 2>/dev/null
}

lines_in() { # FILE NUMBER
	[ "$(wc -l 2>/dev/null <"$1" || echo 0)" -ge "$2" ]
}

gone() { # PID
	! kill -0 "$1" 2>/dev/null
}

port_open() { # PORT
	perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0])' "$1"
}

# --- things to use ---

need_root() {
	[ "$(id -u)" -eq 0 ] || skip_all "needs root"
}

need_postfix() {
	need_root
	[ -x $POSTFIX_SBIN/master ] || skip_all "needs Debian's postfix package"
	case $(/usr/sbin/postconf -dh mail_version 2>/dev/null) in
	3.*) ;;
	*) skip_all "needs Postfix 3" ;;
	esac
}

# free_ports N: as many loopback ports nobody has, all different; below those that the kernel gives to clients. They stay
# bound until this test has ended, without listening: no free_ports of another test takes one, and a server that sets
# SO_REUSEADDR, as all here do, can listen there.
free_ports() {
	ulimit -n "$(ulimit -Hn)"
	perl -MIO::Socket::INET -e '
		my ($wanted, $test) = @ARGV;
		my @s;
		for (my $n = 0; @s < $wanted && $n < 10000; $n++) {
			my $s = IO::Socket::INET->new(Proto => "tcp", LocalAddr => "127.0.0.1", LocalPort => 10000 + int(rand(20000)));
			push @s, $s if $s;
		}
		@s == $wanted or die "no free ports";
		setsockopt($_, SOL_SOCKET, SO_REUSEADDR, 1) or die "$!" for @s;
		print join(" ", map { $_->sockport } @s), "\n";
		close(STDOUT);
		exit if fork;
		open(STDERR, ">", "/dev/null");
		sleep 1 while kill(0, $test) || $!{EPERM};' "$1" $$
}

# tool NAME: builds tests/tools/NAME.c once; the result is $TOOLS/NAME.
TOOLS=$TMP/tools
tool() {
	mkdir -p "$TOOLS"
	${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 -o "$TOOLS/$1" "$SEALPOST_TOP/tests/tools/$1.c" -lssl -lcrypto ||
		{ echo "Bail out! cannot build $1"; exit 1; }
}

# make_certs DIR: rsa.{crt,key}, ecdsa.{crt,key}, self-signed for mx.example.test.
make_certs() {
	mkdir -p "$1"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1/rsa.key" -out "$1/rsa.crt" -days 30 \
		-subj /CN=mx.example.test -addext subjectAltName=DNS:mx.example.test 2>/dev/null
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1/ecdsa.key" \
		-out "$1/ecdsa.crt" -days 30 -subj /CN=mx.example.test \
		-addext subjectAltName=DNS:mx.example.test 2>/dev/null
	chmod 600 "$1"/*.key
}

# --- private Postfix instances ---

# make_instance NAME OURS: real Postfix in $TMP/NAME whose daemon_directory holds, for each program named in
# OURS, ours in place of Debian's. Sets I, SMTPD_PORT, SCREEN_PORT. More main.cf lines may be appended to
# $I/etc/main.cf, more services to $I/etc/master.cf, before start_instance.
make_instance() {
	I=$TMP/$1
	INSTANCES="$INSTANCES $I"
	mkdir -p "$I/etc" "$I/spool" "$I/data" "$I/daemon" "$I/log" "$I/mail"
	chmod 755 "$I" "$I/mail"
	chown postfix "$I/data" "$I/mail"
	ln -s $POSTFIX_SBIN/* "$I/daemon/"
	for program in $2; do
		ln -sf "$BIN/$program" "$I/daemon/$program"
	done
	set -- $(free_ports 2)
	SMTPD_PORT=$1 SCREEN_PORT=$2
	write_main_cf >"$I/etc/main.cf"
	write_master_cf >"$I/etc/master.cf"
}

write_main_cf() {
	cat <<CONF
compatibility_level = 3.6
queue_directory = $I/spool
data_directory = $I/data
daemon_directory = $I/daemon
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = $I/log/maillog
maillog_file_prefixes = $I
myhostname = mx.example.test
mydomain = example.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
message_size_limit = 0
virtual_mailbox_domains = example.test
virtual_mailbox_maps = static:box
virtual_mailbox_base = $I/mail
virtual_mailbox_limit = 0
virtual_uid_maps = static:$(id -u postfix)
virtual_gid_maps = static:$(id -g postfix)
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
smtp_host_lookup = native
lmtp_host_lookup = native
smtpd_peername_lookup = no
disable_dns_lookups = yes
smtpd_tls_security_level = may
smtpd_tls_chain_files = $TMP/certs/ecdsa.key, $TMP/certs/ecdsa.crt, $TMP/certs/rsa.key, $TMP/certs/rsa.crt
smtpd_tls_loglevel = 1
smtpd_tls_session_cache_database = btree:$I/data/smtpd_scache
smtp_tls_security_level = encrypt
smtp_tls_loglevel = 1
smtp_tls_session_cache_database = btree:$I/data/smtp_scache
tlsproxy_tls_loglevel = 1
postscreen_access_list =
postscreen_greet_wait = 1s
postscreen_greet_action = ignore
postscreen_non_smtp_command_enable = yes
postscreen_pipelining_enable = yes
postscreen_cache_map =
CONF
}

write_master_cf() {
	cat <<CONF
127.0.0.1:$SMTPD_PORT inet n - n - - smtpd
127.0.0.1:$SCREEN_PORT inet n - n - 1 postscreen
smtpd     pass  -       -       n       -       -       smtpd
dnsblog   unix  -       -       n       -       0       dnsblog
tlsproxy  unix  -       -       n       -       0       tlsproxy
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
virtual   unix  -       n       n       -       -       virtual
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
CONF
}

# make_own_instance NAME CHROOT: our master and our daemons in $TMP/NAME, with nothing of Postfix, as whoever runs the
# test; root's daemons run as nobody, in the jail if CHROOT is y. Keys are those of make_certs "$TMP/certs". Sets I,
# OWNER, and PORT, where tlsgate listens. To be started with "$BIN/postfix" -c "$I/etc" start.
make_own_instance() {
	I=$TMP/$1
	INSTANCES="$INSTANCES $I"
	mkdir -p "$I/etc" "$I/spool" "$I/data" "$I/log"
	chmod 755 "$I" "$I/spool"
	OWNER=$(id -un)
	[ "$(id -u)" -ne 0 ] || { OWNER=nobody && chown $OWNER "$I/data"; }
	PORT=$(free_ports 1)
	cat >"$I/etc/main.cf" <<CONF
compatibility_level = 3.6
queue_directory = $I/spool
data_directory = $I/data
command_directory = $BIN
daemon_directory = $BIN
mail_owner = $OWNER
myhostname = mx.example.test
inet_protocols = ipv4
maillog_file = $I/log/maillog
maillog_file_prefixes = $I
smtpd_tls_security_level = may
smtpd_tls_cert_file = $TMP/certs/rsa.crt
smtpd_tls_key_file = $TMP/certs/rsa.key
smtpd_tls_loglevel = 1
service_throttle_time = 1s
CONF
	cat >"$I/etc/master.cf" <<CONF
127.0.0.1:$PORT inet n - $2 - - tlsgate
tlsproxy unix - - $2 - 0 tlsproxy
tlsmgr unix - - $2 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
CONF
}

start_instance() { # INSTANCE
	/usr/sbin/postfix -c "$1/etc" start >"$1/log/start" 2>&1 || {
		diag "$(cat "$1/log/start" "$1/log/maillog" 2>/dev/null)"
		return 1
	}
}

# The command only tells master, who gets round to it later: a daemon that was started meanwhile would go again.
reload_instance() { # INSTANCE
	reload_count=$(log_count "$1" 'master\[.* reload -- ')
	/usr/sbin/postfix -c "$1/etc" reload >"$1/log/reload" 2>&1 &&
		wait_for log_count_is "$1" 'master\[.* reload -- ' $((reload_count + 1))
}

master_pid() { # INSTANCE
	tr -d ' ' 2>/dev/null <"$1/spool/pid/master.pid"
}

# Stops the master by its process id and waits for it; drained daemons are in its process group and go too.
stop_instance() { # INSTANCE
	stop_pid=$(master_pid "$1")
	rm -f "$1/spool/pid/master.pid"
	# A master that was stopped before leaves its file, and its number to others.
	[ -n "$stop_pid" ] && [ "/proc/$stop_pid/cwd" -ef "$1/spool" ] || return 0
	kill -CONT -- "-$stop_pid" 2>/dev/null
	kill "$stop_pid" 2>/dev/null
	wait_for gone "$stop_pid" || kill -9 -- "-$stop_pid" 2>/dev/null
	# Drained processes outlive their parent; the group is theirs alone now.
	kill -9 -- "-$stop_pid" 2>/dev/null
	return 0
}

# pids_of INSTANCE PROGRAM: process ids of a daemon that belongs to this instance's master (not drained ones).
pids_of() {
	children_of "$(master_pid "$1")" "$2"
}

# children_of PID [NAME]: process ids. cat goes on when a process has ended before it was read.
children_of() {
	cat /proc/[0-9]*/stat 2>/dev/null | sed -n "s/^\([0-9]*\) (${2:-.*}) [^Z] ${1:-none} .*/\1/p"
}

has_pid() { # INSTANCE PROGRAM
	[ -n "$(pids_of "$1" "$2")" ]
}

has_one_pid() { # INSTANCE PROGRAM
	[ "$(pids_of "$1" "$2" | wc -l)" -eq 1 ]
}

# the_pid INSTANCE PROGRAM: as pids_of, of a daemon of which there is one when those of before a reload are gone.
the_pid() {
	wait_for has_one_pid "$1" "$2"
	pids_of "$1" "$2"
}

# --- callers and peers (tests/tools) ---

# start_caller INSTANCE [BACKEND-PORT]: sets CALLER_PORT, CALLER_PID.
start_caller() {
	rm -f "$TMP/caller.port"
	"$TOOLS/tlsproxy-caller" "$1/spool/private/tlsproxy" ${2:+"$2"} >"$TMP/caller.port" 2>>"$1/log/caller" &
	CALLER_PID=$!
	PIDS="$PIDS $CALLER_PID"
	wait_for lines_in "$TMP/caller.port" 1
	CALLER_PORT=$(cat "$TMP/caller.port")
}

# start_peer NAME VERSION: TLS clients of $CALLER_PORT, told what to do by peer().
start_peer() {
	rm -f "$TMP/$1.in" "$TMP/$1.out"
	mkfifo "$TMP/$1.in"
	: >"$TMP/$1.out"
	"$TOOLS/tls-peer" "$CALLER_PORT" "$2" <"$TMP/$1.in" >"$TMP/$1.out" 2>"$TMP/$1.err" &
	eval "PEER_PID_$1=$!"
	PIDS="$PIDS $!"
	# Holds the fifo open, so that the peer meets no end of file between two commands.
	exec 9<>"$TMP/$1.in"
}

# peer NAME COMMAND...: its one line of answer.
peer() {
	peer_name=$1
	shift
	peer_lines=$(($(wc -l <"$TMP/$peer_name.out") + 1))
	echo "$*" >"$TMP/$peer_name.in"
	wait_for peer_answered "$peer_name" $peer_lines
	sed -n "${peer_lines}p" "$TMP/$peer_name.out"
}

peer_answered() {
	lines_in "$TMP/$1.out" "$2" || eval "gone \$PEER_PID_$1"
}
