#!/bin/sh
# Writes 80 characters a second, a numbered line each, until it is stopped (or for $1 seconds).
n=0
while [ -z "$1" ] || [ "$n" -lt "$1" ]; do
    n=$((n + 1))
    printf '%06d %s\n' "$n" \
        'the quick brown fox jumps over the lazy dog while the supervisor writes. ' | cut -c1-79
    sleep 1
done
