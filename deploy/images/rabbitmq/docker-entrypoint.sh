#!/bin/bash
# Starts RabbitMQ as the official image does: as its own user, with its log on the console.
set -eu
if [[ ${1:-} == rabbitmq* && $(id -u) == 0 ]]; then
  chown rabbitmq:rabbitmq /var/lib/rabbitmq
  exec setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups "$@"
fi
exec "$@"
