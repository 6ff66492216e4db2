# shellcheck shell=bash
# What the scripts of this project share: messages, Debian packages, the Docker engine.
# To be sourced by bash, under `set -euo pipefail`.

# What compiling needs on Debian 12, and what the scripts themselves use.
# shellcheck disable=SC2034
build_packages=(g++ cmake ninja-build pkg-config libssl-dev libcli11-dev libcpp-httplib-dev
  libidn2-dev libpsl-dev libmariadb-dev libyaml-cpp-dev libspdlog-dev libboost-dev rapidjson-dev curl
  jq)

say() { printf '==> %s\n' "$*"; }

fail() {  # WHAT [WHAT-TO-DO]
  printf 'error: %s\n' "$1" >&2
  [[ $# -lt 2 ]] || printf '  → %s\n' "$2" >&2
  exit 1
}

need_root() {
  [[ $EUID == 0 ]] || fail "this needs root, and you are $(id -un)" "sudo $0${*:+ $*}"
}

has_systemd() { [[ -d /run/systemd/system ]]; }

missing_packages() {  # those of PACKAGE… that are not installed
  local package
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) == ii* ]] ||
      printf '%s\n' "$package"
  done
}

apt_quiet() {
  DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes \
    apt-get -o DPkg::Lock::Timeout=120 -qq "$@" </dev/null
}

apt_install() { apt_quiet install -y --no-install-recommends "$@" >/dev/null; }

# Without anything missing apt is not called at all: then no mirror has to be reachable.
install_packages() {  # PACKAGE…
  local missing=()
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]} > 0)) || return 0
  command -v apt-get >/dev/null ||
    fail "missing: ${missing[*]}" "this is made for Debian 12; install these in your system's way"
  say "installing ${missing[*]}"
  # The package lists may be absent or out of date: then once more with new ones.
  apt_install "${missing[@]}" 2>/dev/null ||
    { apt_quiet update && apt_install "${missing[@]}"; } ||
    fail "apt-get could not install ${missing[*]}" "see its message above; is the mirror reachable?"
}

engine_answers() { command -v docker >/dev/null && timeout 10 docker version >/dev/null 2>&1; }

install_engine() {
  local packages=(docker.io ca-certificates)
  # With AppArmor in the kernel, but without its parser, dockerd starts no container.
  [[ ! -d /sys/kernel/security/apparmor ]] || packages+=(apparmor)
  install_packages "${packages[@]}"
}

wait_for_engine() {  # SECONDS
  local deadline=$((SECONDS + $1))
  until engine_answers; do
    ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
}

# Starts an engine if none answers, and then writes to RECORD how to end it: "systemd", or the
# process id of our dockerd. No RECORD afterwards: the engine was there before.
start_engine() {  # RECORD
  local record=$1 log=/var/log/dockerd.log
  if ! command -v docker >/dev/null; then
    install_engine
    wait_for_engine 5 || true  # the package may have started it
  fi
  ! engine_answers || return 0
  [[ -z ${DOCKER_HOST:-} ]] ||
    fail "no engine answers at DOCKER_HOST=$DOCKER_HOST" "unset DOCKER_HOST, or start that one"
  command -v dockerd >/dev/null || install_engine
  mkdir -p "$(dirname "$record")"
  if has_systemd; then
    say "starting the engine (systemctl start docker)"
    systemctl start docker || fail "the engine does not start" "journalctl -u docker"
    echo systemd >"$record"
  else
    say "starting the engine (dockerd, log in $log)"
    mount_cgroups
    setsid nohup dockerd >>"$log" 2>&1 </dev/null &
    echo $! >"$record"
  fi
  wait_for_engine 60 || fail "the engine does not answer" "see $log or journalctl -u docker"
}

# Where no init system did it.
mount_cgroups() {
  [[ -z $(ls -A /sys/fs/cgroup 2>/dev/null) ]] || return 0
  install_packages cgroupfs-mount
  cgroupfs-mount
}

# Ends the engine that start_engine recorded; leaves it where containers of somebody run on it.
stop_engine() {  # RECORD
  local record=$1 how running
  [[ -f $record ]] || return 0
  how=$(cat "$record")
  running=$(docker ps -q 2>/dev/null | wc -l)
  if ((running > 0)); then
    say "left the engine running: $running containers that are not ours use it"
    return 0
  fi
  rm -f "$record"
  if [[ $how == systemd ]]; then
    systemctl stop docker docker.socket
  elif is_process "$how" dockerd; then
    kill "$how"
    wait_for_end "$how" 20 || { say "dockerd ($how) does not end"; return 0; }
  fi
  say "stopped the engine"
}

is_process() {  # PID NAME: is this process (still) that program? Ids are used again.
  [[ $1 =~ ^[0-9]+$ && $(cat "/proc/$1/comm" 2>/dev/null) == "$2" ]] && ! has_ended "$1"
}

has_ended() {  # PID: gone, or a zombie that nobody has waited for
  [[ ! -d /proc/$1 ]] || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}

wait_for_end() {  # PID SECONDS
  local deadline=$((SECONDS + $2))
  until has_ended "$1"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# Process ids that hold the lock of a state folder; 0: one that cannot be seen from here. The device
# numbers in /proc/locks are not on every file system those of stat, so only the inode is compared.
lock_holders() {  # STATE
  local inode
  inode=$(stat -L -c %i "$1/lock" 2>/dev/null) || return 0
  awk -v inode="$inode" '$2 == "FLOCK" && $6 ~ ":" inode "$" { print $5 }' /proc/locks
}

# The daemon that works with a state folder, however it was started; nothing where none does. It
# writes its process id into the lock that it holds; after a crash that id is an old one.
daemon_of() {  # STATE
  [[ ! -s $1/lock ]] || lock_holders "$1" | grep -Fxm 1 "$(tr -d '[:space:]' <"$1/lock")" || true
}

service_pid() {  # of the systemd service; nothing where it does not run
  local pid=0
  ! has_systemd || pid=$(systemctl show -P MainPID fairlead.service 2>/dev/null || true)
  [[ ${pid:-0} == 0 ]] || printf '%s\n' "$pid"
}

# Ends a daemon in the way it was started; fails where it has not ended after SECONDS.
stop_daemon() {  # PID SECONDS
  if [[ $1 == "$(service_pid)" ]]; then
    systemctl stop fairlead.service
  else
    kill "$1" 2>/dev/null || has_ended "$1"
  fi
  wait_for_end "$1" "$2"
}
