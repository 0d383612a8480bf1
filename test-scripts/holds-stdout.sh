#!/bin/sh
# Leaves a quiet grandchild that holds its stdout and stderr, and ends with code $1 (0). Prints the
# grandchild's pid. The grandchild lives 60 s.
sleep 60 &
echo "ready $!"
exit "${1:-0}"
