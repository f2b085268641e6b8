# SPDX-License-Identifier: ISC
#
# TlsmgrRun: starts a tlsmgr as master(8) does, without master, talks to it, and looks into its log. For scripts that are
# called as "perl SCRIPT PROGRAM ours|stock". TAP on stdout; where Sealpost differs on purpose, $ours chooses what is
# expected.
package TlsmgrRun;

use strict;
use warnings;
use Exporter qw(import);
use Fcntl;
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Handle;
use IO::Select;
use IO::Socket::UNIX;
use MIME::Base64;
use POSIX qw(:sys_wait_h dup2);
use Socket;
use Time::HiRes qw(time sleep);

our @EXPORT = qw($clock_library set_clock $ours $root $owner $tmp $FAIL $ERR %pid ok is skip finish start wait_until text logged log_has log_count ended stop
    raw get get_list client list request syswrite_all b64 seed_works session served);

my ($program, $kind) = @ARGV;
our $ours = $kind eq 'ours';
our $root = $> == 0;
our $owner = $root ? 'postfix' : scalar getpwuid($>);
our $FAIL = 4294967294;
our $ERR = 4294967295;
our %pid;

# Debian's package faketime; undef without it.
our ($clock_library) = glob '/usr/lib/*/faketime/libfaketime.so.1';
our $tmp = tempdir('sealpost-tlsmgr.XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $tmp;
my ($count, $bad, $run, $status_channel) = (0, 0, 0);
$SIG{PIPE} = 'IGNORE';
$| = 1;
END {
	my $status = $?;
	kill 'KILL', keys %pid if %pid;
	waitpid $_, 0 for keys %pid;
	system $^X, dirname(__FILE__) . '/drop-keys.pl', "$tmp/";
	$? = $status;
}

sub ok($$) {
	my ($good, $name) = @_;
	$count++;
	$bad++ unless $good;
	print $good ? '' : 'not ', "ok $count - $kind: $name\n";
	return $good;
}

sub is {
	my ($got, $want, $name) = @_;
	$_ = defined $_ ? $_ =~ s/\0/\\0/gr : '(nothing)' for $got, $want;
	ok($got eq $want, $name) or print '# got  ', substr($got, 0, 300), "\n# want ", substr($want, 0, 300), "\n";
}

sub skip { my ($name, $why) = @_; $count++; print "ok $count - $kind: $name # SKIP $why\n" }

# The plan, and the exit status.
sub finish { print "1..$count\n"; exit($bad ? 1 : 0) }

# --- one run of the program ---

# All may be left out: set => parameters, "@DIR@" in them is the directory of this run; before => called with it; dir =>
# that of an earlier run; args => further words; no_limit => without -l; descriptors => how many; clock => see set_clock;
# program => another one.
sub start {
	my (%o) = @_;
	my $dir = $o{dir} || "$tmp/run" . ++$run;
	unlink "$dir/queue/private/tlsmgr";
	$o{dir} or mkdir "$dir$_" or die for '', '/etc', '/queue', '/data', '/queue/private', '/queue/public', '/queue/pid';
	my $uid = getpwnam($owner);
	chown $uid, -1, "$dir/data" if $root;
	open my $cf, '>', "$dir/etc/main.cf" or die;
	my %set = (queue_directory => "$dir/queue", data_directory => "$dir/data", mail_owner => $owner,
	    compatibility_level => '3.6', daemon_directory => '/usr/lib/postfix/sbin', inet_interfaces => 'loopback-only', myhostname => 'mx.example.test',
	    smtpd_tls_session_cache_database => "btree:$dir/data/smtpd_scache", %{ $o{set} || {} });
	s/\@DIR\@/$dir/g for values %set;
	print $cf "$_ = $set{$_}\n" for sort keys %set;
	close $cf;
	# Postfix's programs wait while a main.cf is so new that it could still be written.
	utime time - 60, time - 60, "$dir/etc/main.cf";
	open my $master, '>', "$dir/etc/master.cf";
	set_clock($dir, 0) if $o{clock};
	$o{before}->($dir) if $o{before};

	$^F = 1000;
	my $listen = IO::Socket::UNIX->new(Local => "$dir/queue/private/tlsmgr", Listen => 1000) or die "listen: $!";
	pipe my $flow_r, my $flow_w or die;
	socketpair my $status, my $status_child, AF_UNIX, SOCK_STREAM, 0 or die;
	open my $log, '>>', "$dir/log" or die;
	my $pid = fork // die;
	if (!$pid) {
		# Out of the way first: the numbers wanted may be in use.
		my @fd = map { fcntl($_, Fcntl::F_DUPFD, 100) } $flow_r, $flow_w, $status_child, $listen;
		dup2($fd[$_], 3 + $_) for 0 .. 3;
		open STDERR, '>&', $log;
		open STDOUT, '>&', $log;
		open STDIN, '<', '/dev/null';
		POSIX::close($_) for 7 .. 200;
		umask 077;
		%ENV = (PATH => '/usr/bin:/bin', MAIL_CONFIG => "$dir/etc", GENERATION => '1', LC_ALL => 'C',
		    $o{clock} ? (LD_PRELOAD => $clock_library, FAKETIME_TIMESTAMP_FILE => "$dir/clock", FAKETIME_NO_CACHE => 1, NO_FAKE_STAT => 1,
			ASAN_OPTIONS => 'verify_asan_link_order=0') : ());
		my @command = ($o{program} || $program, ($o{no_limit} ? () : '-l'), qw(-t unix -u -V), @{ $o{args} || [] });
		unshift @command, 'sh', '-c', "ulimit -n $o{descriptors}; exec \"\$\@\"", 'sh' if $o{descriptors};
		exec { $command[0] } @command or POSIX::_exit(127);
	}
	$pid{$pid} = 1;
	close $_ for $status_child, $listen, $flow_r, $flow_w;
	$status->blocking(0);
	$status_channel = $status;
	return { pid => $pid, dir => $dir, status => $status, path => "$dir/queue/private/tlsmgr" };
}

# With "clock" in start(): makes it that many seconds later for the program. What it waits for it notices at the next
# request.
sub set_clock {
	my ($dir, $seconds) = @_;
	open my $f, '>', "$dir/clock.new" or die;
	print $f "+$seconds\n";
	close $f;
	rename "$dir/clock.new", "$dir/clock" or die;
}

sub wait_until {
	my ($what, $limit) = @_;
	my $end = time + ($limit || 60);
	until ($what->()) {
		return 0 if time > $end;
		sleep 0.02;
	}
	return 1;
}

sub text { my ($path) = @_; open my $f, '<', $path or return ''; binmode $f; local $/; return scalar <$f> // '' }
sub logged { my ($s, $what) = @_; wait_until(sub { index(text("$s->{dir}/log"), $what) >= 0 }) }
sub log_has { my ($s, $what) = @_; ok(logged($s, $what), "log: $what") or print '# ', text("$s->{dir}/log") =~ s/\n/\n# /gr, "\n" }
sub log_count { my ($s, $what) = @_; my $n = () = text("$s->{dir}/log") =~ /\Q$what\E/g; return $n }

sub ended {
	my ($s, $limit) = @_;
	my $exit;
	wait_until(sub { waitpid($s->{pid}, WNOHANG) == $s->{pid} and do { $exit = $?; 1 } }, $limit);
	delete $pid{ $s->{pid} } if defined $exit;
	return defined $exit ? $exit >> 8 : undef;
}

sub stop { my ($s) = @_; close $s->{status}; my $exit = ended($s); if (!defined $exit) { kill 'KILL', $s->{pid}; waitpid $s->{pid}, 0; delete $pid{ $s->{pid} } } return $exit }

# --- a client ---

# As master would: a channel that nobody reads fills up, and the program waits.
sub read_status { 1 while fileno $status_channel && sysread $status_channel, my $records, 65536 }

sub raw { my ($s) = @_; return IO::Socket::UNIX->new(Peer => $s->{path}) }

sub get {
	my ($c, $len, $limit) = @_;
	my $got = '';
	my $end = time + ($limit || 60);
	read_status();
	while (length $got < $len && (my $left = $end - time) > 0) {
		next unless IO::Select->new($c)->can_read($left);
		my $n = sysread $c, $got, 65536, length $got;
		last unless $n;
	}
	return $got;
}

# One list: up to the zero byte at the place of a name. undef: end of file.
sub get_list {
	my ($c, $limit) = @_;
	my $got = '';
	my $end = time + ($limit || 60);
	read_status();
	while ((my $left = $end - time) > 0) {
		next unless IO::Select->new($c)->can_read($left);
		my $n = sysread $c, $got, 262144, length $got;
		return undef unless $n;
		return $got if $got =~ /\A(?:[^\0]+\0[^\0]*\0)*\0/;
	}
	return undef;
}

sub client { my ($s) = @_; my $c = raw($s) or return; get($c, 26) eq "protocol\0tlsmgr_protocol\0\0" or return; return $c }
sub list { return join('', map { "$_\0" } @_) . "\0" }
sub request { my ($c, @a) = @_; syswrite_all($c, list(request => @a)); return get_list($c) }
sub syswrite_all { my ($c, $bytes) = @_; my $at = 0; while ($at < length $bytes) { my $n = syswrite $c, $bytes, length($bytes) - $at, $at; return unless $n; $at += $n } }
sub b64 { return encode_base64($_[0], '') }
sub seed_works { my ($c) = @_; my $r = request($c, seed => size => 4); return defined $r && $r =~ /\Astatus\0000\0seed\0[A-Za-z0-9+\/]{6}==\0\0\z/ }
sub session { my ($r) = @_; return defined $r && $r =~ /\Astatus\0000\0(?:session|keybuf|seed)\0([^\0]*)\0\0\z/ ? decode_base64($1) : undef }
sub served { my ($s) = @_; my $c; my $good = wait_until(sub { $c = client($s); $c && seed_works($c) }); return $good ? $c : undef }

1;
