#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# starttls-injection.pl: what somebody in the middle could add to a session around STARTTLS, and what becomes of it.
#
# usage: starttls-injection.pl server PROTOCOL PORT FILE [MODE-FILE]   a back end that answers every command, and writes
#                                                          to FILE what it hears, each line behind the number of its
#                                                          connection; MODE-FILE: a word that says how it misbehaves
#        starttls-injection.pl naive PROTOCOL PORT BACKEND CERT KEY   a relay that adds STARTTLS and forgets to forget
#        starttls-injection.pl attack PROTOCOL PORT FILE [few]   all cases; FILE is what the server hears. "ok NAME",
#                                                          or "bad NAME: WHY"
#        starttls-injection.pl backend PROTOCOL PORT MODE-FILE   the cases in which the back end misbehaves
use strict;
use warnings;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

$SIG{PIPE} = "IGNORE";
$| = 1;

# login: what a middleman wants to have done. noop: what would be answered anyway. %s is a word to be recognized.
my %protocols = (
	smtp => {
		greeting => "220 back.example ESMTP\r\n", starttls => "STARTTLS", ready => qr/^220 2\.0\.0 /m,
		login => "MAIL FROM:<%s\@x>", noop => "NOOP %s", done => qr/^\d\d\d .*%s/m,
		answer => sub { $_[0] =~ /^EHLO/i ? "250-back.example\r\n250 AUTH PLAIN\r\n" : "250 2.0.0 $_[0]\r\n" },
		evil => "250 evil\r\n", hello => "EHLO client.example\r\n",
	},
	imap => {
		greeting => "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n", starttls => "s STARTTLS",
		ready => qr/^s OK /m, login => "%s LOGIN evil pw", noop => "%s NOOP", done => qr/^%s (OK|NO|BAD)/m,
		answer => sub { (split " ", $_[0])[0] . " OK done\r\n" },
		evil => "* 23 EXISTS evil\r\n", preauth => "* PREAUTH [CAPABILITY IMAP4rev1] evil\r\n", hello => "h CAPABILITY\r\n",
	},
	pop3 => {
		greeting => "+OK ready\r\n", starttls => "STLS", ready => qr/^\+OK Begin/m, login => "USER %s",
		noop => "NOOP %s", done => qr/^(\+OK|-ERR) .*%s/m,
		answer => sub { $_[0] =~ /^CAPA/i ? "+OK\r\nUSER\r\n.\r\n" : "+OK $_[0]\r\n" }, evil => "+OK evil\r\n",
		hello => "CAPA\r\n",
	},
	sieve => {
		greeting => "\"IMPLEMENTATION\" \"x\"\r\n\"SASL\" \"PLAIN\"\r\nOK \"ready\"\r\n", starttls => "STARTTLS",
		ready => qr/^OK "Begin/m, login => 'AUTHENTICATE "PLAIN" "%s"', noop => 'NOOP "%s"', done => qr/^(OK|NO) .*%s/m,
		answer => sub { my $line = $_[0]; $line =~ s/"//g; "OK \"$line\"\r\n" }, evil => "OK \"evil\"\r\n",
		hello => "CAPABILITY\r\n",
	},
);

my ($action, $name, $port, @rest) = @ARGV;
my $p = $protocols{ $name // "" } or die "usage: starttls-injection.pl server|naive|attack|backend PROTOCOL PORT ...\n";
my $count = 0;

sub with { my ($format, $word) = @_; (my $text = $format) =~ s/%s/$word/; return $text }

sub whole {
	my ($file) = @_;
	open(my $f, "<", $file) or return "";
	local $/;
	return <$f> // "";
}

sub listen_on {
	return IO::Socket::INET->new(Listen => 50, ReuseAddr => 1, LocalAddr => "127.0.0.1", LocalPort => $port)
	    || die "port $port: $!";
}

sub connect_to {
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $_[0]) or die "port $_[0]: $!";
	setsockopt($s, IPPROTO_TCP, TCP_NODELAY, 1);
	return $s;
}

# --- the back end ---

