#!/bin/sh
# Ends with code 143 when it gets TERM, as a JVM does. Lives 60 s.
trap 'exit 143' TERM
echo "ready $$"
sleep 60 &
wait "$!"
