# SPDX-License-Identifier: ISC
#
# usage: perl tlsmgr-check.pl PROGRAM ours|stock
#
# What PROGRAM says on its socket and in its log, by itself.
use strict;
use warnings;
use Fcntl qw(:flock);
use IO::Select;
use IO::Socket::UNIX;
use MIME::Base64;
use Time::HiRes qw(time sleep);
use FindBin;
use lib $FindBin::Bin;
use TlsmgrRun;

# Where Sealpost differs on purpose: what ours does, what Postfix does, and why. Everything else must be the same.
my %differs = (
	'unknown request' => [ 'status -2', 'nothing', 'a client of a later release shall not wait for ipc_timeout' ],
	'statistics' => [ 'numbers', 'nothing', 'a request of our own' ],
	'data of a failed request' => [ 'none', 'of another client', 'seeds, sessions and keys are nobody else\'s' ],
	'data for an unknown key name' => [ 'none', 'the name', 'no data without a key' ],
	'requests in one write' => [ '100 replies', '1 replies', 'none needs to be lost' ],
	'a bad request between two good ones' => [ '3 replies', '1 replies', 'likewise' ],
	'request of 6 MB' => [ 'status -2', 'status 0', 'memory has bounds' ],
	'others during half a request' => [ 'served', 'stopped', 'each client has buffers of its own' ],
	'others during the first byte of a wakeup' => [ 'served', 'stopped', 'likewise' ],
	'others during an unread reply' => [ 'served', 'stopped', 'likewise' ],
	'a client that sends a byte now and then' => [ 'closed', 'open', 'the time limit is that of the request, not of its bytes' ],
	'a master that reads nothing' => [ '2000 requests', 'stopped', 'its news can be left out, the service cannot' ],
	'no descriptor left' => [ 'served', 'exit status 1', 'those who have one are not to blame' ],
	'lines about an unavailable cache' => [ 'one', 'one an access', 'logs shall be read' ],
	'leftover of a new file' => [ 'served', 'stopped', 'a crash at start-up must not be for ever' ],
	'locked database' => [ 'served, file as it was', 'exit status 1, file emptied', 'two instances shall not damage each other' ],
	'sessions after a restart' => [ 'there', 'gone', 'clients go on resuming' ],
	'ticket keys after a restart' => [ 'the same', 'other', 'likewise' ],
);
my %seen;

sub differs {
	my ($what, $got) = @_;
	$seen{$what} = 1;
	is($got, $differs{$what}[$ours ? 0 : 1], $what);
}

sub status_of {
	my ($reply) = @_;
	return 'nothing' unless defined $reply && length $reply;
	return $reply =~ /^status\x00(\d+)\0/ ? 'status ' . ($1 > 1 << 31 ? $1 - (1 << 32) : $1) : 'no status';
}

# A client that must not wait for others.
sub serves { my ($c) = @_; syswrite_all($c, list(request => seed => size => 4)); my $reply = get_list($c, $ours ? 60 : 1); return defined $reply ? 'served' : 'stopped' }

# --- the protocol ---

my $all = join '', map { chr } 0 .. 255;

