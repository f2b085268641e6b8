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

# --- the protocol ---

{
	my $s = start(set => { smtp_tls_session_cache_timeout => '1s', lmtp_tls_session_cache_timeout => '0' });
	my $c = raw($s);
	is(get($c, 26), "protocol\0tlsmgr_protocol\0\0", 'announcement');
	ok(seed_works($c), 'seed of 4 bytes');
	for my $size (1, 32, 255) {
		my ($one, $two) = map { session(request($c, seed => size => $size)) } 1, 2;
		ok(length $one == $size && ($size == 1 || $one ne $two), "seed of $size bytes, another each time");
	}
	for my $size (0, -1, 256, 1215752191) {
		my $reply = request($c, seed => size => $size);
		$reply =~ s/seed\0[^\0]*\0\0/seed\0\0\0/ unless $ours;
		is($reply, list(status => $FAIL, seed => ''), "seed size $size fails");
		log_has($s, "bogus seed length \"$size\" in \"seed\" request");
	}
	is(request($c, policy => cache_type => 'smtpd'), list(status => 0, cachable => 1, timeout => 3600), 'policy, enabled');
	is(request($c, policy => cache_type => 'smtp'), list(status => 0, cachable => 0, timeout => 120), 'policy, no database, 1s counts as 120s');
	is(request($c, policy => cache_type => 'lmtp'), list(status => 0, cachable => 0, timeout => 0), 'policy, timeout 0');
	for my $type ('bogus', '', 'SMTPD') {
		is(request($c, policy => cache_type => $type), list(status => $FAIL, cachable => 0, timeout => 0), "policy, type '$type'");
		log_has($s, "bogus cache type \"$type\" in \"policy\" request");
	}

	my $all = join '', map { chr } 0 .. 255;
	for my $len (0, 1, 2000, 100_000, 1_000_000) {
		my $blob = substr($all x (1 + $len / 256), 0, $len);
		is(request($c, update => cache_type => 'smtpd', cache_id => "id$len", session => b64($blob)), list(status => 0), "update, $len bytes");
		ok((session(request($c, lookup => cache_type => 'smtpd', cache_id => "id$len")) // 'none') eq $blob, "lookup, $len bytes");
	}
	is(request($c, lookup => cache_type => 'smtpd', cache_id => 'none'), list(status => $ERR, session => ''), 'lookup, absent') if $ours;
	is(request($c, delete => cache_type => 'smtpd', cache_id => 'none'), list(status => $ERR), 'delete, absent');
	is(request($c, delete => cache_type => 'smtpd', cache_id => 'id1'), list(status => 0), 'delete');
	is(request($c, delete => cache_type => 'smtpd', cache_id => 'id1'), list(status => $ERR), 'delete again');
	for my $id ('aA', 'Aa', '', "gr\303\274n", 'x' x 65536) {
		request($c, update => cache_type => 'smtpd', cache_id => $id, session => b64("of $id"));
	}
	for my $id ('aA', 'Aa', '', "gr\303\274n", 'x' x 65536) {
		is(session(request($c, lookup => cache_type => 'smtpd', cache_id => $id)), "of $id", 'ids are exact: ' . substr $id, 0, 8);
	}
	is(request($c, update => cache_type => 'smtpd', cache_id => "\377\376", session => 'AAAA'), list(status => 0), 'update, bad UTF-8');
	ok(request($c, lookup => cache_type => 'smtpd', cache_id => "\377\376") =~ /^status\x00$ERR/, 'lookup, bad UTF-8');
	is(request($c, delete => cache_type => 'smtpd', cache_id => "\377\376"), list(status => 0), 'delete, bad UTF-8');
	ok(wait_until(sub { log_count($s, 'non-UTF-8 key "??": malformed UTF-8 or invalid codepoint') == 3 }, 5), 'three warnings');

	my $before = log_count($s, "\n");
	is(request($c, update => cache_type => 'smtp', cache_id => 'a', session => ''), list(status => $FAIL), 'update, not enabled');
	is(request($c, delete => cache_type => 'smtp', cache_id => 'a'), list(status => $FAIL), 'delete, not enabled');
	ok(request($c, lookup => cache_type => 'smtp', cache_id => 'a') =~ /^status\x00$FAIL\0session\0/, 'lookup, not enabled');
	is(log_count($s, "\n"), $before, 'and nothing in the log');

	# Bad requests; after each of them the connection is still good, and other clients' data stays theirs.
	my $other = client($s);
	my @bad = (
		[ 'wrong first attribute', "rquest\0seed\0size\0004\0\0", qr/^status\x00$FAIL\0\0$/, 'unexpected attribute rquest from tlsmgr socket (expecting: request)' ],
		[ 'empty list', "\0\0\0", qr/^status\x00$FAIL\0\0$/, 'missing attribute request in input from tlsmgr socket' ],
		[ 'missing attribute', list(request => 'seed'), qr/^status\x00$FAIL\0seed\0[^\0]*\0\0$/, 'missing attribute size in input from tlsmgr socket' ],
		[ 'wrong order', list(request => 'lookup', cache_id => 'a', cache_type => 'smtpd'), qr/^status\x00$FAIL\0session\0[^\0]*\0\0$/, 'unexpected attribute cache_id from tlsmgr socket (expecting: cache_type)' ],
		[ 'extra at the end', list(request => 'seed', size => 4, foo => 'bar'), qr/^status\0000\0seed\0[^\0]{8}\0\0$/, 'unexpected attribute foo from tlsmgr socket (expecting: (list terminator))' ],
		[ 'bad number', list(request => 'seed', size => '5a'), qr/^status\x00$FAIL\0seed\0[^\0]*\0\0$/, 'malformed numerical data from tlsmgr socket while reading input attribute value: 5a' ],
		[ 'bad base64', list(request => 'tktkey', keyname => 'abc'), qr/^status\x00$FAIL\0keybuf\0[^\0]*\0\0$/, 'malformed base64 data from tlsmgr socket while reading input attribute value: abc' ],
		[ 'bad key name', list(request => 'tktkey', keyname => b64('x' x 15)), qr/^status\x00$FAIL\0keybuf\0[^\0]*\0\0$/, 'invalid session ticket key name length: 15' ],
		[ 'bad type', list(request => 'lookup', cache_type => 'foo', cache_id => 'a'), qr/^status\x00$FAIL\0session\0[^\0]*\0\0$/, 'bogus cache type "foo" in "lookup" request' ],
	);
	for (@bad) {
		my ($name, $bytes, $want, $line) = @$_;
		request($other, tktkey => keyname => '');
		syswrite_all($c, $bytes);
		my $reply = get_list($c) // '';
		ok($reply =~ $want, "$name: reply") or print '# ', $reply =~ s/\0/\\0/gr, "\n";
		ok($reply !~ /^status\x00$FAIL\0(?:seed|session|keybuf)\0[^\0]/, "$name: no data of others") if $ours;
		log_has($s, $line);
		ok(seed_works($c), "$name: the connection is still good");
	}
	if ($ours) {
		is(request($c, future => a => 1), list(status => $FAIL), 'unknown request is answered');
		syswrite_all($c, list(request => 'policy', cache_type => 'smtpd') x 3);
		is(get($c, 3 * 37), list(status => 0, cachable => 1, timeout => 3600) x 3, 'pipelined requests, in order');
		ok(request($c, update => cache_type => 'smtpd', cache_id => 'huge', session => b64('x' x 6_000_000)) eq list(status => $FAIL), 'too long a request fails');
		log_has($s, 'request of more than');
	} else {
		syswrite_all($c, list(request => 'future'));
		is(get($c, 1, 0.5), '', 'unknown request is not answered');
	}
	ok(seed_works($c), 'and the connection is still good');
	for my $pieces ([ "W\0" ], [ 'W', "\0" ]) {
		my $w = client($s);
		syswrite_all($w, $pieces->[0]);
		if (@$pieces > 1) {
			ok(seed_works($other), 'others are served meanwhile') if $ours;
			syswrite_all($w, $pieces->[1]);
		}
		is(get($w, 1), '', 'wakeup: end of file and no reply');
		ok(wait_until(sub { IO::Select->new($w)->can_read(0) }), 'closed');
	}

	if ($ours) {
		my @stuck = map { client($s) } 1 .. 4;
		syswrite_all($stuck[0], "request\0see");
		syswrite_all($stuck[1], 'W');
		syswrite_all($stuck[2], "request\0update\0cache_type\0");
		syswrite_all($stuck[3], list(request => 'lookup', cache_type => 'smtpd', cache_id => 'id1000000'));
		my $served = grep { seed_works($other) } 1 .. 100;
		is($served, 100, 'half requests and unread replies stop nobody else');
		syswrite_all($stuck[0], "d\0size\0004\0\0");
		ok(defined get_list($stuck[0]), 'and can be completed');
		shutdown $stuck[2], 1;
		is(get($stuck[2], 1000), list(status => $FAIL), 'half-close inside a request: failure, then end of file');
		is(length get($stuck[3], 1_333_355), 1_333_336 + 17 + 2, 'a reply read late is whole');
	}
	for my $byte (split //, list(request => 'seed', size => 4)) {
		syswrite_all($c, $byte);
		sleep 0.002;
	}
	ok(defined get_list($c), 'a request in single bytes');

	my $garbage = client($s);
	srand 42;
	syswrite_all($garbage, join '', map { chr int rand 256 } 1 .. 20_000);
	shutdown $garbage, 1;
	get($garbage, 1 << 20, 2);
	ok(seed_works($other), 'garbage does no harm');

	my @idle = map { raw($s) } 1 .. ($ours ? 400 : 100);
	my $late = client($s);
	ok($late && seed_works($late), scalar(@idle) . ' idle clients: another is served');
	@idle = ();

	# Ticket keys.
	my ($k1, $k2) = map { session(request($c, tktkey => keyname => '')) } 1, 2;
	ok(length $k1 == 88 && $k1 eq $k2, 'ticket key: 88 bytes, the same again');
	my $tout = unpack 'q', substr $k1, 80;
	my $left = $tout - time();
	ok($left > 1780 && $left < 1800, 'ticket key: issuing ends after half the timeout');
	is(session(request($c, tktkey => keyname => b64(substr $k1, 0, 16))), $k1, 'ticket key by name');
	ok(request($c, tktkey => keyname => b64('y' x 16)) =~ /^status\x00$ERR\0keybuf\0/, 'unknown ticket key');

	my @db = stat "$s->{dir}/data/smtpd_scache.db";
	ok(@db && ($db[2] & 07777) == 0600 && $db[4] == getpwnam $owner, 'cache file: name, mode, owner');
	my @ex = stat "$s->{dir}/data/prng_exch";
	ok(@ex && ($ex[2] & 07777) == 0600 && $ex[7] == 1024, 'exchange file: mode and size');
	my $old = text("$s->{dir}/data/prng_exch");
	is(stop($s), 0, 'status channel closed, with clients: exit status 0');
	ok($old ne text("$s->{dir}/data/prng_exch"), 'exchange file rewritten at exit');
}

# --- settings, leftovers, failures ---

for ([ 'unknown type', 'nosuch:@DIR@/data/x', 'unsupported dictionary type: nosuch' ],
     [ 'missing directory', 'btree:@DIR@/nowhere/x', '/nowhere/x.db: No such file or directory' ],
     [ 'read-only type', 'texthash:@DIR@/data/x', 'map requires O_RDONLY access mode' ]) {
	my ($name, $value, $line) = @$_;
	my $s = start(set => { smtpd_tls_session_cache_database => $value });
	my $c = served($s);
	ok($c, "$name: service goes on") or next;
	log_has($s, $line);
	is(request($c, policy => cache_type => 'smtpd'), list(status => 0, cachable => 1, timeout => 3600), "$name: policy");
	is(request($c, update => cache_type => 'smtpd', cache_id => 'a', session => 'AAAA'), list(status => 0), "$name: update");
	ok(request($c, lookup => cache_type => 'smtpd', cache_id => 'a') =~ /^status\x00$ERR/, "$name: lookup");
	is(request($c, delete => cache_type => 'smtpd', cache_id => 'a'), list(status => $ERR), "$name: delete");
	stop($s);
}

for my $left ([ 'garbage', sub { open my $f, '>', "$_[0]/data/smtpd_scache.db"; print $f 'no database ' x 5000 } ],
              [ 'empty', sub { open my $f, '>', "$_[0]/data/smtpd_scache.db" } ],
              $ours ? [ 'temporary', sub { open my $f, '>', "$_[0]/data/__db.smtpd_scache.db"; print $f 'x' x 100 } ] : ()) {
	my $s = start(before => sub { $left->[1]->($_[0]); if ($root) { chown scalar getpwnam($owner), -1, glob "$_[0]/data/*" } });
	my $c = served($s);
	ok($c && request($c, update => cache_type => 'smtpd', cache_id => 'a', session => 'AAAA') eq list(status => 0) &&
	    defined session(request($c, lookup => cache_type => 'smtpd', cache_id => 'a')), "$left->[0] left behind: cache works");
	stop($s);
}

if ($ours) {
	my $held;
	my $s = start(before => sub { open $held, '>', "$_[0]/data/smtpd_scache.db"; syswrite $held, 'live'; flock $held, LOCK_EX;
		chown scalar getpwnam($owner), -1, "$_[0]/data/smtpd_scache.db" if $root; });
	ok(served($s), 'locked database: service goes on');
	log_has($s, 'unable to get exclusive lock');
	is(text("$s->{dir}/data/smtpd_scache.db"), 'live', 'locked database: left alone');
	stop($s);
}

if ($root) {
	my $s = start(set => { smtpd_tls_session_cache_database => 'btree:@DIR@/etc/moved', smtpd_tls_loglevel => '1 cache' });
	my $c = served($s);
	log_has($s, "request to update table btree:$s->{dir}/etc/moved in non-$owner directory $s->{dir}/etc");
	log_has($s, "redirecting the request to $owner-owned data_directory $s->{dir}/data");
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
	my $s = start(set => { smtpd_tls_session_cache_database => '', smtpd_tls_session_cache_timeout => '0' });
	my $c = served($s);
	is(request($c, policy => cache_type => 'smtpd'), list(status => 0, cachable => 0, timeout => 0), 'timeout 0: policy');
	ok(request($c, tktkey => keyname => '') =~ /^status\x00$ERR\0keybuf\0/, 'timeout 0: no ticket key');
	my $before = text("$s->{dir}/data/prng_exch");
	kill 'TERM', $s->{pid};
	ended($s);
	ok($before eq text("$s->{dir}/data/prng_exch"), 'SIGTERM: exchange file as it was');
}

{
	my $s = start(set => { smtpd_tls_session_cache_database => '' });
	my $c = served($s);
	is(length(session(request($c, tktkey => keyname => '')) // ''), 88, 'ticket key without a database');
	stop($s);
}

{
	my $s = start(set => { tls_random_prng_update_period => '2s' });
	served($s);
	unlink "$s->{dir}/data/prng_exch";
	log_has($s, 'PRNG exchange file was removed -- exiting to reopen');
	if ($ours) {
		ok(wait_until(sub { (-s "$s->{dir}/data/prng_exch" // 0) == 1024 }), 'exchange file removed: made anew');
		ok(served($s), 'and the service goes on');
		stop($s);
	} else {
		is(ended($s, 20), 0, 'exchange file removed: exit status 0');
	}
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

# --- sources of randomness: whatever happens to them, ours serves ---

for ([ 'dev:/dev/zero', undef ], [ 'dev:@DIR@/missing', 'exiting to reopen external entropy source dev:' ],
     [ '', 'no entropy source specified with parameter tls_random_source' ], [ '@DIR@/etc/main.cf', undef ]) {
	my ($source, $line) = @$_;
	my $s = start(set => { tls_random_source => $source });
	ok(served($s), "random source '$source': service goes on") if $ours || !$line || $source eq '';
	log_has($s, $line) if $line;
	stop($s);
}
for ([ 'gives', "\x20" . 'r' x 32, undef ], [ 'has none', "\0", 'reports zero bytes available' ], [ 'closes', '', 'cannot read from EGD server' ]) {
	my ($name, $answer, $line) = @$_;
	my $egd;
	my $s = start(set => { tls_random_source => 'egd:@DIR@/data/egd', tls_random_bytes => 1000 }, before => sub {
		$egd = IO::Socket::UNIX->new(Local => "$_[0]/data/egd", Listen => 5); chmod 0777, "$_[0]/data/egd" });
	my $peer = $egd->accept;
	is(get($peer, 2), "\1\377", "EGD server $name: request");
	syswrite_all($peer, $answer) if length $answer;
	close $peer unless length $answer;
	ok(served($s), "EGD server $name: service goes on") if $ours;
	log_has($s, $line) if $line;
	stop($s);
}

finish;
