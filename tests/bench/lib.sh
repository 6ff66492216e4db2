# shellcheck shell=bash
# What the figures share: the build, the work folder, daemons, the simulated engine with 1,000
# apps, one installation on the real engine, arithmetic and the lines that are printed.
# To be sourced by tests/bench/run, after deploy/lib.sh.

binaries=$PWD/build/release
fairlead=$binaries/fairlead
work=$(mktemp -d "${TMPDIR:-/tmp}/fairlead-bench.XXXXXX")
# shellcheck disable=SC2034
any_short=0
started=()  # process ids to be ended
# On the real engine: everything of the bench bears this installation's label.
installation=$(printf %016x "$$")
bench_image="fairlead-bench/busybox:1"
# Of their own for each run: an engine that counts wrong may keep a network of an earlier one.
bench_app=bench-$$
bench_pool=10.$((224 + RANDOM % 16)).0.0/16

build_bench() {
  [[ -f $binaries/build.ninja ]] || cmake --preset release >/dev/null ||
    fail "cmake failed for the preset release" "see above"
  cmake --build "$binaries" -j "$(nproc)" --target bench >"$work/build.log" 2>&1 ||
    fail "the build in $binaries failed" "see $work/build.log"
}

clean_up() {
  local pid
  for pid in "${started[@]}"; do kill "$pid" || true; done
  for pid in "${started[@]}"; do wait_for_end "$pid" 5 || kill -9 "$pid" || true; done
  if engine_answers; then
    remove_objects
    docker image rm "$bench_image" || true
  fi
  stop_engine "$work/engine.started"
  [[ -n ${KEEP:-} ]] || rm -rf "$work"
}

# -- figures

figure() {  # NAME VALUE UNIT LIMIT
  local verdict
  verdict=$(awk -v v="$2" -v l="$4" 'BEGIN { print (v <= l) ? "ok" : "short" }')
  [[ $verdict == ok ]] || any_short=1
  printf '%s: %s %s, limit %s, %s\n' "$1" "$2" "$3" "$4" "$verdict"
}

at_least() {  # NAME VALUE UNIT LEAST
  local verdict=ok
  (($2 >= $4)) || verdict=short any_short=1
  printf '%s: %s %s, at least %s, %s\n' "$1" "$2" "$3" "$4" "$verdict"
}

left_out() { printf '%s: left out, %s\n' "$1" "$2"; }  # NAME WHY

calculate() { awk "BEGIN { printf \"%.${2:-3}f\", $1 }"; }  # EXPRESSION [DIGITS]