sub serve {
	my ($file, $mode_file) = @rest;
	my $l = listen_on();
	my $number = 0;
	$SIG{CHLD} = "IGNORE";
	while (1) {
		my $s = $l->accept or next;
		$number++;
		next if fork;
		my $mode = $mode_file ? whole($mode_file) : "";
		open(my $heard, ">>", $file) or die;
		$heard->autoflush(1);
		$s->autoflush(1);
		print $s $mode eq "preauth" ? $p->{preauth} : $p->{greeting} . ($mode eq "greeting" ? $p->{evil} : "");
		while (my $line = <$s>) {
			print $heard "$number $line";
			$line =~ s/\r?\n\z//;
			print $s $p->{answer}->($line) . ($mode eq "answer" ? $p->{evil} : "");
		}
		# The client has gone over to another connection.
		print $s $p->{evil} x 100 if $mode eq "farewell";
		exit;
	}
}

# --- a relay as it should not be ---

sub naive {
	require Net::SSLeay;
	Net::SSLeay::initialize();
	my ($backend, $cert, $key) = @rest;
	my $l = listen_on();
	$SIG{CHLD} = "IGNORE";
	while (1) {
		my $c = $l->accept or next;
		next if fork;
		my ($b, $ssl, $in) = (connect_to($backend), undef, "");
		my $more = sub {
			my $bytes = "";
			$ssl ? $bytes = Net::SSLeay::read($ssl) : sysread($c, $bytes, 4096);
			length($bytes // "") ? $in .= $bytes : exit;
		};
		my $put = sub { $ssl ? Net::SSLeay::write($ssl, $_[0]) : syswrite($c, $_[0]) };
		my $reply = sub {
			my $all = "";
			do { my $line = <$b> // exit; $all .= $line } until $all =~ /^(\d\d\d |\+OK|-ERR|\S+ OK|OK).*\n\z/m;
			return $all;
		};
		$put->($reply->());
		while (1) {
			$more->() while $in !~ /\n/;
			$in =~ s/^(.*\n)//;
			my $line = $1;
			if (!$ssl && $line =~ /^\Q$p->{starttls}\E ?\r?\n/i) {
				$put->($name eq "smtp" ? "220 2.0.0 go\r\n" : $name eq "imap" ? "s OK go\r\n" : $name eq "pop3"
					? "+OK Begin\r\n" : "OK \"Begin\"\r\n");
				my $ctx = Net::SSLeay::CTX_new();
				Net::SSLeay::CTX_use_certificate_file($ctx, $cert, 1);
				Net::SSLeay::CTX_use_PrivateKey_file($ctx, $key, 1);
				$ssl = Net::SSLeay::new($ctx);
				Net::SSLeay::set_fd($ssl, fileno($c));
				Net::SSLeay::accept($ssl) > 0 or exit;
				$b = connect_to($backend);
				my $greeting = $reply->();
				$put->($greeting) if $name eq "sieve";
				next; # and what is left in $in is taken for the client's words
			}
			syswrite($b, $line);
			$put->($reply->());
		}
	}
}

# --- the client, and who is in its way ---

# Reads until $done matches; returns what came.
sub read_until {
	my ($read, $done) = @_;
	my $all = "";
	while ($all !~ $done) {
		my $bytes = $read->();
		last unless length($bytes // "");
		$all .= $bytes;
	}
	return $all;
}

sub plain_reader {
	my ($s) = @_;
	return sub { my $n = sysread($s, my $bytes, 4096); return $n ? $bytes : "" };
}

# Says each of @parts in a packet of its own, before TLS, then starts TLS if it may, and there says one command. What
# came: ("tls", what came inside) or ("refused", what came before).
sub session {
	my ($genuine, @parts) = @_;
	my $s = connect_to($port);
	my $read = plain_reader($s);
	read_until($read, $name eq "sieve" ? qr/^OK.*\n/m : qr/\n/);
	for my $i (0 .. $#parts) {
		# A packet of its own needs a little time to be one.
		select(undef, undef, undef, 0.003) if $i > 0;
		syswrite($s, $parts[$i]);
	}
	# Refused or not, all that was said before this word has been dealt with when it is answered.
	my $line_open = "@parts" !~ /\n\z/;
	my $is_ready = $p->{ready};
	my $answered = read_until($read, qr/$is_ready|^(5\d\d|530|-ERR|NO |BYE|\* BYE|421|\S+ (NO|BAD))/m);
	if ($answered !~ $is_ready) {
		my $word = "sync" . ++$count;
		syswrite($s, ($line_open ? "\r\n" : "") . with($p->{noop}, $word) . "\r\n");
		my $done = with($p->{done}, $word);
		$answered .= read_until($read, qr/$is_ready|$done/m);
		return ("refused", $answered) if $answered !~ $is_ready;
	}
	require Net::SSLeay;
	my $ctx = Net::SSLeay::CTX_new();
	my $ssl = Net::SSLeay::new($ctx);
	Net::SSLeay::set_fd($ssl, fileno($s));
	my $inside = "";
	if (Net::SSLeay::connect($ssl) > 0) {
		Net::SSLeay::write($ssl, with($p->{noop}, $genuine) . "\r\n");
		my $done = with($p->{done}, $genuine);
		$inside = read_until(sub { Net::SSLeay::read($ssl) }, qr/$done/m);
	} else {
		read_until($read, qr/\A\z.^/);
	}
	Net::SSLeay::free($ssl);
	Net::SSLeay::CTX_free($ctx);
	close($s);
	return $inside eq "" ? ("refused", $answered) : ("tls", $inside);
}

sub verdict {
	my ($case, $why) = @_;
	$case =~ s/([^ -~])/sprintf("<%02x>", ord $1)/ge;
	$case =~ s/(.{150}).*/$1.../;
	print $why ? "bad $name: $case: $why\n" : "ok $name: $case\n";
}

# $wanted: "tls", "refused", or "": either.
sub try_case {
	my ($file, $wanted, $case, @parts) = @_;
	$count++;
	my ($genuine, $evil) = ("genuine$count", "evil$count");
	s/%e/$evil/g for @parts;
	my ($result, $words) = session($genuine, @parts);
	my $heard = whole($file);
	my ($connection) = $heard =~ /^(\d+) .*\Q$genuine\E\b/m;
	my $why = "";
	if ($wanted && $result ne $wanted) {
		$why = "$result, not $wanted: $words";
	} elsif ($result eq "tls") {
		my @lines = defined $connection ? $heard =~ /^$connection (.*\n)/mg : ();
		my $first = $words;
		$first =~ s/\A("[^\n]*\n)*OK "ready"\r\n// if $name eq "sieve";
		$why = "the back end hears under TLS: @lines" if @lines != 1 || $lines[0] !~ /$genuine/;
		$why ||= "the client hears under TLS: $words" if $first !~ /\A[^\n]*\Q$genuine\E/ && $name ne "imap";
		$why ||= "the client hears under TLS: $words" if $words =~ /\Q$evil\E/;
	}
	(my $marked = $p->{login}) =~ s/%s/$evil/;
	$why ||= "the back end hears: $marked" if $heard =~ /\Q$marked\E/;
	$why =~ s/[\r\n]+/ | /g;
	verdict($case, $why);
}

sub attack {
	my ($file, $few) = @_;
	require Net::SSLeay;
	Net::SSLeay::initialize();
	my ($login, $noop) = map { with($_, "%e") } @$p{qw(login noop)};
	my $start = $p->{starttls};
	my $lower = lc $start;
	my $half = substr($login, 0, length($login) - 2);

	try_case($file, "tls", "nothing added", "$start\r\n");

	# Behind STARTTLS, in the same packet.
	for my $end ("\r\n", "\n", " \r\n") {
		for my $verb ($start, $lower) {
			for my $added ($login, $noop) {
				try_case($file, "tls", "$verb$end$added\r\n in one packet", "$verb$end$added\r\n");
				try_case($file, "tls", "$verb$end$added\n in one packet", "$verb$end$added\n");
			}
		}
	}
	return if $few;
	try_case($file, "tls", "half a command", "$start\r\n$half");
	try_case($file, "tls", "the beginning of a command", "$start\r\n" . ($name eq "imap" ? "%e " : "NOOP %e"));
	try_case($file, "tls", "a command behind an empty line", "$start\r\n\r\n$login\r\n");
	try_case($file, "tls", "zero bytes, then a command", "$start\r\n\0\0\0$login\r\n");
	try_case($file, "tls", "STARTTLS twice", "$start\r\n$start\r\n$login\r\n");
	try_case($file, "tls", "many commands", "$start\r\n" . "$login\r\n" x 500);
	try_case($file, "tls", "a line without end", "$start\r\n" . "x" x 9000);

	# Not quite line ends, and not quite STARTTLS.
	try_case($file, "refused", "CR only behind STARTTLS", "$start\r$login\r\n");
	try_case($file, "refused", "CR CR LF", "$start\r\r\n$login\r\n");
	try_case($file, "refused", "a zero byte behind STARTTLS", "$start\0\r\n$login\r\n");
	try_case($file, "refused", "a zero byte for the line end", "$start\0$login\r\n");
	try_case($file, "refused", "a zero byte inside STARTTLS", substr($start, 0, 4) . "\0" . substr($start, 4) . "\r\n$login\r\n");
	try_case($file, "refused", "a command with an argument", "$start $login\r\n");
	try_case($file, "refused", "CR LF inside a word", with($p->{noop}, "x\r$login") . "\r\n");

	# Before STARTTLS, in the same packet.
	try_case($file, "", "$noop, then STARTTLS", "$noop\r\n$start\r\n");
	try_case($file, "", "$login, then STARTTLS", "$login\r\n$start\r\n");
	try_case($file, "", "$login LF only, then STARTTLS", "$login\n$start\n");
	try_case($file, "", "both sides", "$noop\r\n$start\r\n$login\r\n");

	# Lines that are too long.
	try_case($file, "refused", "STARTTLS as the end of a line of 2048 bytes", "x" x 2048 . "$start\r\n$login\r\n");
	try_case($file, "refused", "a line of 20000 bytes that ends in STARTTLS", "x" x 20000 . " $start\r\n");
	try_case($file, "refused", "STARTTLS with 3000 blanks", $start . " " x 3000 . "\r\n$login\r\n");
	try_case($file, "refused", "a command of 2048 bytes", with($p->{noop}, "x" x 2048 . "%e") . "\r\n$login\r\n");

	if ($name eq "imap" || $name eq "sieve") {
		for my $literal ("{5+}", "{5}", "{99999999999}") {
			try_case($file, "refused", "STARTTLS with a literal $literal", "$start $literal\r\n$login\r\n");
			try_case($file, "refused", "a login with a literal $literal",
				"$login $literal\r\n$start\r\n$login\r\n");
		}
	}

	# All of it in two packets.
	for my $added ($login, $noop) {
		my $all = "$start\r\n$added\r\n";
		for my $at (1 .. length($all) - 1) {
			my $in = $at <= length($start) + 2 ? "in the command" : "behind it";
			try_case($file, "", "$start, $added, in two packets, $at bytes in the first ($in)",
				substr($all, 0, $at), substr($all, $at));
		}
	}
	try_case($file, "", "each byte in a packet of its own", split(//, "$start\r\n$login\r\n"));
	again();
}

# Under TLS there is no more TLS to start.
sub again {
	my $s = connect_to($port);
	my $read = plain_reader($s);
	read_until($read, $name eq "sieve" ? qr/^OK.*\n/m : qr/\n/);
	syswrite($s, "$p->{starttls}\r\n");
	read_until($read, $p->{ready});
	my $ssl = Net::SSLeay::new(Net::SSLeay::CTX_new());
	Net::SSLeay::set_fd($ssl, fileno($s));
	Net::SSLeay::connect($ssl) > 0 or return verdict("STARTTLS under TLS", "no TLS");
	my $inside = sub { Net::SSLeay::read($ssl) };
	read_until($inside, qr/^OK.*\n/m) if $name eq "sieve";
	Net::SSLeay::write($ssl, "$p->{starttls}\r\n" . with($p->{noop}, "after") . "\r\n");
	my $done = with($p->{done}, "after");
	my $words = read_until($inside, qr/$done/m);
	verdict("STARTTLS under TLS is refused, and the session goes on",
		$words =~ $p->{ready} || $words !~ /\A(554|s (NO|BAD)|-ERR|NO )/ ? $words : "");
}

# --- a back end that says too much ---

sub backend {
	my ($mode_file) = @rest;
	require Net::SSLeay;
	Net::SSLeay::initialize();
	my $set = sub { open(my $f, ">", $mode_file) or die; print $f $_[0]; close $f };
	for my $mode (qw(greeting answer farewell), $p->{preauth} ? "preauth" : ()) {
		$set->($mode);
		$count++;
		# What was said in plaintext may be heard in plaintext, never under TLS.
		my ($result, $words) = session("genuine$count", $mode eq "greeting" || $mode eq "preauth" ? () : $p->{hello},
			"$p->{starttls}\r\n");
		my $why = $result eq "tls" && $words =~ /evil/ ? "heard under TLS: $words" : "";
		$why ||= "$result: $words" if ($result eq "tls") != ($mode eq "farewell");
		$why =~ s/[\r\n]+/ | /g;
		verdict("the back end says too much: $mode", $why);
	}
	$set->("");
}

$action eq "server" ? serve() : $action eq "naive" ? naive() : $action eq "attack" ? attack(@rest) : backend();
