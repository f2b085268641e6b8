#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Our master with a probe for a daemon: what daemons inherit, when they are started, throttled, woken and asked to
# go, and what start, status, reload and stop answer. As root, then as an ordinary user; where Postfix is installed
# its own master hands the probe the same.

. "$(dirname "$0")/lib.sh"

[ -x "$BIN/master" ] && [ -x "$BIN/postfix" ] || skip_all "master is not built"
command -v perl >/dev/null || skip_all "needs perl"

write_probe() {
	cat >"$1" <<'PROBE'
#!/usr/bin/perl
use strict; use warnings; use IO::Handle; use Socket;
my @args = @ARGV;
my ($mode) = map { /^mode=(.*)/ ? $1 : () } @args;
$mode //= "report";
(my $top = $ENV{MAIL_CONFIG}) =~ s,/etc$,,;
sub say_to { my ($name, $text) = @_; open my $f, '>>', "$top/out/$name" or die; syswrite $f, $text; close $f }
my ($service) = ("@args" =~ /-n (\S+)/);
my $kinds = join ' ', map { my $l = readlink "/proc/self/fd/$_"; $l //= "none"; $l =~ s/:\[.*//; "$_=$l" } 0 .. 6;
my $seven = -e "/proc/self/fd/7" && readlink("/proc/self/fd/7") =~ /socket/ ? "yes" : "no";
my %env = %ENV; delete $env{PWD};
# Handles are never closed: with them would go the descriptor.
our ($status, $listen);
sub record { my ($pid, $gen, $state) = @_; syswrite $status, pack 'iIi', $pid, $gen, $state }
my $gen = oct($ENV{GENERATION});
say_to("started", "$service $$ @args\n");
if ($mode eq "report") {
	say_to("report.$service", join("|", "args", @args) . "\n" . join("|", "env", map { "$_=$env{$_}" } sort keys %env) .
	    "\n$kinds seven=$seven\n" . do { local $/; open my $f, '<', "/proc/self/status"; my $t = <$f>;
	    join ' ', $t =~ /^(Umask:\s+\S+|Uid:\s+\d+|SigIgn:\s+\S+|SigBlk:\s+\S+)/mg } . "\n");
	exit 3;
}
if ($mode eq "segv") { kill 11, $$; sleep 10 }
open $status, '+<&=', 5 or die; open $listen, '+<&=', 6 or die;
my $c; my $rin = ''; vec($rin, 6, 1) = 1; select(my $r = $rin, undef, undef, undef); accept($c, $listen) or exit 0;
record($$, $gen, 0);
# The client that caused the start, then the wakeup that follows it.
if ($mode eq "wake") { my $got = ''; until (sysread $c, $got, 10) { select(my $q = $rin, undef, undef, undef); accept $c, $listen }
	say_to("wake", unpack("H*", $got) . "\n") }
if ($mode eq "odd") { record($$, $gen + 1, 1); record($$, $gen, 7); record(1, $gen, 1);
	select undef, undef, undef, 0.2; syswrite $status, "abc"; select undef, undef, undef, 0.2 }
# Keeps its client, whatever master asks.
if ($mode eq "hold") {
	vec(my $ask = '', 5, 1) = 1; vec($ask, fileno $c, 1) = 1;
	while (1) {
		select(my $q = $ask, undef, undef, undef);
		if (vec $q, 5, 1) { say_to("eof", "$service $$\n"); vec($ask, 5, 1) = 0 }
		exit 0 if vec $q, fileno $c, 1;
	}
}
close $c;
record($$, $gen, 1);
if ($mode eq "crash-later") { exit 4 }
# End of file on the status channel asks to go.
sysread $status, my $end, 12; say_to("eof", "$service $$\n"); exit 0;
PROBE
	chmod 755 "$1"
}

as() {
	if [ "$WHO" = user ] && [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	else
		"$@"
	fi
}

# make_system NAME MASTER-DIRECTORY
make_system() {
	I=$TMP/$1
	mkdir -p "$I/etc" "$I/log" "$I/daemon" "$I/out" && chmod 755 "$I" && chmod 777 "$I/out"
	for program in "$2"/*; do
		ln -sf "$program" "$I/daemon/"
	done
	ln -sf "$BIN/postlogd" "$I/daemon/postlogd"
	write_probe "$I/daemon/probe"
	set -- $(free_ports 3)
	PORT=$1 PORT2=$2 BUSY=$3
	cat >"$I/etc/main.cf" <<CONF
compatibility_level = 3.6
queue_directory = $I/spool
data_directory = $I/data
daemon_directory = $I/daemon
command_directory = $BIN
mail_owner = nobody
setgid_group = $(id -gn nobody)
default_privs = daemon
maillog_file = $I/log/maillog
maillog_file_prefixes = $I
myhostname = mx.example.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
CONF
	cat >"$I/etc/master.cf" <<CONF
postlog unix-dgram n - n - 1 postlogd
$PORT inet n - n - 5 probe { -o name = a b c } -o stress=x -o a={b {c d}  e}f h{g
127.0.0.1:$PORT2 inet n n n - 0 probe
CONF
	if [ "$WHO" = user ] && [ "$(id -u)" -eq 0 ]; then
		chown -R 65534:65534 "$I"
	fi
	INSTANCES="$INSTANCES $I"
}

postfix_() {
	as "$BIN/postfix" -c "$I/etc" "$@" >"$TMP/said" 2>&1
}

poke() { # PORT-OR-PATH [TEXT]
	perl -MIO::Socket::INET -MIO::Socket::UNIX -e '
		my ($to, $text) = @ARGV;
		my $s = $to =~ m,/, ? IO::Socket::UNIX->new(Peer => $to) : IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $to);
		$s or exit 1; print $s $text // ""; $s->flush' "$@"
}

service() { # LINE...: master.cf becomes postlog and these
	{
		echo "postlog unix-dgram n - n - 1 postlogd"
		printf '%s\n' "$@"
	} >"$I/etc/master.cf"
}

started_is() { # SERVICE NUMBER
	[ "$(grep -c "^$1 " "$I/out/started" 2>/dev/null)" -ge "$2" ]
}

reload() {
	reloads=$(log_count "$I" 'master.* reload --')
	postfix_ reload
	wait_for log_count_is "$I" 'master.* reload --' $((reloads + 1))
}

refuses() { # NAME TEXT: master does not start
	# A postlogd on its way out would take the line with it.
	rm -f "$I/spool/public/postlog"
	as env MAIL_CONFIG="$I/etc" "$I/daemon/master" >"$TMP/said" 2>&1
	is $? 1 "$WHO: $1: status 1"
	wait_for log_has "$I" "$2"
	like "$(cat "$I/log/maillog")" "$2" "$WHO: $1: says so"
}

try_start_and_stop() {
	postfix_ status
	is $? 1 "$WHO: status before start"
	postfix_ start
	is $? 0 "$WHO: start" || diag "$(cat "$TMP/said")"
	like "$(cat "$TMP/said")" 'starting the Postfix mail system' "$WHO: start says so on stderr"
	postfix_ status
	is $? 0 "$WHO: status while running"
	like "$(cat "$TMP/said")" 'is running: PID: [0-9]+' "$WHO: status has the process id"
	pid=$(tr -d ' \n' <"$I/spool/pid/master.pid")
	is "$(cat "$I/spool/pid/master.pid")" "$(printf '%32s' "$pid")" "$WHO: pid/master.pid"
	is "$(wc -c <"$I/data/master.lock")" 33 "$WHO: master.lock"
	as env MAIL_CONFIG="$I/etc" "$I/daemon/master" -t
	is $? 1 "$WHO: master -t while one runs"
	postfix_ start
	is $? 1 "$WHO: second start"
	like "$(cat "$TMP/said")" 'fatal: the Postfix mail system is already running' "$WHO: second start says why"
	as env MAIL_CONFIG="$I/etc" "$I/daemon/master" -w 2>/dev/null
	is $? 1 "$WHO: second master -w"
	wait_for log_has "$I" 'open lock file pid/master.pid: unable to set exclusive lock: Resource temporarily'
	ok $? "$WHO: second master says why"
	is "$(stat -c %a "$I/spool/public/postlog" "$I/spool/private" | tr '\n' ' ')" "666 700 " "$WHO: modes"
}

try_inheritance() {
	poke "$PORT"
	poke "$PORT2"
	wait_for test -s "$I/out/report.$PORT" && wait_for test -s "$I/out/report.127.0.0.1:$PORT2"
	ok $? "$WHO: both services were started"
	u="-u|"
	[ "$WHO" = root ] || u=
	like "$(cat "$I/out/report.$PORT")" "^args\|-n\|$PORT\|-t\|inet\|${u}-o name = a b c\|-o\|stress=x\|-o\|a=\{b \{c d\}  e\}f\|h\{g\$" "$WHO: arguments"
	like "$(cat "$I/out/report.127.0.0.1:$PORT2")" "^args\|-z\|-n\|127.0.0.1:$PORT2\|-t\|inet\$" "$WHO: arguments, no limit"
	like "$(cat "$I/out/report.$PORT")" \
	    "^env\|GENERATION=[0-7]+\|LANG=C\|MAIL_CONFIG=$I/etc\|MAIL_LOGTAG=postfix\|POSTLOG_HOSTNAME=mx.example.test\|POSTLOG_SERVICE=$I/spool/public/postlog\$" \
	    "$WHO: environment"
	like "$(cat "$I/out/report.$PORT")" \
	    '^0=/dev/null 1=/dev/null 2=/dev/null 3=pipe 4=pipe 5=socket 6=socket seven=no$' "$WHO: descriptors"
	like "$(cat "$I/out/report.$PORT")" 'Umask:.0077.*SigBlk:.0000000000000000' "$WHO: umask and signals"
	wait_for log_has "$I" "warning: process $I/daemon/probe pid [0-9]+ exit status 3"
	ok $? "$WHO: a bad exit is logged"
	wait_for log_has "$I" "warning: $I/daemon/probe: bad command startup -- throttling"
	ok $? "$WHO: and throttles"
	[ "$WHO" != root ] || sed 's/GENERATION=[0-7]*/GENERATION/; s/'"$PORT"'/PORT/' "$I/out/report.$PORT" >"$TMP/ours"
}

try_life() {
	service "wake unix - - n 1000? 1 probe -o mode=wake" "later unix - - n - 1 probe -o mode=crash-later" \
	    "segv unix - - n - 1 probe -o mode=segv" "odd unix - - n - 5 probe -o mode=odd" \
	    "none unix - - n - 1 nosuchprogram"
	reload
	wait_for test -S "$I/spool/private/none"
	ok $? "$WHO: reload adds services"
	! grep -q '^wake' "$I/out/started"
	ok $? "$WHO: no wakeup before the first use"
	as_poke wake
	wait_for file_has "$I/out/wake" '^5700$'
	ok $? "$WHO: the first process is woken" || diag "$(cat "$I/out/wake" "$I/log/maillog")"

	as_poke later
	wait_for started_is later 1 && as_poke later && wait_for started_is later 2
	ok $? "$WHO: a process that served once is followed by another"
	as_poke segv
	wait_for log_has "$I" "warning: process $I/daemon/probe pid [0-9]+ killed by signal 11"
	ok $? "$WHO: a killed process is logged"
	as_poke none
	wait_for log_has "$I" "fatal: master_spawn: exec $I/daemon/nosuchprogram: No such file or directory"
	ok $? "$WHO: a missing program is logged"
	as_poke odd
	wait_for log_has "$I" 'master_status_event: ignoring unknown status: 7 allegedly from pid: [0-9]+' &&
	    wait_for log_has "$I" 'ignoring status update from child pid [0-9]+ generation [0-9]+' &&
	    wait_for log_has "$I" 'service odd\(private/odd\): child \(pid -?[0-9]+\) sent partial status update \(3 bytes\)'
	ok $? "$WHO: odd status records"
	reload
	wait_for file_has "$I/out/eof" '^odd'
	ok $? "$WHO: reload asks processes to go"
	service
	reload
	test -S "$I/spool/private/odd" && wait_for refused odd
	ok $? "$WHO: a removed service leaves its socket file, which refuses"
	sed -i 's/^inet_protocols.*/inet_protocols = ipv4, ipv6/; s/^inet_interfaces.*/inet_interfaces = ::1/' "$I/etc/main.cf"
	service "$PORT inet n - n - 5 probe"
	sed -i 's/^inet_interfaces.*/inet_interfaces = 127.0.0.1/' "$I/etc/main.cf"
	reload
	wait_for log_has "$I" 'warning: to change inet_protocols, stop and start Postfix'
	ok $? "$WHO: inet_protocols stays"
	sed -i 's/^inet_interfaces.*/inet_interfaces = 127.0.0.2/' "$I/etc/main.cf"
	reload
	wait_for log_has "$I" "warning: service $PORT: ignoring inet_interfaces change"
	ok $? "$WHO: inet_interfaces stays"
	sed -i 's/^inet_interfaces.*/inet_interfaces = 127.0.0.1/; s/^inet_protocols.*/inet_protocols = ipv4/' "$I/etc/main.cf"
	echo 'broken unix' >>"$I/etc/master.cf"
	postfix_ reload
	is $? 1 "$WHO: reload of a broken master.cf is refused"
	postfix_ status
	is $? 0 "$WHO: and the system goes on"
	service
}

# hold SERVICE: a connection that stays until the file let-go is there.
hold() {
	as perl -MIO::Socket::UNIX -e '
		my ($path, $out) = @ARGV; my $s = IO::Socket::UNIX->new(Peer => $path) or exit 1;
		select undef, undef, undef, 0.1 while -d $out && ! -e "$out/let-go"' "$I/spool/private/$1" "$I/out" &
}

try_stress() {
	service "busy pass - - n - 2 probe -o mode=hold"
	reload
	hold busy
	wait_for started_is busy 1 && hold busy && wait_for started_is busy 2
	ok $? "$WHO: two clients, two processes"
	is "$(sed -n 's/^busy [0-9]* .*-o \(stress=[a-z]*\) .*/\1/p' "$I/out/started" | tr '\n' ' ')" "stress= stress=yes " \
		"$WHO: the last process below the limit is told of stress"
	wait_for file_has "$I/out/eof" "^busy $(sed -n 's/^busy \([0-9]*\) .*/\1/p' "$I/out/started" | head -n 1)\$"
	ok $? "$WHO: and the first is asked to go"
	wait_for log_has "$I" 'warning: service "busy" \(private/busy\) has reached its process limit "2": new clients may experience noticeable delays' &&
		wait_for log_has "$I" 'warning: to avoid this condition, increase the process count in master.cf or reduce the service time per client' &&
		wait_for log_has "$I" 'warning: see https?://www.postfix.org/STRESS_README.html for examples of stress-adapting configuration settings'
	ok $? "$WHO: the limit is logged"
	hold busy
	: >"$I/out/let-go"
	wait_for started_is busy 3
	ok $? "$WHO: who waited is served when there is room"
	is "$(log_count "$I" 'has reached its process limit')" 1 "$WHO: the limit is logged once"
	service
	reload
}

as_poke() { # SERVICE
	as perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Peer => $ARGV[0]) or exit 1' "$I/spool/private/$1"
}

refused() {
	! as_poke "$1"
}

try_stop() {
	pid=$(tr -d ' \n' <"$I/spool/pid/master.pid")
	postfix_ stop
	is $? 0 "$WHO: stop"
	wait_for gone "$pid"
	ok $? "$WHO: master is gone"
	postfix_ stop
	is $? 1 "$WHO: second stop"
	as env MAIL_CONFIG="$I/etc" "$I/daemon/master" -t
	is $? 0 "$WHO: master -t while none runs"
	as env MAIL_CONFIG="$I/etc" "$I/daemon/master" -e 1
	is $? 0 "$WHO: master -e"
	wait_for log_has "$I" 'master exit time has arrived'
	ok $? "$WHO: master -e says so"
}

try_foreground() {
	as "$BIN/postfix" -c "$I/etc" start-fg >"$TMP/foreground" 2>&1 &
	foreground=$!
	PIDS="$PIDS $foreground"
	wait_for postfix_ status && wait_for test -s "$I/spool/pid/master.pid"
	ok $? "$WHO: start-fg starts"
	pid=$(master_pid "$I" | tr -d '\n')
	like "$(tr '\0' ' ' <"/proc/$pid/cmdline")" '/master -s $' "$WHO: start-fg becomes master"
	kill -0 "$foreground"
	ok $? "$WHO: start-fg does not return"
	postfix_ stop
	is $? 0 "$WHO: stop of start-fg"
	wait "$foreground"
	is $? 143 "$WHO: start-fg ends when it is stopped, by that signal"
}

# multi_instance_wrapper counts only without -c, so the configuration directory must be the one that was built in.
try_wrapper() {
	built_in=$(sed -n 's/.*CONFIG_CONFIG_DIRECTORY "\(.*\)"/\1/p' "$SEALPOST_BUILD/gen/config.h")
	if [ "$WHO" != root ] || ! unshare -m true 2>/dev/null || [ ! -d "$built_in" ]; then
		skip "needs root, mount namespaces and $built_in" "$WHO: multi_instance_wrapper"
		return
	fi
	printf '#!/bin/sh\necho "$@" >"%s"\n' "$I/out/wrapped" >"$I/daemon/wrapper"
	chmod 755 "$I/daemon/wrapper"
	cp "$I/etc/main.cf" "$TMP/main.cf"
	printf '%s\n' "multi_instance_directories = $I/other" "multi_instance_wrapper = \${daemon_directory}/wrapper -p --" >>"$I/etc/main.cf"
	unshare -m sh -c 'mount --bind "$0" "$1" && exec "$2" -v status now' "$I/etc" "$built_in" "$BIN/postfix" >"$TMP/said" 2>&1
	is $? 0 "$WHO: with other instances the wrapper decides" || diag "$(cat "$TMP/said")"
	is "$(cat "$I/out/wrapped")" "-p -- -v status now" "$WHO: and gets the whole command"
	postfix_ status
	is $? 1 "$WHO: with -c the command is for that instance"
	sed -i '/^multi_instance_wrapper/d' "$I/etc/main.cf"
	unshare -m sh -c 'mount --bind "$0" "$1" && exec "$2" status' "$I/etc" "$built_in" "$BIN/postfix" >"$TMP/said" 2>&1
	is $? 1 "$WHO: no wrapper"
	like "$(cat "$TMP/said")" 'fatal: multi-instance support is requested, but multi_instance_wrapper is empty' "$WHO: no wrapper: says so"
	cp "$TMP/main.cf" "$I/etc/main.cf"
}

try_errors() {
	echo 'broken unix' >>"$I/etc/master.cf"
	refuses "syntax error" "fatal: $I/etc/master.cf: line 3: missing \"private\" field"
	perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 1, ReuseAddr => 1) or die; print "up\n"; $| = 1; close STDOUT; sleep 600' "$BUSY" >"$TMP/busy.$WHO" &
	busy=$!
	PIDS="$PIDS $busy"
	wait_for file_has "$TMP/busy.$WHO" up
	service "$BUSY inet n - n - 1 probe"
	refuses "port in use" "fatal: bind 127.0.0.1 port $BUSY: Address already in use"
	kill "$busy"
	service "x inet n - n - 1 probe"
	refuses "unknown port name" "fatal: 127.0.0.1:x: Servname not supported for ai_socktype"
	service
	postfix_ nonsense
	is $? 1 "$WHO: unknown command"
	sed -i '/^postlog/d' "$I/etc/master.cf"
	postfix_ check
	is $? 1 "$WHO: check without postlog service"
	like "$(cat "$TMP/said")" "missing 'postlog' service in master.cf" "$WHO: check says so"
	service "$BUSY inet n - n - 1 prob"
	postfix_ check
	is $? 0 "$WHO: check without a program"
	like "$(cat "$TMP/said")" "warning: $I/etc/master.cf: line [0-9]+: the program of service $BUSY: .*/prob: No such file" "$WHO: check names it"
	service
	for options in '-t -w' '-i' '-Z' 'word'; do
		as env MAIL_CONFIG="$I/etc" "$I/daemon/master" $options 2>/dev/null
		is $? 1 "$WHO: master $options is refused"
	done
	[ "$WHO" = root ] || return 0
	sed -i 's/^mail_owner.*/mail_owner = nosuchuser/' "$I/etc/main.cf"
	refuses "mail_owner" "fatal: file $I/etc/main.cf: parameter mail_owner: unknown user name value: nosuchuser"
}

