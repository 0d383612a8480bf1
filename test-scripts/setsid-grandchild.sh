#!/bin/sh
# A grandchild in a session of its own. Prints the leader's pid and its. Lives 60 s.
setsid sh -c 'echo "ready $0 $$"; exec sleep 60' "$$" &
wait
