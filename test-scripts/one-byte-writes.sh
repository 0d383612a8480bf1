#!/bin/sh
# Writes its first argument byte by byte, each in a write of its own, and a newline; $2 (1) times.
n=0
while [ "$n" -lt "${2:-1}" ]; do
    n=$((n + 1))
    rest=$1
    while [ -n "$rest" ]; do
        tail=${rest#?}
        printf '%s' "${rest%"$tail"}"
        rest=$tail
    done
    echo
done
