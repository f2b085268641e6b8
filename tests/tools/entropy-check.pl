# SPDX-License-Identifier: ISC
#
# usage: perl entropy-check.pl PROGRAM ours|stock [mounts]
#
# Where PROGRAM gets its randomness from, what it makes of sources and exchange files that are not as they should be, and
# that requests are answered all the time. With "mounts" it may mount things: its mounts are its own.
use strict;
use warnings;
use Fcntl qw(:flock);
use POSIX qw(mkfifo);
use Time::HiRes qw(time sleep);
use FindBin;
use lib $FindBin::Bin;
use TlsmgrRun;

my $mounts = grep { $_ eq 'mounts' } @ARGV;
my @common = (smtpd_tls_session_cache_database => '');

sub put { my ($path, $bytes) = @_; open my $f, '>', $path or die "$path: $!"; syswrite $f, $bytes }
sub give { my ($path) = @_; chown scalar getpwnam($owner), -1, $path if $root }
sub fifo { my ($path) = @_; mkfifo($path, 0666) or die; chmod 0666, $path }
sub has { my ($s, $what, $limit) = @_; ok(wait_until(sub { index(text("$s->{dir}/log"), $what) >= 0 }, $limit), "log: " . $what =~ s/\Q$tmp\E\/run\d+/DIR/gr) or show($s) }
sub show { my ($s) = @_; print '# ', text("$s->{dir}/log") =~ s/\n/\n# /gr, "\n" }
sub once { my ($s, $what) = @_; is(log_count($s, $what), 1, 'said once: ' . $what =~ s/\Q$tmp\E\/run\d+/DIR/gr) or show($s) }

# The announcement does not come: whoever asks waits.
sub keeps_waiting { my ($s, $limit) = @_; my $c = raw($s) or return 1; return get($c, 1, $limit) eq '' }

# What Postfix does when a source fails: it writes its lines and exits, to be started again a second later by master.
sub goes_on_or_exits {
	my ($s, $name) = @_;
	if ($ours) {
		ok(served($s), "$name: requests are answered");
	} else {
		is(ended($s), 0, "$name: exits, status 0");
	}
}

# Nothing but that may be in the log.
sub quiet { my ($s, $name) = @_; is(text("$s->{dir}/log"), '', "$name: nothing to say") }

sub egd_peer {
	my ($dir, $mood) = @_;
	put("$dir/mood", "$mood\n");
	my $pid = fork // die;
	if (!$pid) { exec $^X, "$FindBin::Bin/egd-peer.pl", "$dir/data/egd", "$dir/egd-log", "$dir/mood" or POSIX::_exit(127) }
	$pid{$pid} = 1;
	wait_until(sub { text("$dir/egd-log") =~ /ready/ }) or die "no EGD peer";
	return $pid;
}

sub end_peer { my ($pid) = @_; kill 'KILL', $pid; waitpid $pid, 0; delete $pid{$pid} }

# --- those that take ten seconds go first and are looked at later ---

my @slow;
sub slow {
	my ($name, $source, $before, $line) = @_;
	my %keep;
	my $s = start(set => { @common, tls_random_source => $source, tls_random_bytes => 15 }, before => sub { $before->($_[0], \%keep) });
	push @slow, [ $name, $s, $line, \%keep ];
}
slow('silent device', 'dev:@DIR@/data/fifo', sub { fifo("$_[0]/data/fifo"); open $_[1]{writer}, '+<', "$_[0]/data/fifo" },
    'cannot read from entropy device DIR/data/fifo: Connection timed out -- exiting to reopen');
slow('silent EGD server', 'egd:@DIR@/data/egd', sub { $_[1]{peer} = egd_peer($_[0], 'silent') },
    'cannot read from EGD server DIR/data/egd: Connection timed out');
# Postfix takes what the first read() gives, and what errno is left over, for the answer.
slow('EGD server that says a number and nothing more', 'egd:@DIR@/data/egd', sub { $_[1]{peer} = egd_peer($_[0], 'stuck') },
    'cannot read 15 bytes from EGD server DIR/data/egd: ' . ($ours ? 'Connection timed out' : ''));
slow('EGD server that drips', 'egd:@DIR@/data/egd', sub { $_[1]{peer} = egd_peer($_[0], 'drip') },
    'cannot read 15 bytes from EGD server DIR/data/egd: ' . ($ours ? 'Connection timed out' : ''));
for (@slow) {
	my ($name, $s) = @$_;
	if ($ours) { ok(served($s), "$name: requests are answered") } else { ok(keeps_waiting($s, 1), "$name: nobody is served") }
}

# --- devices and files ---

for my $case (
	[ 'zeros', 'dev:/dev/zero', sub { } ],
	[ 'file of 3 bytes', '@DIR@/data/three', sub { put("$_[0]/data/three", 'abc') } ],
	[ 'long file', '@DIR@/data/long', sub { put("$_[0]/data/long", 'x' x 100_000) }, 1_000_000 ]) {
	my ($name, $source, $before, $bytes) = @$case;
	my $s = start(set => { @common, tls_random_source => $source, tls_random_bytes => $bytes || 32 }, before => $before);
	ok(served($s), "$name: requests are answered");
	quiet($s, $name);
	is(stop($s), 0, "$name: exit status 0");
}
{
	my $s = start(set => { @common, tls_random_source => '' });
	ok(served($s), 'no source: requests are answered');
	has($s, "warning: $_") for 'no entropy source specified with parameter tls_random_source', 'encryption keys etc. may be predictable';
	stop($s);
}
{
	my $s = start(set => { @common, tls_random_source => '@DIR@/data/empty' }, before => sub { put("$_[0]/data/empty", '') });
	ok(served($s), 'empty file: requests are answered');
	has($s, "warning: cannot read from entropy file $s->{dir}/data/empty: Application error");
	stop($s);
}
{
	my $s = start(set => { @common, tls_random_source => '@DIR@/data' });
	ok(served($s), 'unreadable file: requests are answered');
	has($s, "warning: cannot read from entropy file $s->{dir}/data: Is a directory");
	stop($s);
}

# Lost at the start. In ours, `repair` brings it back.
for my $case (
	[ 'missing device', 'dev:@DIR@/data/x', sub { symlink '/dev/zero', "$_[0]/data/x" },
	    'warning: cannot open entropy device DIR/data/x: No such file or directory',
	    'exiting to reopen external entropy source dev:DIR/data/x' ],
	[ 'missing file', '@DIR@/data/x', sub { put("$_[0]/data/x", 'abc'); chmod 0644, "$_[0]/data/x" },
	    'exiting to reopen external entropy source DIR/data/x' ],
	[ 'missing EGD server', 'egd:@DIR@/data/egd', sub { egd_peer($_[0], 'give') },
	    'warning: cannot connect to EGD server DIR/data/egd: No such file or directory',
	    'exiting to reopen external entropy source egd:DIR/data/egd' ],
	[ 'empty device', 'dev:/dev/null', undef, 'cannot read from entropy device /dev/null: Application error -- exiting to reopen' ],
	[ 'directory for a device', 'dev:@DIR@/data', undef, 'cannot read from entropy device DIR/data: Is a directory -- exiting to reopen' ]) {
	my ($name, $source, $repair, @lines) = @$case;
	my $s = start(set => { @common, tls_random_source => $source });
	goes_on_or_exits($s, $name);
	for (@lines) { has($s, s/DIR/$s->{dir}/r); once($s, s/DIR/$s->{dir}/r) }
	next unless $ours;
	if ($repair) {
		my $peer = $repair->($s->{dir});
		has($s, 'external entropy source ' . ($source =~ s/\@DIR\@/$s->{dir}/r) . ' is available');
		once($s, s/DIR/$s->{dir}/r) for @lines;
		end_peer($peer) if $peer > 1;
	}
	stop($s);
}
for my $case ([ 'device that is a FIFO', 'dev:@DIR@/data/fifo' ], [ 'file that is a FIFO', '@DIR@/data/fifo' ]) {
	my ($name, $source) = @$case;
	my $s = start(set => { @common, tls_random_source => $source }, before => sub { fifo("$_[0]/data/fifo") });
	if ($ours) {
		ok(served($s), "$name: requests are answered");
		stop($s);
	} else {
		ok(keeps_waiting($s, 4), "$name: nobody is served");
		kill 'KILL', $s->{pid};
		ended($s);
	}
}

# --- what took its time ---

for (@slow) {
	my ($name, $s, $line) = @$_;
	has($s, $line =~ s/DIR/$s->{dir}/r);
	goes_on_or_exits($s, $name);
}
for (@slow) {
	my ($name, $s, $line, $keep) = @$_;
	if ($keep->{peer}) { put("$s->{dir}/mood", "give\n") } else { syswrite $keep->{writer}, 'abc' }
}
for (@slow) {
	my ($name, $s, $line, $keep) = @$_;
	if ($ours) {
		has($s, 'is available', 90);
		once($s, $line =~ s/DIR/$s->{dir}/r);
		stop($s);
	}
	end_peer($keep->{peer}) if $keep->{peer};
}

# --- EGD servers ---

# One reading is all that Postfix is good for with some of them: what is left over is taken for the next answer.

for my $case (
	[ 'give' ], [ 'few' ], [ 'more' ], [ 'extra' ], $ours ? [ 'leave' ] : (),
	[ 'zero', 'EGD server EGD reports zero bytes available' ],
	[ 'close', 'cannot read from EGD server EGD: ' . ($ours ? 'Application error' : '') ],
	[ 'half', 'cannot read 32 bytes from EGD server EGD: ' . ($ours ? 'Application error' : '') ]) {
	my ($mood, $line) = @$case;
	my $peer;
	my $s = start(set => { @common, tls_random_source => 'egd:@DIR@/data/egd', tls_random_reseed_period => $ours ? '4s' : '1h' },
	    before => sub { $peer = egd_peer($_[0], $mood) });
	my $name = "EGD server, mood $mood";
	my @lines = $line ? ($line =~ s/EGD:|EGD (?=rep)/"$s->{dir}\/data\/egd" . ($& =~ s{EGD}{}r)/er) : ();
	if (!$line) {
		ok(served($s), "$name: requests are answered");
		ok(wait_until(sub { text("$s->{dir}/egd-log") =~ /^0120$/m }, 20), "$name: it is asked for 32 bytes");
		if ($ours) {
			ok(wait_until(sub { 3 <= (() = text("$s->{dir}/egd-log") =~ /^0120$/mg) }, 60),
			    "$name: and again, and again");
			quiet($s, $name);
		}
		stop($s);
	} else {
		goes_on_or_exits($s, $name);
		has($s, $_) for @lines, "lost connection to EGD server $s->{dir}/data/egd -- exiting to reconnect";
		if ($ours) {
			put("$s->{dir}/mood", "give\n");
			has($s, "external entropy source egd:$s->{dir}/data/egd is available");
			once($s, $_) for @lines;
			stop($s);
		}
	}
	end_peer($peer);
}
{
	my $peer;
	my $s = start(set => { @common, tls_random_source => 'egd:@DIR@/data/egd', tls_random_bytes => 1000 }, before => sub { $peer = egd_peer($_[0], 'give') });
	ok(served($s), '1000 bytes wanted: requests are answered');
	ok(wait_until(sub { text("$s->{dir}/egd-log") =~ /^01ff$/m }), '1000 bytes wanted: an EGD server is asked for 255');
	stop($s);
	end_peer($peer);
}

# --- the exchange file ---

{
	my $s = start(set => { @common, tls_random_prng_update_period => '3s' });
	my $path = "$s->{dir}/data/prng_exch";
	served($s);
	my @st = stat $path;
	ok(@st && ($st[2] & 07777) == 0600 && $st[7] == 1024 && $st[4] == getpwnam $owner, 'exchange file: mode, size, owner');
	my $first = text($path);
	ok(wait_until(sub { text($path) ne $first }), 'exchange file: other bytes after the period');
	my $later = text($path);
	ok(wait_until(sub { text($path) ne $later }), 'exchange file: and again');
	is((stat $path)[7], 1024, 'exchange file: keeps its size');
	stop($s);
}
{
	my ($path, $old);
	my $s = start(set => { @common }, before => sub { $path = "$_[0]/data/prng_exch"; put($path, $old = 'o' x 1024 . 'tail' x 100); chmod 0600, $path; give($path) });
	served($s);
	my $new = text($path);
	ok(substr($new, 0, 1024) ne substr($old, 0, 1024), 'exchange file: other bytes at the start');
	is(substr($new, 1024), substr($old, 1024), 'exchange file: a longer one keeps its tail');
	kill 'KILL', $s->{pid};
	ended($s);
	is(text($path), $new, 'exchange file: whole after kill -9');
	my $t = start(set => { @common, tls_random_exchange_name => $path });
	ok(served($t), 'exchange file: used by the next process');
	ok(text($path) ne $new, 'exchange file: and given other bytes');
	my $before = text($path);
	kill 'TERM', $t->{pid};
	ended($t);
	is(text($path), $before, 'exchange file: as it was after SIGTERM');
}
{
	my $s = start(set => { @common });
	served($s);
	my $before = text("$s->{dir}/data/prng_exch");
	is(stop($s), 0, 'orderly exit: status 0');
	ok(text("$s->{dir}/data/prng_exch") ne $before, 'orderly exit: other bytes in the exchange file');
}
# With a period of one second the file is written some hundred times in a row.
{
	my $path = "$tmp/killed/prng_exch";
	mkdir "$tmp/killed", 0700;
	give("$tmp/killed");
	my @sizes;
	for (1 .. $ours ? 30 : 2) {
		my $s = start(set => { @common, tls_random_prng_update_period => '1s', tls_random_exchange_name => $path });
		push @sizes, served($s) ? -s $path : 'not served';
		sleep rand 0.05;
		kill 'KILL', $s->{pid};
		ended($s);
		push @sizes, -s $path;
	}
	is(join(' ', grep { $_ ne 1024 } @sizes), '', 'exchange file: whole after each of many kill -9');
}
{
	my $s = start(set => { @common, tls_random_exchange_name => '@DIR@/data/link' }, before => sub { symlink "$_[0]/data/target", "$_[0]/data/link" });
	ok(served($s), 'exchange file is a link: requests are answered');
	is(-s "$s->{dir}/data/target", 1024, 'exchange file is a link: it is followed');
	stop($s);
}
{
	my $s = start(set => { @common, tls_random_exchange_name => '' });
	ok(served($s), 'no exchange file wanted: requests are answered');
	quiet($s, 'no exchange file wanted');
	ok(!-e "$s->{dir}/data/prng_exch", 'no exchange file wanted: none made');
	stop($s);
}
{
	my $s = start(set => { @common, tls_random_prng_update_period => '4s' });
	served($s);
	unlink "$s->{dir}/data/prng_exch";
	has($s, 'warning: PRNG exchange file was removed -- exiting to reopen');
	if ($ours) {
		has($s, "created PRNG exchange file $s->{dir}/data/prng_exch");
		is((stat "$s->{dir}/data/prng_exch")[7], 1024, 'exchange file removed: there is a new one');
		goes_on_or_exits($s, 'exchange file removed');
		stop($s);
	} else {
		goes_on_or_exits($s, 'exchange file removed');
	}
}

# What Postfix takes for the end is told here, and requests are answered.
for my $case (
	[ 'FIFO', 'data/fifo', sub { fifo("$_[0]/data/fifo"); give("$_[0]/data/fifo") },
	    'cannot seek PRNG exchange file DIR/data/fifo: Illegal seek', 'cannot open PRNG exchange file DIR/data/fifo: not a regular file',
	    sub { unlink "$_[0]/data/fifo" } ],
	[ 'directory', 'data/d', sub { mkdir "$_[0]/data/d"; give("$_[0]/data/d") },
	    ('tls_prng_exch_open: cannot open PRNG exchange file DIR/data/d: Is a directory') x 2, sub { rmdir "$_[0]/data/d" } ],
	[ 'missing directory', 'data/d/exch', sub { },
	    ('tls_prng_exch_open: cannot open PRNG exchange file DIR/data/d/exch: No such file or directory') x 2,
	    sub { mkdir "$_[0]/data/d", 0700; give("$_[0]/data/d") } ],
	[ "somebody else's file", 'data/other', sub { put("$_[0]/data/other", 'x'); chmod 0600, "$_[0]/data/other" },
	    ('tls_prng_exch_open: cannot open PRNG exchange file DIR/data/other: Permission denied') x 2, sub { unlink "$_[0]/data/other" }, 'needs root' ]) {
	my ($name, $file, $before, $stock_line, $our_line, $repair, $needs) = @$case;
	$name = "exchange file, $name";
	if ($needs && !$root) { skip($name, $needs); next }
	my $s = start(set => { @common, tls_random_exchange_name => "\@DIR\@/$file" }, before => $before);
	if (!$ours) {
		is(ended($s), 1, "$name: exit status 1");
		has($s, 'fatal: ' . $stock_line =~ s/DIR/$s->{dir}/r);
		next;
	}
	ok(served($s), "$name: requests are answered");
	my $line = 'warning: ' . (($our_line =~ s/^tls_prng_exch_open: //r) =~ s/^/tls_prng_exch_open: /r) =~ s/DIR/$s->{dir}/r;
	has($s, $line);
	$repair->($s->{dir});
	has($s, "PRNG exchange file $s->{dir}/$file is updated again");
	once($s, $line);
	is(-s "$s->{dir}/$file", 1024, "$name: written when it can be");
	stop($s);
}
{
	my $held;
	my $s = start(set => { @common }, before => sub { my $path = "$_[0]/data/prng_exch"; put($path, 'live'); chmod 0600, $path; give($path);
		open $held, '+<', $path or die; flock $held, LOCK_EX or die });
	if ($ours) { ok(served($s), 'exchange file locked: requests are answered') } else { ok(keeps_waiting($s, 4), 'exchange file locked: nobody is served') }
	is(text("$s->{dir}/data/prng_exch"), 'live', 'exchange file locked: left alone');
	close $held;
	ok(wait_until(sub { -s "$s->{dir}/data/prng_exch" == 1024 }), 'exchange file unlocked: written');
	ok(served($s), 'exchange file unlocked: requests are answered');
	stop($s);
}
if ($root) {
	my $s = start(set => { @common, tls_random_exchange_name => '@DIR@/etc/prng_exch' });
	ok(served($s), 'exchange file in a directory of root: requests are answered');
	has($s, "warning: request to update file $s->{dir}/etc/prng_exch in non-$owner directory $s->{dir}/etc");
	has($s, "warning: redirecting the request to $owner-owned data_directory $s->{dir}/data");
	is(-s "$s->{dir}/data/prng_exch", 1024, 'exchange file in a directory of root: it is in data_directory');
	stop($s);
} else {
	skip('exchange file in a directory of root', 'needs root');
}

# --- a full disk ---

sub full_disk {
	my ($dir) = @_;
	system('mount', '-t', 'tmpfs', '-o', "size=16k,mode=700,uid=" . getpwnam($owner), 'tmpfs', "$dir/data") == 0 or die 'mount';
}
sub fill { my ($dir) = @_; open my $f, '>', "$dir/data/ballast"; 1 while syswrite $f, 'x' x 4096; }
if ($root && $mounts) {
	my $s = start(set => { @common, tls_random_prng_update_period => '4s' }, before => sub { full_disk($_[0]); fill($_[0]) });
	my $path = "$s->{dir}/data/prng_exch";
	if ($ours) {
		ok(served($s), 'full disk, no exchange file: requests are answered');
		my $line = "warning: cannot write PRNG exchange file $path: No space left on device";
		has($s, $line);
		unlink "$s->{dir}/data/ballast";
		has($s, "PRNG exchange file $path is updated again");
		once($s, $line);
		is(-s $path, 1024, 'full disk, no exchange file: written when there is room');
		fill($s->{dir});
	} else {
		is(ended($s), 1, 'full disk, no exchange file: exit status 1');
		has($s, "fatal: cannot write PRNG exchange file $path: No space left on device");
		put($path, 'x' x 1024);
		unlink "$s->{dir}/data/ballast";
		put($path, 'x' x 1024);
		give($path);
		fill($s->{dir});
		my $dir = $s->{dir};
		$s = start(set => { @common, tls_random_prng_update_period => '4s', tls_random_exchange_name => $path });
		ok(served($s), 'full disk: requests are answered');
	}
	my $old = text($path);
	ok(wait_until(sub { text($path) ne $old }), 'full disk: the file is written in its place');
	is(-s $path, 1024, 'full disk: and whole');
	is(stop($s), 0, 'full disk: exit status 0');
	system('umount', $path =~ s/\/prng_exch$//r) == 0 or die 'umount';
} else {
	skip('full disk', 'needs root and mounts of its own');
}

# --- the jail ---

if ($root && $ours) {
	my $peer;
	my $s = start(set => { @common, tls_random_source => 'egd:@DIR@/data/egd', tls_random_reseed_period => '4s', tls_random_prng_update_period => '4s' },
	    args => ['-c'], before => sub { chmod 0755, $_[0]; $peer = egd_peer($_[0], 'give') });
	my $c = served($s);
	is(readlink("/proc/$s->{pid}/root"), "$s->{dir}/queue", 'jail: in it');
	ok(wait_until(sub { 2 <= (() = text("$s->{dir}/egd-log") =~ /^0120$/mg) }, 60), 'jail: the EGD server is asked again and again');
	unlink "$s->{dir}/data/prng_exch";
	has($s, "created PRNG exchange file $s->{dir}/data/prng_exch");
	end_peer($peer);
	has($s, "warning: cannot connect to EGD server $s->{dir}/data/egd: No such file or directory");
	has($s, "exiting to reopen external entropy source egd:$s->{dir}/data/egd");
	ok(seed_works($c), 'jail: requests are answered without it');
	sleep 4;
	once($s, 'cannot connect to EGD server');
	once($s, 'exiting to reopen external');
	my $exit = stop($s);
	# Leaks cannot be looked for without /proc.
	$exit = 0 if text("$s->{dir}/log") =~ /LeakSanitizer has encountered a fatal error/;
	is($exit, 0, 'jail: exit status 0');
} elsif ($ours) {
	skip('jail', 'needs root');
}

# --- settings ---

for ([ tls_random_reseed_period => '0', 'invalid tls_random_reseed_period: 0 (min 1)' ],
     [ tls_random_prng_update_period => '0', 'invalid tls_random_prng_update_period: 0 (min 1)' ],
     [ tls_random_reseed_period => '-1', 'parameter tls_random_reseed_period: bad time value or unit: -1' ],
     [ tls_random_prng_update_period => '1y', 'parameter tls_random_prng_update_period: bad time value or unit: 1y' ],
     [ tls_random_bytes => '0', 'invalid tls_random_bytes parameter value 0 < 1' ],
     [ tls_random_bytes => '-5', 'invalid tls_random_bytes parameter value -5 < 1' ],
     [ tls_random_bytes => 'many', 'bad numerical configuration: tls_random_bytes = many' ],
     [ smtpd_tls_session_cache_timeout => '-1', 'parameter smtpd_tls_session_cache_timeout: bad time value or unit: -1' ],
     [ smtp_tls_session_cache_timeout => '8640001', 'invalid smtp_tls_session_cache_timeout: 8640001 (max 8640000)' ],
     [ lmtp_tls_session_cache_timeout => '101d', 'invalid lmtp_tls_session_cache_timeout: 8726400 (max 8640000)' ]) {
	my ($parameter, $value, $line) = @$_;
	my $s = start(set => { @common, $parameter => $value });
	is(ended($s), 1, "$parameter = $value: exit status 1");
	has($s, "fatal: $line");
}
for (1, 2147483647) {
	my $s = start(set => { @common, tls_random_reseed_period => $_, tls_random_prng_update_period => $_, tls_random_source => 'dev:/dev/urandom' });
	ok(served($s), "periods of $_ s: requests are answered");
	is(stop($s), 0, "periods of $_ s: exit status 0");
}

finish;
