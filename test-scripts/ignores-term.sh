#!/bin/sh
# Ignores TERM, HUP and INT, and so do its children. Lives 60 s.
trap '' TERM HUP INT
echo "ready $$"
n=0
while [ "$n" -lt 60 ]; do
    n=$((n + 1))
    sleep 1
done
