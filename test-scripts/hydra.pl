#!/usr/bin/env perl
# Forks and ends, again and again, each time into a new session, every $ARGV[0] microseconds (0). The
# leader stays. All of it is over after $ARGV[1] seconds (60).
use strict;
use warnings;
use POSIX ();
use Time::HiRes ();

my $period = ($ARGV[0] // 0) / 1e6;
my $end = time() + ($ARGV[1] // 60);
$SIG{CHLD} = 'IGNORE';
if (fork() == 0) {
    syswrite STDOUT, "ready $$\n";
    while (time() < $end) {
        my $child = fork();
        if (!defined $child) { Time::HiRes::sleep(0.01); next; }
        POSIX::_exit(0) if $child != 0;
        POSIX::setsid();
        Time::HiRes::sleep($period) if $period > 0;
    }
    POSIX::_exit(0);
}
sleep 1 while time() < $end;
