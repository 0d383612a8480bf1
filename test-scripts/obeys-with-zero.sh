#!/bin/sh
# Ends with code 0 when it gets TERM, as a server with a handler does. Lives 60 s.
trap 'exit 0' TERM
echo "ready $$"
sleep 60 &
wait "$!"