median() { sort -g | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

now() { date +%s.%N; }

wait_until() {  # SECONDS COMMAND…
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || fail "waited in vain for: $*" "KEEP=1 keeps the logs"
    sleep 0.1
  done
}

# -- daemons

# Runs COMMAND in the background; its id is then in $last_pid.
start() {  # LOG COMMAND…
  local log=$1
  shift
  "$@" >>"$log" 2>&1 &
  last_pid=$!
  started+=("$last_pid")
}

end() {  # PID
  kill "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

# A platform file of its own in FOLDER, and the folders that it names.
platform() {  # FOLDER SOCKET POOL RESYNC [CONCURRENCY]
  mkdir -p "$1"/{manifests,secrets,state,mounted}
  cat >"$1/fairlead.yml" <<END
folders: {manifests: $1/manifests, secrets: $1/secrets, state: $1/state, mounted_secrets: $1/mounted}
socket: $1/control.sock
engine: {host: "unix://$2", resync: $4, concurrency: ${5:-4}}
network: {pool: $3}
log: {format: json}
END
}

cpu_seconds() {  # PID: of all its threads, those that have ended included
  awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hz }' "/proc/$1/stat"
}

# -- the simulated engine, with 1,000 apps

app_manifests() {  # FOLDER COUNT
  local i
  for ((i = 1; i <= $2; i++)); do
    printf 'name: bench-%04d\nimage: bench:1\nenv: {STAGE: bench, NUMBER: "%d"}\n' "$i" "$i" \
      >"$(printf '%s/bench-%04d.yml' "$1" "$i")"
  done
}

# The socket is FOLDER/engine.sock, the record of all requests FOLDER/record.
start_sim() {  # FOLDER [IMAGE]
  mkdir -p "$1"
  : >"$1/record"
  start "$1/sim.log" "$binaries/tests/bench/bench_sim_server" "$1/engine.sock" \
    "${2:-bench:1}" "$1/record"
  wait_until 10 test -S "$1/engine.sock"
}

# The seconds since 1970 of the first request after SINCE that matches the jq condition.
first_request() {  # RECORD SINCE CONDITION
  jq -r --argjson since "$2" "select(.at >= \$since and ($3)) | .at" "$1" | head -n 1
}

# A daemon on 1,000 apps, converged and at rest, for all figures that ask for one.
thousand() {
  [[ -z ${thousand_pid:-} ]] || return 0
  sim=$work/thousand
  start_sim "$sim"
  platform "$sim" "$sim/engine.sock" 10.64.0.0/10 3s 32
  app_manifests "$sim/manifests" 1000
  start "$sim/log" "$fairlead" --config "$sim/fairlead.yml" run
  thousand_pid=$last_pid
  wait_until 300 all_healthy "$sim" 1000
  at_rest
}

all_healthy() {  # FOLDER COUNT
  local healthy
  sleep 1
  healthy=$("$fairlead" --config "$1/fairlead.yml" status -o json 2>/dev/null |
    jq '[.apps[] | select(.health == "Healthy" and .sync == "Synced")] | length' 2>/dev/null)
  [[ $healthy == "$2" ]]
}

# No app was asked for alone for 5 seconds: only resyncs go on.
at_rest() {
  local before=-1 count
  while count=$(grep -c 'fairlead.app' "$sim/record" || true) && ((count != before)); do
    before=$count
    sleep 5
  done
}

resync_every() {  # TIME: from now on
  sed -i "s/resync: [^,]*/resync: $1/" "$sim/fairlead.yml"
  kill -HUP "$thousand_pid"
  sleep 5
  at_rest
}

# A resync lists all containers, and each list of all containers is a resync's.
resyncs() {  # RECORD FROM-LINE
  tail -n +"$2" "$1" | grep 'containers/json' | grep -vc 'fairlead.app' || true
}

lines() { wc -l <"$1"; }

# -- the real engine

real_engine() {
  [[ -z ${real_ready:-} ]] || return 0
  start_engine "$work/engine.started"
  real_socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
  real_socket=${real_socket#unix://}
  [[ -S $real_socket ]] || fail "the bench needs this machine's own engine" "unset DOCKER_HOST"
  install_packages busybox-static
  local root=$work/image
  mkdir -p "$root/bin"
  cp "$(command -v busybox)" "$root/bin/busybox"
  ln -sf busybox "$root/bin/sleep"
  tar -C "$root" -c . | docker import - "$bench_image" >/dev/null
  remove_objects
  real_ready=1
}

objects() {  # containers of the bench, ours and Compose's
  docker ps -aq --filter "label=fairlead.installation=$installation"
  docker ps -aq --filter label=com.docker.compose.project=fairleadbench
}

networks() {
  docker network ls -q --filter "label=fairlead.installation=$installation"
  docker network ls -q --filter label=com.docker.compose.project=fairleadbench
}

volumes() { docker volume ls -q --filter "label=fairlead.installation=$installation"; }

# Right after a forced removal the engine may still count endpoints of a network: then once more.
remove_objects() {
  local tries
  for ((tries = 0; tries < 5; tries++)); do
    objects | xargs -r -n 5 -P 2 docker rm -f >/dev/null 2>&1 || true
    networks | xargs -r -n 1 docker network rm >/dev/null 2>&1 || true
    volumes | xargs -r docker volume rm >/dev/null 2>&1 || true
    [[ -n $(objects)$(networks) ]] || return 0
    sleep 1
  done
  say "the engine keeps the networks $(networks | xargs): it counts endpoints that are gone" >&2
}

# A state folder with nothing in it but the identity, always the same, so that names are too.
fresh_state() {  # FOLDER
  rm -rf "$1/state"
  mkdir -p "$1/state"
  printf %s "$installation" >"$1/state/installation"
  printf %32s bench >"$1/state/key"
  chmod 600 "$1"/state/*
}

# 50 processes of one app.
fifty_manifest() {
  local i
  printf 'name: %s\nimage: %s\ncommand: [sleep, "100000"]\nprocesses:\n' \
    "$bench_app" "$bench_image"
  for ((i = 1; i <= 49; i++)); do
    printf '  p%02d: {command: [sleep, "100000"]}\n' "$i"
  done
}

# Seconds from the start of COMMAND until the last of 50 containers with LABEL runs, as the engine's
# events say it; then everything is removed again.
time_fifty() {  # LABEL COMMAND…
  local label=$1 begun last
  shift
  begun=$(now)
  "$@" >>"$work/fifty.log" 2>&1 || fail "failed: $*" "see $work/fifty.log (KEEP=1 keeps it)"
  (($(objects | wc -l) == 50)) || fail "not 50 containers after: $*" "see $work/fifty.log"
  last=$(docker events --since "$begun" --until "$(now)" --filter event=start \
    --filter "label=$label" --format '{{.TimeNano}}' | tail -n 1)
  remove_objects
  calculate "$last / 1e9 - $begun"
}

# One `fairlead apply` of the 50 processes, from nothing.
ours_fifty() {
  fresh_state "$work/fifty"
  time_fifty "fairlead.installation=$installation" \
    "$fairlead" --config "$work/fifty/fairlead.yml" apply --timeout 300
}

fifty_folder() {
  real_engine
  platform "$work/fifty" "$real_socket" "$bench_pool" 30s
  fifty_manifest >"$work/fifty/manifests/bench.yml"
}
