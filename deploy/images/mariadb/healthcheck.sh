#!/bin/bash
# Is the server there, for others? `healthcheck.sh --connect`, as in the official image. A server
# that refuses (full, say) is there: a restart would not help it.
set -u
[[ $# == 1 && $1 == --connect ]] || { echo "usage: healthcheck.sh --connect" >&2; exit 2; }
said=$(mariadb --defaults-file=/var/lib/mysql/.my-healthcheck.cnf --host=127.0.0.1 \
  --execute='SELECT 1' 2>&1) || [[ $said == ERROR* && $said != *"Can't connect"* ]] ||
  { echo "$said" >&2; exit 1; }
