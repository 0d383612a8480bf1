#!/bin/sh
# Writes $1 (200000) numbered lines, one write each, and ends at once.
n=0
while [ "$n" -lt "${1:-200000}" ]; do
    n=$((n + 1))
    echo "line $n"
done
