# shellcheck shell=bash disable=SC2154
# The shared MariaDB and RabbitMQ on the real engine, for the figures that use them: as the apps of
# deploy/platform, or by themselves for apps whose engine is simulated. To be sourced by
# tests/bench/run, after tests/bench/lib.sh.

apps_at_rest=2  # the two platform apps, and what a figure keeps beside them

# The two platform apps, by the images that deploy/images makes. Sets $services, the folder of their
# installation.
services_up() {
  local name
  real_engine
  for name in mariadb rabbitmq; do
    if { docker network inspect "$name" || docker volume inspect "$name.data"; } >/dev/null 2>&1
    then
      fail "this engine has a $name already" "stop the fairlead that runs it"
    fi
  done
  deploy/images/make mariadb rabbitmq ledger >>"$work/images.log"
  services=$work/services
  services_platform "$real_socket"
  for name in mariadb rabbitmq; do
    sed "s|^image: .*|image: fairlead/$name:1|" "deploy/platform/$name.yml" \
      >"$services/manifests/$name.yml"
  done
  fresh_state "$services"
  services_daemon
}

services_platform() {  # ENGINE-SOCKET
  platform "$services" "$1" "$bench_pool" 30s
  echo 'prune: {grace: 100ms, fuse_apps: 100}' >>"$services/fairlead.yml"
}

# A daemon on them, at rest. Its id is then in $last_pid.
services_daemon() {
  start "$services/log" "$fairlead" --config "$services/fairlead.yml" run
  wait_until 240 all_healthy "$services" "$apps_at_rest"
}

services_down() {  # DAEMON
  end "$1"
  remove_objects
}

# Puts a manifest there as careful programs do.
put_manifest() {  # NAME TEXT
  printf '%s\n' "$2" >"$services/next"
  mv "$services/next" "$services/manifests/$1.yml"
}

# Takes one away, and waits until only those at rest are left.
drop_manifest() {  # NAME
  rm "$services/manifests/$1.yml"
  wait_until 60 alone
}

alone() {
  "$fairlead" --config "$services/fairlead.yml" status -o json |
    jq -e --argjson rest "$apps_at_rest" '(.apps | length == $rest) and (.orphans == [])' >/dev/null
}

# When the engine said for the first time since SINCE that a container of APP is healthy.
healthy_at() {  # APP SINCE
  docker events --since "$2" --until "$(now)" --filter 'event=health_status: healthy' \
    --filter "label=fairlead.app=$1" --format '{{.TimeNano}}' | awk 'NR == 1 { printf "%.6f", $1 / 1e9 }'
}

service_address() {  # SERVICE
  docker inspect --format "{{(index .NetworkSettings.Networks \"$1\").IPAddress}}" \
    "$(docker ps -q --filter "label=fairlead.installation=$installation" \
      --filter "label=fairlead.app=$1")"
}

# Both services without an app of their own, in memory. Each keeps a file of what it was asked.
lone_services() {
  real_engine
  deploy/images/make mariadb rabbitmq >>"$work/images.log"
  lone mariadb --tmpfs /var/lib/mysql:uid=999,mode=700 -e MARIADB_ROOT_PASSWORD=bench \
    fairlead/mariadb:1 mariadbd --skip-name-resolve --performance-schema=OFF \
    --character-set-server=utf8mb4 --general-log --general-log-file=asked
  lone rabbitmq --tmpfs /var/lib/rabbitmq:uid=999,mode=700 -e RABBITMQ_DEFAULT_USER=fairlead \
    -e RABBITMQ_DEFAULT_PASS=bench -e RABBITMQ_NODENAME=rabbit@localhost \
    -e 'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none
      -rabbitmq_management rates_mode basic http_log_dir "/var/lib/rabbitmq/asked"' \
    fairlead/rabbitmq:1
  wait_until 120 lone_services_answer
}

lone() {  # SERVICE ARGUMENT…
  local service=$1
  shift
  docker run -d --name "$bench_app-$service" --label "fairlead.installation=$installation" \
    "$@" >/dev/null
}

lone_services_answer() {
  curl -fsu fairlead:bench "http://$(lone_address rabbitmq):15672/api/overview" &&
    docker exec "$bench_app-mariadb" healthcheck.sh --connect
} >/dev/null 2>&1

lone_address() { docker inspect --format '{{.NetworkSettings.IPAddress}}' "$bench_app-$1"; }

# Of a platform file: these two are somewhere else.
external_services() {
  printf bench >"$work/service.password"
  printf 'database: {mode: external, host: %s, user: root, password_file: %s}\n' \
    "$(lone_address mariadb)" "$work/service.password"
  printf 'messagebus: {mode: external, host: %s, user: fairlead, password_file: %s}\n' \
    "$(lone_address rabbitmq)" "$work/service.password"
}

# How many statements and requests both had so far.
asked_of_services() {
  local statements requests
  statements=$(docker exec "$bench_app-mariadb" grep -c '[0-9] Query' /var/lib/mysql/asked)
  requests=$(docker exec "$bench_app-rabbitmq" sh -c 'cat /var/lib/rabbitmq/asked/*' |
    grep -c ' /api/')
  echo "$((statements + requests))"
}
