#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# usage: drop-keys.pl PREFIX
#
# Removes what tlsmgr has left in the kernel's keyrings for files whose path begins with PREFIX: a user may have 200 keys,
# and those of a test's tlsmgr would stay for as long as its tickets. As root: of all users.

use strict;
use warnings;
use POSIX ();

my ($prefix) = @ARGV;
die "usage: drop-keys.pl PREFIX\n" unless defined $prefix && length $prefix;

my %keyctl = (x86_64 => 250, aarch64 => 219, i686 => 288);
my $syscall = $keyctl{ (POSIX::uname())[4] } or exit 0;
my ($UNLINK, $USER_KEYRING) = (9, -4);

sub drop_own {
	open my $keys, '<', '/proc/keys' or return;
	my @lines = <$keys>;
	close $keys;
	for (@lines) {
		my ($id, $name) = /^([0-9a-f]+) .* user +sealpost:(.*)/ or next;
		syscall $syscall, $UNLINK, hex $id, $USER_KEYRING if index($name, $prefix) == 0;
	}
}

my @users = ($<);
if ($> == 0 && open my $users, '<', '/proc/key-users') {
	@users = map { /^ *(\d+):/ ? $1 : () } <$users>;
}
for my $user (@users) {
	if ($user == $<) {
		drop_own();
		next;
	}
	my $pid = fork // next;
	if (!$pid) {
		POSIX::setuid($user) or POSIX::_exit(0);
		drop_own();
		POSIX::_exit(0);
	}
	waitpid $pid, 0;
}
