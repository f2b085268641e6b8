# SPDX-License-Identifier: ISC
#
# usage: perl session-cache-check.pl PROGRAM ours [mounts]
#
# What a session cache keeps, and for how long, whatever happens to its file. "mounts": the script may mount. TAP on stdout.
use strict;
use warnings;
use Fcntl qw(:flock);
use FindBin;
use lib $FindBin::Bin;
use TlsmgrRun;

my $mounts = ($ARGV[2] // '') eq 'mounts';
my %suffix = (btree => '.db', hash => '.db', lmdb => '.lmdb');
my @on_disk = sort keys %suffix;
my @mounted;
END { my $status = $?; system 'umount', '-l', $_ for @mounted; $? = $status }

# The jail is the queue directory; the caches lie outside.
my @jails = ([ 'no jail', [] ], $root ? [ 'jail', ['-c'] ] : ());

sub begin { my ($type, %o) = @_; return start(%o, set => { smtpd_tls_session_cache_database => "$type:\@DIR\@/data/cache", %{ $o{set} || {} } }) }
sub put { my ($c, $id, $session) = @_; return (request($c, update => cache_type => 'smtpd', cache_id => $id, session => b64($session)) // '') eq list(status => 0) }
sub find { my ($c, $id) = @_; return session(request($c, lookup => cache_type => 'smtpd', cache_id => $id)) }
sub content { my ($i) = @_; return "session $i " . 'x' x ($i * 17 % 3000) }
sub fill { my ($c, @i) = @_; return scalar grep { put($c, "id$_", content($_)) } @i }
sub found { my ($c, @i) = @_; return join ' ', grep { (find($c, "id$_") // '') eq content($_) } @i }
sub stats { my ($c) = @_; my %stats = split /\0/, request($c, 'stats') // ''; return \%stats }
sub loaded { my ($c) = @_; return wait_until(sub { !stats($c)->{smtpd_loading} }, 20) }

# --- from one run to the next ---

for my $type (@on_disk, 'internal') {
	my $s = begin($type);
	my $c = served($s);
	is(fill($c, 1 .. 300), 300, "$type: 300 sessions");
	is(found($c, 1 .. 300), "@{[1 .. 300]}", "$type: and there they are");
	is(stop($s), 0, "$type: orderly end");
	$s = begin($type, dir => $s->{dir});
	$c = served($s);
	my $all = $type eq 'internal' ? '' : "@{[1 .. 300]}";
	is(found($c, 1 .. 300), $all, "$type: after a restart " . ($all ? 'all are found at once' : 'nothing is left'));
	ok(loaded($c), "$type: all are read");
	is(found($c, 1 .. 300), $all, "$type: and found");
	is(stats($c)->{smtpd_entries}, $all ? 300 : 0, "$type: and counted");
	fill($c, 301);
	kill 'KILL', $s->{pid};
	ended($s);
	$s = begin($type, dir => $s->{dir});
	$c = served($s);
	is(found($c, 1 .. 301), '', "$type: after kill -9 nothing is left");
	is(fill($c, 1 .. 10), 10, "$type: and the cache works");
	is(found($c, 1 .. 10), "@{[1 .. 10]}", "$type: as before");
	stop($s);
}

# --- limits ---

for my $type (@on_disk, 'internal') {
	my $s = begin($type, set => { tlsmgr_session_cache_entry_limit => 50 });
	my $c = served($s);
	fill($c, 1 .. 200);
	is(found($c, 1 .. 200), "@{[151 .. 200]}", "$type: the latest 50 of 200");
	is(stats($c)->{smtpd_evicted}, 150, "$type: 150 made room");
	stop($s);
	$s = begin($type, dir => $s->{dir}, set => { tlsmgr_session_cache_size_limit => 20000 });
	$c = served($s);
	loaded($c);
	my $stats = stats($c);
	ok($stats->{smtpd_bytes} <= 20000 && ($type eq 'internal' || $stats->{smtpd_entries} > 3), "$type: a lower limit holds for what an earlier run left");
	put($c, 'large', 'x' x 20000);
	ok(!defined find($c, 'large'), "$type: a session beyond the limit is not kept");
	put($c, 'fits', 'x' x 19990);
	is(length(find($c, 'fits') // ''), 19990, "$type: one within is");
	is(stats($c)->{smtpd_entries}, 1, "$type: alone");
	stop($s);
}

# --- trouble ---

for my $jail (@jails) {
	my ($where, $args) = @$jail;
	for my $type (@on_disk) {
		my $file;
		my $s = begin($type, args => $args, before => sub {
			open $file, '>', "$_[0]/data/cache$suffix{$type}" or die;
			flock $file, LOCK_EX or die;
			chown scalar getpwnam($owner), -1, "$_[0]/data/cache$suffix{$type}" if $root });
		my $c = served($s);
		ok(put($c, 'a', 'lost') && !defined find($c, 'a'), "$type, $where: locked by another process: requests are answered");
		log_has($s, 'unable to get exclusive lock');
		close $file;
		ok(wait_until(sub { put($c, 'a', 'kept'); defined find($c, 'a') }, 30), "$type, $where: lock released: the cache works");
		log_has($s, "smtpd TLS session cache $type:$s->{dir}/data/cache is back");
		is(log_count($s, 'unable to get exclusive lock'), 1, "$type, $where: one line");
		stop($s);
	}
}

for my $jail (@jails) {
	my ($where, $args) = @$jail;
	for my $type (@on_disk) {
		my $name = "$type, $where: full disk";
		if (!$mounts) {
			skip($name, 'needs root and a mount namespace');
			next;
		}
		my $disk;
		my $s = begin($type, args => $args, set => { smtpd_tls_session_cache_database => "$type:\@DIR\@/disk/cache" }, before => sub {
			$disk = "$_[0]/disk";
			mkdir $disk or die;
			system('mount', '-t', 'tmpfs', '-o', "size=2m,mode=700,uid=" . getpwnam($owner), 'none', $disk) == 0 or die;
			push @mounted, $disk });
		my $c = served($s);
		my $answered = 1;
		ok(wait_until(sub { $answered &&= put($c, "id$_", 'x' x 3000) for 1 .. 2000; index(text("$s->{dir}/log"), 'continuing without') >= 0 }, 60), "$name: one line");
		ok($answered, "$name: updates are answered");
		ok(seed_works($c), "$name: and so are seeds");
		system('mount', '-o', 'remount,size=64m', $disk) == 0 or die;
		ok(wait_until(sub { put($c, 'a', 'kept'); defined find($c, 'a') }, 60), "$name: room again: the cache works");
		log_has($s, "smtpd TLS session cache $type:$disk/cache is back");
		is(fill($c, 1 .. 300), 300, "$name: 300 sessions");
		is(found($c, 1 .. 300), "@{[1 .. 300]}", "$name: and there they are");
		stop($s);
	}
}

finish();
