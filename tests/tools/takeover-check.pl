# SPDX-License-Identifier: ISC
#
# usage: perl takeover-check.pl OURS ours STOCK [mounts]
#
# What becomes of a session cache when the other tlsmgr comes. "mounts": the script may mount. TAP on stdout.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use TlsmgrRun;
use Time::HiRes qw(time sleep);

my $stock = $ARGV[2];
my $mounts = ($ARGV[3] // '') eq 'mounts';
my %suffix = (btree => '.db', hash => '.db', lmdb => '.lmdb');
my @caches = qw(smtpd smtp lmtp);
my @mounted;
END { my $status = $?; system 'umount', '-l', $_ for @mounted; $? = $status }

sub settings { my ($type, $dir) = @_; return { tlsmgr_session_cache_entry_limit => 100000, map { ("${_}_tls_session_cache_database" => "$type:$dir/$_") } @caches } }
sub begin { my ($who, $type, %o) = @_; return start(($who eq 'stock' ? (program => $stock) : ()), %o, set => { %{ settings($type, $o{where} || '@DIR@/data') }, %{ $o{set} || {} } },
	# How the types that come in packages are found.
	before => sub { system "cp -r /etc/postfix/dynamicmaps.cf* $_[0]/etc/ 2>/dev/null"; $o{first}->($_[0]) if $o{first} }) }
sub put { my ($c, $cache, $id, $session) = @_; return (request($c, update => cache_type => $cache, cache_id => $id, session => b64($session)) // '') eq list(status => 0) }
sub find { my ($c, $cache, $id) = @_; return session(request($c, lookup => cache_type => $cache, cache_id => $id)) }
sub del { my ($c, $cache, $id) = @_; return request($c, delete => cache_type => $cache, cache_id => $id) }
sub content { my ($cache, $i) = @_; return pack('C*', map { ($i + $_ * $_) & 255 } 1 .. 1 + $i * 37 % 2900) . "$cache $i" }
sub id { my ($i) = @_; return sprintf '%08X%040X&s=smtpd&l=805306720', $i * 2654435761 & 0xffffffff, $i }
sub fill { my ($c, $cache, @i) = @_; return scalar grep { put($c, $cache, id($_), content($cache, $_)) } @i }
sub found { my ($c, $cache, @i) = @_; return scalar grep { (find($c, $cache, id($_)) // '') eq content($cache, $_) } @i }
sub wrong { my ($c, $cache, @i) = @_; return scalar grep { my $s = find($c, $cache, id($_)); defined $s && $s ne content($cache, $_) } @i }
sub stats { my ($c) = @_; my %stats = split /\0/, request($c, 'stats') // ''; return \%stats }
sub loaded { my ($c) = @_; return wait_until(sub { my $s = stats($c); !grep { $s->{"${_}_loading"} } @caches }, 60) }
sub files { my ($s) = @_; my $dir = "$s->{dir}/data"; opendir my $d, $dir or die; return join ' ', sort grep { /smtp|lmtp|__db/ } readdir $d }
sub slain { my ($s) = @_; kill 'KILL', $s->{pid}; ended($s) }
sub terminated { my ($s) = @_; kill 'TERM', $s->{pid}; ended($s) }
sub took { my ($s, $cache, $type, $n) = @_; log_has($s, "$cache TLS session cache $type:$s->{dir}/data/$cache: took over $n sessions of Postfix\n") }

# How the process before ended: at "postfix stop", at "postfix reload", and by accident.
my %ends = (stopped => \&terminated, reloaded => \&stop, killed => \&slain);

for my $type (sort keys %suffix) {
	my $files = join ' ', map { "$_$suffix{$type}" } sort @caches;
	for my $jail ([], $root ? ['-c'] : ()) {
		for my $end (sort keys %ends) {
			my $name = "$type: stock $end" . (@$jail ? ', jail' : '');
			my $s = begin('stock', $type);
			my $c = served($s);
			my %count = (smtpd => 400, smtp => 30, lmtp => 1);
			is(fill($c, $_, 1 .. $count{$_}), $count{$_}, "$name: $_ sessions") for @caches;
			# Freed pages, replaced sessions, sizes of all kinds.
			del($c, 'smtpd', id($_)) for 1 .. 100;
			put($c, 'smtpd', id($_), "old $_") for 300 .. 400;
			fill($c, 'smtpd', 300 .. 400);
			put($c, 'smtp', 'large', 'l' x 300000);
			put($c, 'smtp', "gr\xc3\xbc\xc3\x9fe", 'utf-8');
			$ends{$end}->($s);
			$s = begin('ours', $type, dir => $s->{dir}, args => $jail);
			$c = served($s);
			ok(loaded($c), "$name: ours reads");
			took($s, 'smtpd', $type, 300);
			took($s, 'smtp', $type, 32);
			took($s, 'lmtp', $type, 1);
			is(found($c, $_, 1 .. $count{$_}), $_ eq 'smtpd' ? 300 : $count{$_}, "$name: $_ sessions are found") for @caches;
			is(length(find($c, 'smtp', 'large') // ''), 300000, "$name: a large one");
			is(find($c, 'smtp', "gr\xc3\xbc\xc3\x9fe"), 'utf-8', "$name: an id in UTF-8");
			is(files($s), $files, "$name: no other file");
			is(log_count($s, 'warning:'), 0, "$name: no complaint") or print text("$s->{dir}/log") =~ s/^/# /gmr;
			terminated($s);
			$s = begin('ours', $type, dir => $s->{dir}, args => $jail);
			$c = served($s);
			is(found($c, 'smtpd', 1 .. 400), 300, "$name: ours after ours");
			is(log_count($s, 'took over'), 3, "$name: nothing to take over");
			$end eq 'killed' ? slain($s) : stop($s);
			$s = begin('stock', $type, dir => $s->{dir});
			$c = served($s);
			is(found($c, 'smtpd', 1 .. 400), 0, "$name: stock empties it");
			is(fill($c, 'smtpd', 1 .. 100), 100, "$name: and goes on");
			is(found($c, 'smtpd', 1 .. 100), 100, "$name: as ever");
			stop($s);
		}
	}
}

# --- killed at work, again and again ---

for my $type (sort keys %suffix) {
	my ($wrong, $found, $dir, $served) = (0, 0, undef, 0);
	for my $round (1 .. 10) {
		my $s = begin('stock', $type, $dir ? (dir => $dir) : ());
		$dir = $s->{dir};
		my $c = served($s);
		fill($c, 'smtpd', 1 .. 200);
		# It dies in the middle of what this child asks for.
		my $child = fork // die;
		if (!$child) {
			my $d = client($s);
			for (my $i = 0;; $i++) { syswrite_all($d, list(request => $i % 3 ? 'update' : 'delete', cache_type => 'smtpd', cache_id => id(150 + $i % 100), $i % 3 ? (session => b64(content('smtpd', 150 + $i % 100))) : ())); get_list($d) // POSIX::_exit(0) }
		}
		sleep 0.02 + rand 0.05;
		slain($s);
		waitpid $child, 0;
		$s = begin('ours', $type, dir => $dir);
		$c = served($s) and $served++;
		loaded($c);
		$found += found($c, 'smtpd', 1 .. 149) == 149;
		$wrong += wrong($c, 'smtpd', 1 .. 250);
		stop($s);
	}
	is($served, 10, "$type: ours after a stock that was killed at work");
	is($wrong, 0, "$type: no session is another");
	ok($found >= 8, "$type: what was not being written is there ($found of 10)");
}

# --- while it is under way ---

# Where others want the processor, too, it shall not be over before the client has his turn.
sub slow_down { my ($s) = @_; setpriority 0, $s->{pid}, 19; return $s }

my $many = 6000;
for my $type (sort keys %suffix) {
	my $s = begin('stock', $type, set => { smtpd_tls_session_cache_timeout => '1h' });
	my $c = served($s);
	fill($c, 'smtpd', 1 .. $many);
	terminated($s);
	$s = slow_down(begin('ours', $type, dir => $s->{dir}));
	$c = served($s);
	put($c, 'smtpd', id($_ * 50), "new $_") for 1 .. 100;
	del($c, 'smtpd', id($_ * 50 + 1)) for 1 .. 100;
	ok(stats($c)->{smtpd_loading}, "$type: requests while there is more to read");
	my $longest = 0;
	while (stats($c)->{smtpd_loading}) {
		my $start = time;
		find($c, 'smtpd', id(int rand $many));
		my $took = time - $start;
		$longest = $took if $took > $longest;
		sleep 0.005;
	}
	printf "# longest wait meanwhile: %.1f ms\n", $longest * 1000;
	is(scalar(grep { (find($c, 'smtpd', id($_ * 50)) // '') eq "new $_" } 1 .. 100), 100, "$type: what a client stored meanwhile stays");
	is(scalar(grep { defined find($c, 'smtpd', id($_ * 50 + 1)) } 1 .. 100), 0, "$type: what a client deleted stays deleted");
	is(stats($c)->{smtpd_entries}, $many - 100, "$type: all others are here");
	stop($s);

	# In the middle: killed, stopped.
	for my $end (qw(killed stopped)) {
		$s = begin('stock', $type, dir => $s->{dir});
		$c = served($s);
		fill($c, 'smtpd', 1 .. $many);
		stop($s);
		$s = slow_down(begin('ours', $type, dir => $s->{dir}));
		$c = served($s);
		wait_until(sub { stats($c)->{smtpd_entries} > 0 });
		my ($taken, $more) = @{ stats($c) }{qw(smtpd_entries smtpd_loading)};
		ok($taken < $many && $more, "$type: $end in the middle");
		$ends{$end}->($s);
		log_has($s, ' sessions of Postfix, the rest is lost') if $end eq 'stopped';
		$s = begin('ours', $type, dir => $s->{dir});
		$c = served($s);
		loaded($c);
		my $left = stats($c)->{smtpd_entries};
		ok($end eq 'killed' ? $left == 0 : $left >= $taken && $left < $many, "$type: $end in the middle: what the next one begins with ($left)");
		is(files($s), join(' ', map { "$_$suffix{$type}" } sort @caches), "$type: $end in the middle: no other file");
		stop($s);
	}
}

# --- limits ---

{
	my $s = begin('stock', 'btree');
	my $c = served($s);
	fill($c, 'smtpd', 1 .. 500);
	stop($s);
	$s = begin('ours', 'btree', dir => $s->{dir}, set => { tlsmgr_session_cache_entry_limit => 100 });
	$c = served($s);
	loaded($c);
	is(stats($c)->{smtpd_entries}, 100, 'a limit holds for what is taken over');
	stop($s);
}

# --- a disk that has no room for both files ---

for my $type (sort keys %suffix) {
	my $name = "$type: disk nearly full";
	if (!$mounts) { skip($name, 'needs root and a mount namespace'); next }
	my $disk;
	my $s = begin('stock', $type, where => '@DIR@/disk', first => sub {
		$disk = "$_[0]/disk";
		mkdir $disk or die;
		system('mount', '-t', 'tmpfs', '-o', "size=16m,mode=700,uid=" . getpwnam($owner), 'none', $disk) == 0 or die;
		push @mounted, $disk });
	my $c = served($s);
	fill($c, 'smtpd', 1 .. 3000);
	stop($s);
	$s = begin('ours', $type, where => '@DIR@/disk', dir => $s->{dir});
	$c = served($s);
	ok(loaded($c), "$name: the end is reached");
	log_has($s, ' sessions of Postfix, the rest is lost');
	is(log_count($s, 'warning:'), 0, "$name: no complaint");
	is(fill($c, 'smtp', 1 .. 100), 100, "$name: the cache works");
	is(found($c, 'smtp', 1 .. 100), 100, "$name: as before");
	ok(stats($c)->{smtpd_entries} > 0, "$name: what there was room for is kept (" . stats($c)->{smtpd_entries} . ')');
	stop($s);
}

finish();
