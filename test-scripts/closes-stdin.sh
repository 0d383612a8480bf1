#!/bin/sh
# Closes its stdin and runs on. Lives 60 s.
exec <&-
echo "ready $$"
exec sleep 60
