#!/usr/bin/env perl
# A full daemon: two forks, its own session, directory /, every descriptor closed. Prints the daemon's
# pid; the leader ends with code 0 once it stands. The daemon lives 60 s.
use strict;
use warnings;
use POSIX ();

pipe(my $from_daemon, my $to_leader) or die "pipe: $!";
if (fork() == 0) {
    POSIX::setsid();
    POSIX::_exit(0) if fork() != 0;
    chdir '/';
    POSIX::close($_) for 0 .. 2;
    syswrite $to_leader, "$$\n";
    POSIX::close($_) for 3 .. 255;
    sleep 60;
    POSIX::_exit(0);
}
close $to_leader;
my $daemon = <$from_daemon>;
syswrite STDOUT, "ready $daemon";
exit 0;