{
	my $s = start(set => { smtp_tls_session_cache_timeout => '1s', lmtp_tls_session_cache_timeout => '60s' });
	my $c = raw($s);
	is(get($c, 26), "protocol\0tlsmgr_protocol\0\0", 'announcement');
	ok(seed_works($c), 'seed of 4 bytes');
	for my $size (1, 32, 255) {
		my ($one, $two) = map { session(request($c, seed => size => $size)) } 1, 2;
		ok(length $one == $size && ($size == 1 || $one ne $two), "seed of $size bytes, another each time");
	}
	for my $size (0, -1, 256, 1215752191, 99999999999) {
		my $number = $size == 99999999999 ? 1215752191 : $size;
		is(status_of(request($c, seed => size => $size)), 'status -2', "seed size $size fails");
		log_has($s, "bogus seed length \"$number\" in \"seed\" request");
	}
	is(length(session(request($c, seed => size => " +4")) // ''), 4, 'a number may have blanks and a sign');
	is(request($c, policy => cache_type => 'smtpd'), list(status => 0, cachable => 1, timeout => 3600), 'policy, enabled');
	is(request($c, policy => cache_type => 'smtp'), list(status => 0, cachable => 0, timeout => 120), 'policy, no database, 1s counts as 120s');
	is(request($c, policy => cache_type => 'lmtp'), list(status => 0, cachable => 0, timeout => 120), 'policy, 60s counts as 120s');
	for my $type ('bogus', '', 'SMTPD') {
		is(request($c, policy => cache_type => $type), list(status => $FAIL, cachable => 0, timeout => 0), "policy, type '$type'");
		log_has($s, "bogus cache type \"$type\" in \"policy\" request");
	}

	for my $len (0, 1, 2000, 100_000, 1_000_000) {
		my $blob = substr($all x (1 + $len / 256), 0, $len);
		is(request($c, update => cache_type => 'smtpd', cache_id => "id$len", session => b64($blob)), list(status => 0), "update, $len bytes");
		ok((session(request($c, lookup => cache_type => 'smtpd', cache_id => "id$len")) // 'none') eq $blob, "lookup, $len bytes");
	}
	is(status_of(request($c, lookup => cache_type => 'smtpd', cache_id => 'none')), 'status -1', 'lookup, absent');
	is(request($c, delete => cache_type => 'smtpd', cache_id => 'none'), list(status => $ERR), 'delete, absent');
	is(request($c, delete => cache_type => 'smtpd', cache_id => 'id1'), list(status => 0), 'delete');
	is(status_of(request($c, lookup => cache_type => 'smtpd', cache_id => 'id1')), 'status -1', 'lookup after delete');
	is(request($c, delete => cache_type => 'smtpd', cache_id => 'id1'), list(status => $ERR), 'delete again');
	for my $id ('aA', 'Aa', '', "gr\303\274n", 'x' x 65536) {
		request($c, update => cache_type => 'smtpd', cache_id => $id, session => b64("of $id"));
	}
	for my $id ('aA', 'Aa', '', "gr\303\274n", 'x' x 65536) {
		is(session(request($c, lookup => cache_type => 'smtpd', cache_id => $id)), "of $id", 'ids are exact: ' . substr $id, 0, 8);
	}
	is(request($c, update => cache_type => 'smtpd', cache_id => "\377\376", session => 'AAAA'), list(status => 0), 'update, bad UTF-8');
	is(status_of(request($c, lookup => cache_type => 'smtpd', cache_id => "\377\376")), 'status -1', 'lookup, bad UTF-8');
	is(request($c, delete => cache_type => 'smtpd', cache_id => "\377\376"), list(status => 0), 'delete, bad UTF-8');
	ok(wait_until(sub { log_count($s, 'non-UTF-8 key "??": malformed UTF-8 or invalid codepoint') == 3 }), 'three warnings');

	my $before = log_count($s, "\n");
	is(request($c, update => cache_type => 'smtp', cache_id => 'a', session => ''), list(status => $FAIL), 'update, not enabled');
	is(request($c, delete => cache_type => 'smtp', cache_id => 'a'), list(status => $FAIL), 'delete, not enabled');
	is(status_of(request($c, lookup => cache_type => 'smtp', cache_id => 'a')), 'status -2', 'lookup, not enabled');
	is(log_count($s, "\n"), $before, 'and nothing in the log');

	# Bad requests; after each of them the connection is still good.
	my $other = client($s);
	my $from = 'from tlsmgr socket';
	my $reading = 'tlsmgr socket while reading input attribute value';
	my $data = qr/[^\0]*/;
	my @bad = (
		[ 'wrong first attribute', "rquest\0seed\0size\0004\0\0", qr//, "unexpected attribute rquest $from (expecting: request)" ],
		[ 'empty list', "\0\0\0", qr//, "missing attribute request in input $from" ],
		[ 'missing attribute', list(request => 'seed'), qr/seed\0$data\0/, "missing attribute size in input $from" ],
		[ 'missing value', list(request => 'lookup', cache_type => 'smtpd'), qr/session\0$data\0/, "missing attribute cache_id in input $from" ],
		[ 'wrong order', list(request => 'lookup', cache_id => 'a', cache_type => 'smtpd'), qr/session\0$data\0/, "unexpected attribute cache_id $from (expecting: cache_type)" ],
		[ 'extra in the middle', list(request => 'delete', cache_type => 'smtpd', foo => 'bar', cache_id => 'a'), qr//, "unexpected attribute foo $from (expecting: cache_id)" ],
		[ 'bad number', list(request => 'seed', size => '5a'), qr/seed\0$data\0/, "malformed numerical data from $reading: 5a" ],
		[ 'no number', list(request => 'seed', size => ''), qr/seed\0$data\0/, "malformed numerical data from $reading: " ],
		[ 'bad base64', list(request => 'tktkey', keyname => 'abc'), qr/keybuf\0$data\0/, "malformed base64 data from $reading: abc" ],
		[ 'bad base64 session', list(request => 'update', cache_type => 'smtpd', cache_id => 'a', session => 'A!=='), qr//, "malformed base64 data from $reading: A!==" ],
		[ 'key name of 15 bytes', list(request => 'tktkey', keyname => b64('x' x 15)), qr/keybuf\0$data\0/, 'invalid session ticket key name length: 15' ],
		[ 'key name of 17 bytes', list(request => 'tktkey', keyname => b64('x' x 17)), qr/keybuf\0$data\0/, 'invalid session ticket key name length: 17' ],
		[ 'lookup, bad type', list(request => 'lookup', cache_type => 'foo', cache_id => 'a'), qr/session\0$data\0/, 'bogus cache type "foo" in "lookup" request' ],
		[ 'update, bad type', list(request => 'update', cache_type => 'foo', cache_id => 'a', session => ''), qr//, 'bogus cache type "foo" in "update" request' ],
		[ 'delete, bad type', list(request => 'delete', cache_type => 'foo', cache_id => 'a'), qr//, 'bogus cache type "foo" in "delete" request' ],
	);
	my $stale = 0;
	for (@bad) {
		my ($name, $bytes, $rest, $line) = @$_;
		request($other, tktkey => keyname => '');
		syswrite_all($c, $bytes);
		my $reply = get_list($c) // '';
		ok($reply =~ /^status\x00$FAIL\0$rest\0$/, "$name: reply") or print '# ', $reply =~ s/\0/\\0/gr, "\n";
		$stale++ if $reply =~ /^status\x00$FAIL\0(?:seed|session|keybuf)\0[^\0]/;
		log_has($s, $line);
		ok(seed_works($c), "$name: the connection is still good");
	}
	differs('data of a failed request', $stale ? 'of another client' : 'none');
	syswrite_all($c, list(request => 'seed', size => 4, foo => 'bar'));
	ok(get_list($c) =~ /^status\0000\0seed\0[^\0]{8}\0\0$/, 'extra at the end: answered');
	log_has($s, "unexpected attribute foo $from (expecting: (list terminator))");
	ok(seed_works($c), 'extra at the end: the connection is still good');

	syswrite_all($c, list(request => 'future'));
	differs('unknown request', status_of(get_list($c, $ours ? 60 : 3)));
	ok(seed_works($c), 'unknown request: the connection is still good');
	syswrite_all($c, list(request => 'stats'));
	my $stats = get_list($c, $ours ? 60 : 3);
	differs('statistics', defined $stats && $stats =~ /^status\0000\0(?:[a-z_]+\0[a-z\d]+\0)+\0$/ ? 'numbers' : status_of($stats));

	my $policy = list(status => 0, cachable => 1, timeout => 3600);
	syswrite_all($c, list(request => 'policy', cache_type => 'smtpd') x 100);
	my $got = get($c, 100 * length $policy, $ours ? 60 : 3);
	differs('requests in one write', $got eq $policy x (length($got) / length $policy) ? length($got) / length($policy) . ' replies' : 'others');
	if ($ours) {
		# More than one read takes in, and more than the socket takes of the replies.
		syswrite_all($c, list(request => 'policy', cache_type => 'smtpd') x 4000);
		ok(get($c, 4000 * length $policy) eq $policy x 4000, '4000 requests in one write');
	}
	$c = client($s);
	syswrite_all($c, list(request => 'policy', cache_type => 'smtpd') . list(request => 'delete') . list(request => 'policy', cache_type => 'smtpd'));
	my $three = $policy . list(status => $FAIL) . $policy;
	$got = get($c, length $three, $ours ? 60 : 3);
	differs('a bad request between two good ones', $got eq $three ? '3 replies' : $got eq $policy ? '1 replies' : 'others');
	$c = client($s);
	differs('request of 6 MB', status_of(request($c, update => cache_type => 'smtpd', cache_id => 'huge', session => b64('x' x 6_000_000))));
	ok(seed_works($c), 'request of 6 MB: the connection is still good');

	for my $pieces ([ "W\0" ], [ 'W', "\0" ]) {
		my ($w, $else) = map { client($s) } 1, 2;
		my $lines = log_count($s, "\n");
		syswrite_all($w, $pieces->[0]);
		if (@$pieces > 1) {
			differs('others during the first byte of a wakeup', serves($else));
			syswrite_all($w, $pieces->[1]);
		}
		is(get($w, 1), '', 'wakeup: end of file and no reply');
		ok(wait_until(sub { IO::Select->new($w)->can_read(0) }), 'wakeup: closed');
		is(log_count($s, "\n"), $lines, 'wakeup: nothing in the log');
	}
	my $w = client($s);
	syswrite_all($w, list(request => 'policy', cache_type => 'smtpd') . "W\0") if $ours;
	is(get($w, 1000), $policy, 'wakeup behind a request: reply and end of file') if $ours;

	for my $byte (split //, list(request => 'seed', size => 4)) {
		syswrite_all($c, $byte);
		sleep 0.01;
	}
	ok(defined get_list($c), 'a request in single bytes');
	$w = client($s);
	syswrite_all($w, "request\0update\0cache_type\0");
	shutdown $w, 1;
	is(get($w, 1000), list(status => $FAIL), 'end of file inside a request');

	my $garbage = client($s);
	srand 42;
	syswrite_all($garbage, join '', map { chr int rand 256 } 1 .. 20_000);
	shutdown $garbage, 1;
	get($garbage, 1 << 20, 2);
	ok(seed_works($other), 'garbage does no harm');

	my @idle = map { raw($s) } 1 .. 1000;
	my $late = client($s);
	ok($late && seed_works($late), scalar(@idle) . ' idle clients: another is served');
	@idle = ();

	my @db = stat "$s->{dir}/data/smtpd_scache.db";
	ok(@db && ($db[2] & 07777) == 0600 && $db[4] == getpwnam $owner, 'cache file: name, mode, owner');
	my @ex = stat "$s->{dir}/data/prng_exch";
	ok(@ex && ($ex[2] & 07777) == 0600 && $ex[7] == 1024, 'exchange file: mode and size');
	my $old = text("$s->{dir}/data/prng_exch");
	is(stop($s), 0, 'status channel closed, with clients: exit status 0');
	ok($old ne text("$s->{dir}/data/prng_exch"), 'exchange file rewritten at exit');
}

# --- clients that misbehave ---

{
	my $s = start();
	my ($stuck, $other) = map { client($s) } 1, 2;
	syswrite_all($stuck, "request\0see");
	differs('others during half a request', serves($other));
	syswrite_all($stuck, "d\0size\0004\0\0");
	ok(defined get_list($stuck), 'half a request can be completed');

	my $c = client($s);
	request($c, update => cache_type => 'smtpd', cache_id => 'long', session => b64($all x 4000));
	$stuck = client($s);
	$other = client($s);
	syswrite_all($stuck, list(request => 'lookup', cache_type => 'smtpd', cache_id => 'long'));
	differs('others during an unread reply', serves($other));
	ok((session(get_list($stuck)) // '') eq $all x 4000, 'a reply read late is whole');

	# One that keeps tlsmgr busy.
	if ($ours) {
		my $flood = client($s);
		my $pid = fork // die;
		if (!$pid) {
			my $many = list(request => 'policy', cache_type => 'smtpd') x 2000;
			vec(my $bits = '', fileno $flood, 1) = 1;
			$flood->blocking(0);
			for (;;) {
				select my $r = $bits, my $w = $bits, undef, 1;
				sysread $flood, my $drop, 1 << 20;
				syswrite $flood, $many;
			}
		}
		$pid{$pid} = 1;
		my $served = grep { seed_works($other) } 1 .. 200;
		is($served, 200, 'a flood of requests stops nobody else');
		kill 'KILL', $pid;
		waitpid $pid, 0;
		delete $pid{$pid};
	}
	stop($s);
}

if ($clock_library) {
	my $s = start(clock => 1, set => { ipc_timeout => '100s' });
	my ($slow, $silent, $idle) = map { client($s) } 1 .. 3;
	my $at = 0;
	for my $byte (split //, "request\0seed\0") {
		set_clock($s->{dir}, $at += 20);
		syswrite_all($slow, $byte);
		sleep 0.1;
	}
	syswrite_all($slow, "size\0004\0\0");
	differs('a client that sends a byte now and then', defined get_list($slow) ? 'open' : 'closed');
	set_clock($s->{dir}, $at + 10000);
	ok(seed_works($idle), 'an idle client stays');
	if ($ours) {
		syswrite_all($silent, "request\0");
		my $late = client($s);
		set_clock($s->{dir}, $at + 20000);
		ok(seed_works($late), 'the clock runs on');
		is(get($silent, 1), '', 'half a request is closed after ipc_timeout');
		log_has($s, 'timeout on tlsmgr socket while reading input attribute value');
		my $deaf = client($s);
		request($late, update => cache_type => 'smtpd', cache_id => 'long', session => b64($all x 4000));
		syswrite_all($deaf, list(request => 'lookup', cache_type => 'smtpd', cache_id => 'long'));
		IO::Select->new($deaf)->can_read(10) && seed_works($late);
		set_clock($s->{dir}, $at + 30000);
		ok(seed_works($late), 'the clock runs on');
		log_has($s, 'timeout on tlsmgr socket while writing a reply');
		ok(length get($deaf, 2_000_000) < 1_300_000, 'a reply that is not taken is given up after ipc_timeout');
	}
	stop($s);
} else {
	skip('time limits', 'faketime is not installed');
	$seen{'a client that sends a byte now and then'} = 1;
}

{
	my $s = start();
	my $c = client($s);
	my ($done, $left) = (0, 1);
	while ($done < 2000 && $left) {
		syswrite_all($c, list(request => 'policy', cache_type => 'smtp'));
		$left = IO::Select->new($c)->can_read($ours ? 60 : 1) && sysread $c, my $reply, 1000;
		$done++ if $left;
	}
	differs('a master that reads nothing', $done == 2000 ? '2000 requests' : 'stopped');
	stop($s);
}

{
	my $s = start(descriptors => 200);
	my $c = client($s);
	my @more = map { raw($s) } 1 .. 250;
	if ($ours) {
		differs('no descriptor left', serves($c));
		log_has($s, 'warning: accept connection: Too many open files');
		my $ticks = sub { my @stat = split ' ', text("/proc/$s->{pid}/stat"); return $stat[13] + $stat[14] };
		my $before = $ticks->();
		sleep 1.5;
		ok($ticks->() - $before < 50, 'no descriptor left: nothing spins');
		is(log_count($s, 'accept connection: Too many open files'), 1, 'no descriptor left: said once');
		splice @more, 0, 200;
		is(get($more[-1], 26), "protocol\0tlsmgr_protocol\0\0", 'descriptors again: the others get their turn');
		stop($s);
	} else {
		differs('no descriptor left', 'exit status ' . (ended($s) // 'none'));
	}
}

# --- ticket keys ---

{
	my $s = start();
	my $c = client($s);
	my ($k1, $k2) = map { session(request($c, tktkey => keyname => '')) } 1, 2;
	ok(length $k1 == 88 && $k1 eq $k2, 'ticket key: 88 bytes, the same again');
	ok($k1 !~ /^\0{16}/ && substr($k1, 16, 32) ne "\0" x 32 && substr($k1, 48, 32) ne "\0" x 32, 'ticket key: no field is empty');
	my $left = unpack('q', substr $k1, 80) - time();
	ok($left > 1780 && $left < 1800, 'ticket key: issuing ends after half the timeout');
	is(session(request($c, tktkey => keyname => b64(substr $k1, 0, 16))), $k1, 'ticket key by name');
	my $unknown = request($c, tktkey => keyname => b64('y' x 16));
	is(status_of($unknown), 'status -1', 'unknown ticket key');
	differs('data for an unknown key name', $unknown =~ /\0keybuf\0\0\0$/ ? 'none' : $unknown eq list(status => $ERR, keybuf => b64('y' x 16)) ? 'the name' : 'other');
	stop($s);
	my $again = start(dir => $s->{dir});
	$c = client($again);
	differs('ticket keys after a restart', session(request($c, tktkey => keyname => '')) eq $k1 ? 'the same' : 'other');
	stop($again);
}

if ($clock_library) {
	my $s = start(clock => 1, set => { smtpd_tls_session_cache_timeout => '120s' });
	my $c = client($s);
	my @keys;
	my $key = sub { session(request($c, tktkey => keyname => b64($_[0]))) };
	for ([ 0, 'yes' ], [ 59, 'yes yes' ], [ 118, 'no yes yes' ], [ 177, 'no no yes yes' ]) {
		my ($at, $want) = @$_;
		set_clock($s->{dir}, $at);
		push @keys, $key->('');
		my $left = unpack('q', substr $keys[-1], 80) - $at - time();
		ok($left > 57 && $left <= 60, "ticket keys of 120 s: issuing for 59 s, at $at");
		is(join(' ', map { ($key->(substr $_, 0, 16) // '') eq $_ ? 'yes' : 'no' } @keys), $want, "ticket keys of 120 s: known at $at");
	}
	is(scalar(keys %{ { map { $_ => 1 } @keys } }), 4, 'ticket keys of 120 s: four of them');
	stop($s);
} else {
	skip('rotation of ticket keys', 'faketime is not installed');
}

# --- caches ---

if ($clock_library) {
	my $s = start(clock => 1, set => { smtpd_tls_session_cache_timeout => '120s', smtpd_tls_loglevel => '0, cache' });
	my $c = client($s);
	my $hit = sub { defined session(request($c, lookup => cache_type => 'smtpd', cache_id => $_[0])) ? 'hit' : 'miss' };
	request($c, update => cache_type => 'smtpd', cache_id => $_, session => 'AAAA') for 'A', 'B', 'C';
	set_clock($s->{dir}, 60);
	request($c, update => cache_type => 'smtpd', cache_id => 'B', session => 'AAAA');
	set_clock($s->{dir}, 119);
	is(join(' ', map { $hit->($_) } 'A', 'B'), 'hit hit', 'timeout 120 s: there after 119 s');
	set_clock($s->{dir}, 122);
	is(join(' ', map { $hit->($_) } 'A', 'B'), 'miss hit', 'timeout 120 s: gone after 122 s, a hit renews nothing, an update does');
	set_clock($s->{dir}, 242);
	my $swept = wait_until(sub { seed_works($c); log_count($s, 'delete smtpd session id=C') == 1 });
	ok($swept, 'timeout 120 s: what nobody asks for is removed, too') or print '# ', text("$s->{dir}/log") =~ s/\n/\n# /gr, "\n";
	ok(log_count($s, 'tlsmgr_cache_run_event: start TLS smtpd session cache cleanup') >= 2, 'cleanup begins each time the timeout has passed');
	stop($s);
} else {
	skip('expiry', 'faketime is not installed');
}

for ([ 'unknown type', 'nosuch:@DIR@/data/x', 'error: unsupported dictionary type: nosuch' ],
     [ 'missing directory', 'btree:@DIR@/nowhere/x', '/nowhere/x.db: No such file or directory' ],
     [ 'read-only type', 'texthash:@DIR@/data/x', 'error: texthash:@DIR@/data/x map requires O_RDONLY access mode' ],
     $root ? [ 'unwritable file', 'btree:@DIR@/data/x', 'error: open database @DIR@/data/x.db: Permission denied' ] : ()) {
	my ($name, $value, $line) = @$_;
	my $s = start(set => { smtpd_tls_session_cache_database => $value }, before => sub { open my $f, '>', "$_[0]/data/x.db"; chmod 0600, $f });
	my $c = served($s);
	ok($c, "$name: service goes on") or next;
	log_has($s, $line =~ s/\@DIR\@/$s->{dir}/r);
	is(request($c, policy => cache_type => 'smtpd'), list(status => 0, cachable => 1, timeout => 3600), "$name: policy");
	is(request($c, update => cache_type => 'smtpd', cache_id => 'a', session => 'AAAA'), list(status => 0), "$name: update");
	is(status_of(request($c, lookup => cache_type => 'smtpd', cache_id => 'a')), 'status -1', "$name: lookup");
	is(request($c, delete => cache_type => 'smtpd', cache_id => 'a'), list(status => $ERR), "$name: delete");
	if ($name eq 'unknown type') {
		seed_works($c);
		wait_until(sub { log_count($s, 'is unavailable.') >= 3 }) unless $ours;
		my $lines = log_count($s, 'is unavailable.') + log_count($s, 'error: ');
		differs('lines about an unavailable cache', $lines == 1 ? 'one' : $lines >= 4 ? 'one an access' : "$lines");
	}
	stop($s);
}

for my $left ([ 'garbage', sub { open my $f, '>', "$_[0]/data/smtpd_scache.db"; print $f 'no database ' x 5000 } ],
              [ 'empty', sub { open my $f, '>', "$_[0]/data/smtpd_scache.db" } ],
              [ 'both files', sub { for my $name ('', '__db.') { open my $f, '>', "$_[0]/data/${name}smtpd_scache.db"; print $f 'x' x 100 } } ]) {
	my $s = start(before => sub { $left->[1]->($_[0]); if ($root) { chown scalar getpwnam($owner), -1, glob "$_[0]/data/*" } });
	my $c = served($s);
	ok($c && request($c, update => cache_type => 'smtpd', cache_id => 'a', session => 'AAAA') eq list(status => 0) &&
	    defined session(request($c, lookup => cache_type => 'smtpd', cache_id => 'a')), "$left->[0] left behind: cache works");
	stop($s);

	# What it has written itself, cut.
	next unless $left->[0] eq 'empty';
	truncate "$s->{dir}/data/smtpd_scache.db", 5000;
	$s = start(dir => $s->{dir});
	$c = served($s);
	ok($c && request($c, update => cache_type => 'smtpd', cache_id => 'b', session => 'AAAA') eq list(status => 0) &&
	    defined session(request($c, lookup => cache_type => 'smtpd', cache_id => 'b')), 'cut file left behind: cache works');
	is(status_of(request($c, lookup => cache_type => 'smtpd', cache_id => 'a')), 'status -1', 'cut file left behind: cache is empty') if $c;
	stop($s);
}
{
	my $s = start();
	my $c = served($s);
	my $find = sub { return defined session(request($c, lookup => cache_type => 'smtpd', cache_id => 'a')) ? 'there' : 'gone' };
	request($c, update => cache_type => 'smtpd', cache_id => 'a', session => 'AAAA');
	stop($s);
	$s = start(dir => $s->{dir});
	$c = served($s);
	wait_until(sub { $find->() eq 'there' }, $ours ? 60 : 1);
	differs('sessions after a restart', $find->());
	request($c, update => cache_type => 'smtpd', cache_id => 'a', session => 'AAAA');
	kill 'KILL', $s->{pid};
	ended($s);
	$s = start(dir => $s->{dir});
	$c = served($s);
	is($find->(), 'gone', 'sessions after kill -9: what was being written is not trusted');
	request($c, update => cache_type => 'smtpd', cache_id => 'a', session => 'AAAA');
	is($find->(), 'there', 'sessions after kill -9: the cache works');
	stop($s);
}
{
	my $s = start(before => sub { open my $f, '>', "$_[0]/data/__db.smtpd_scache.db"; print $f 'x' x 100; chown scalar getpwnam($owner), -1, "$_[0]/data/__db.smtpd_scache.db" if $root });
	my $c = raw($s);
	differs('leftover of a new file', get($c, 26, $ours ? 60 : 2) ? 'served' : 'stopped');
	kill 'KILL', $s->{pid};
	ended($s);
}
{
	my $held;
	my $s = start(before => sub { open $held, '>', "$_[0]/data/smtpd_scache.db"; syswrite $held, 'live'; flock $held, LOCK_EX;
		chown scalar getpwnam($owner), -1, "$_[0]/data/smtpd_scache.db" if $root });
	my $c = $ours ? served($s) : undef;
	my $exit = $ours ? undef : ended($s);
	log_has($s, 'unable to get exclusive lock: Resource temporarily unavailable');
	differs('locked database', ($c ? 'served' : 'exit status ' . ($exit // 'none')) . ', file ' .
	    (text("$s->{dir}/data/smtpd_scache.db") eq 'live' ? 'as it was' : 'emptied'));
	stop($s) if $c;
}

if ($root) {
	my $s = start(set => { smtpd_tls_session_cache_database => 'btree:@DIR@/etc/moved', smtpd_tls_loglevel => '1 cache' });
	my $c = served($s);
	log_has($s, "warning: request to update table btree:$s->{dir}/etc/moved in non-$owner directory $s->{dir}/etc");
	log_has($s, "warning: redirecting the request to $owner-owned data_directory $s->{dir}/data");
	log_has($s, "open smtpd TLS cache btree:$s->{dir}/data/moved");
	ok(-e "$s->{dir}/data/moved.db", 'database in a directory of root goes to data_directory');
	request($c, update => cache_type => 'smtpd', cache_id => 'X', session => 'AAAA');
	request($c, lookup => cache_type => 'smtpd', cache_id => 'X');
	request($c, delete => cache_type => 'smtpd', cache_id => 'X');
	log_has($s, 'tlsmgr_cache_run_event: start TLS smtpd session cache cleanup');
	log_has($s, $_) for 'put smtpd session id=X [data 3 bytes]', 'write smtpd TLS cache entry X: time=', 'lookup smtpd session id=X',
	    'read smtpd TLS cache entry X: time=', 'delete smtpd session id=X';
	stop($s);
}
{
	my $s = start(set => { smtpd_tls_loglevel => 'routine, cahce' });
	my $c = served($s);
	log_has($s, 'unknown smtpd_tls_loglevel value "cahce"');
	request($c, lookup => cache_type => 'smtpd', cache_id => 'X');
	seed_works($c);
	is(log_count($s, 'lookup smtpd'), 0, 'unknown log level: no cache logging');
	stop($s);
}

# --- settings ---

{
	my $s = start(set => { smtpd_tls_session_cache_timeout => '0' });
	my $c = served($s);
	is(request($c, policy => cache_type => 'smtpd'), list(status => 0, cachable => 0, timeout => 0), 'timeout 0: policy');
	is(status_of(request($c, tktkey => keyname => '')), 'status -1', 'timeout 0: no ticket key');
	is(status_of(request($c, tktkey => keyname => b64('x' x 15))), 'status -2', 'timeout 0: the length of a key name counts first');
	is(status_of(request($c, update => cache_type => 'smtpd', cache_id => 'a', session => '')), 'status -2', 'timeout 0: no cache');
	my $before = text("$s->{dir}/data/prng_exch");
	kill 'TERM', $s->{pid};
	ended($s);
	ok($before eq text("$s->{dir}/data/prng_exch"), 'SIGTERM: exchange file as it was');
}
{
	my $s = start(set => { smtpd_tls_session_cache_database => '' });
	my $c = served($s);
	is(request($c, policy => cache_type => 'smtpd'), list(status => 0, cachable => 0, timeout => 3600), 'no database: policy');
	is(length(session(request($c, tktkey => keyname => '')) // ''), 88, 'no database: ticket key');
	stop($s);
}
{
	my $s = start(args => ['stray']);
	my $c = raw($s);
	syswrite_all($c, list(request => seed => size => 4));
	ok(get($c, 1000) !~ /status/, 'a stray word: the first request is not answered');
	is(ended($s), 1, 'a stray word: exit status 1');
	log_has($s, 'fatal: unexpected command-line argument: stray');
}

for ([ { smtpd_tls_session_cache_timeout => '-1' }, 'parameter smtpd_tls_session_cache_timeout: bad time value or unit: -1' ],
     [ { smtpd_tls_session_cache_timeout => '8640001' }, 'invalid smtpd_tls_session_cache_timeout: 8640001 (max 8640000)' ],
     [ { tls_random_reseed_period => '0' }, 'invalid tls_random_reseed_period: 0 (min 1)' ],
     [ { tls_random_bytes => '0' }, 'invalid tls_random_bytes parameter value 0 < 1' ],
     [ { smtp_tls_session_cache_database => 'btree:@DIR@/data/same', smtpd_tls_session_cache_database => 'btree:@DIR@/data/same' }, 'do not use the same TLS cache file btree:' ]) {
	my $s = start(set => $_->[0]);
	is(ended($s), 1, "$_->[1]: exit status 1");
	log_has($s, "fatal: $_->[1]");
}
{
	my $s = start(no_limit => 1);
	is(ended($s), 1, 'no -l: exit status 1');
	log_has($s, 'fatal: service tlsmgr requires a process limit of 1');
}

is(join(', ', grep { !$seen{$_} } sort keys %differs), '', 'every difference of the table was looked at');
finish;
