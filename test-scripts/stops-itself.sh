#!/bin/sh
# Stops itself, and goes on when it is continued. Lives 60 s after that.
echo "ready $$"
kill -STOP "$$"
echo continued
exec sleep 60