compare_with_original() {
	if [ ! -x $POSTFIX_SBIN/master ]; then
		skip "Postfix is not installed" "the original hands over the same"
		return
	fi
	make_system original $POSTFIX_SBIN
	ln -sf $POSTFIX_SBIN/postlogd "$I/daemon/postlogd"
	# It wants users and groups that nothing else has.
	sed -i 's/^mail_owner.*/mail_owner = postfix/; s/^setgid_group.*/setgid_group = postdrop/; /^default_privs/d' "$I/etc/main.cf"
	mkdir -p "$I/spool/pid" "$I/spool/private" "$I/spool/public" "$I/data"
	chown postfix "$I/spool/private" "$I/spool/public" "$I/data"
	MAIL_CONFIG=$I/etc $POSTFIX_SBIN/master -w || {
		ok 1 "the original starts"
		return
	}
	poke "$PORT"
	wait_for file_has "$I/out/report.$PORT" Umask
	sed 's/GENERATION=[0-7]*/GENERATION/; s/'"$PORT"'/PORT/; s,'"$I"',SYSTEM,g' "$I/out/report.$PORT" >"$TMP/theirs"
	is "$(sed "s,$TMP/root,SYSTEM,g" "$TMP/ours")" "$(cat "$TMP/theirs")" "the original hands over the same"
	WHO=original
	try_stress
}

if [ "$(id -u)" -eq 0 ]; then
	run="root user"
else
	run=user
fi
for WHO in $run; do
	make_system "$WHO" "$BIN"
	try_start_and_stop
	try_inheritance
	try_life
	try_stress
	try_stop
	try_foreground
	try_wrapper
	try_errors
done
WHO=root
[ "$run" = user ] || compare_with_original
done_testing
