#!/usr/bin/env perl
# Has a descendant in a session of its own; both are called `a) R 1 (`, which a careless reader of
# /proc/PID/stat takes for its fields. Prints the leader's pid and the descendant's. Lives 60 s.
use strict;
use warnings;
use POSIX ();

$0 = 'a) R 1 (';
my $leader = $$;
if (fork() == 0) {
    POSIX::setsid();
    $0 = "a) R 1 (\n\xff";
    syswrite STDOUT, "ready $leader $$\n";
    sleep 60;
    POSIX::_exit(0);
}
sleep 60;
