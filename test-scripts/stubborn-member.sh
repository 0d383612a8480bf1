#!/bin/sh
# An obedient leader beside a member of its group that ignores TERM. Prints both pids. Lives 60 s.
sh -c 'trap "" TERM; echo "ready $PPID $$"; exec sleep 60' &
wait
