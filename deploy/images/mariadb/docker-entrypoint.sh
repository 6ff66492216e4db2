#!/bin/bash
# Starts MariaDB as the official image does: the first start makes the database and its root, whose
# password is $MARIADB_ROOT_PASSWORD, or what is in the file $MARIADB_ROOT_PASSWORD_FILE. Arguments
# go to mariadbd.
#
# It may be killed at any moment. A new database is made in .init, renamed to .ready when it is
# whole, and only then moved to where the server looks for it, which the next start goes on with.
set -eu
data=/var/lib/mysql

say() { printf '%s [Entrypoint]: %s\n' "$(date --rfc-3339=seconds)" "$*"; }

fail() {
  say "ERROR: $*" >&2
  exit 1
}

root_password() {
  [[ -z ${MARIADB_ROOT_PASSWORD:-} || -z ${MARIADB_ROOT_PASSWORD_FILE:-} ]] ||
    fail "MARIADB_ROOT_PASSWORD and MARIADB_ROOT_PASSWORD_FILE are both set"
  if [[ -n ${MARIADB_ROOT_PASSWORD_FILE:-} ]]; then
    cat "$MARIADB_ROOT_PASSWORD_FILE"
  else
    printf '%s' "${MARIADB_ROOT_PASSWORD:-}"
  fi
}

sql_text() {  # TEXT: as a literal of SQL
  local text=$1 quote="'" slash=\\
  text=${text//"$slash"/"$slash$slash"}
  printf "'%s'" "${text//"$quote"/"$slash$quote"}"
}

random_text() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# The accounts of the official image: root from here and from $MARIADB_ROOT_HOST, and one that may
# do nothing, for healthcheck.sh.
accounts() {  # ROOT-PASSWORD HEALTHCHECK-PASSWORD
  local root host
  root=$(sql_text "$1")
  # Others that the server's own script made, without a password.
  echo "DELETE FROM mysql.global_priv WHERE Host <> 'localhost' OR User = '';"
  echo "DELETE FROM mysql.proxies_priv WHERE Host <> 'localhost';"
  echo 'FLUSH PRIVILEGES;'  # nothing about accounts can be said before, while a database is made
  echo "ALTER USER root@localhost IDENTIFIED BY $root;"
  if [[ ${MARIADB_ROOT_HOST:=%} != localhost ]]; then
    host=$(sql_text "$MARIADB_ROOT_HOST")
    echo "CREATE USER root@$host IDENTIFIED BY $root;"
    echo "GRANT ALL ON *.* TO root@$host WITH GRANT OPTION;"
  fi
  for host in 127.0.0.1 ::1 localhost; do
    echo "CREATE USER healthcheck@'$host' IDENTIFIED BY '$2';"
  done
}

make_database() {  # ARGUMENT…: of mariadbd
  local password health
  password=$(root_password)
  [[ -n $password ]] || fail "there is no database yet, and no MARIADB_ROOT_PASSWORD for a new one"
  health=$(random_text)
  say "making a new database"
  umask 077
  rm -rf "$data/.init"
  mkdir "$data/.init"
  accounts "$password" "$health" >"$data/.init.sql"
  mariadb-install-db --datadir="$data/.init" --extra-file="$data/.init.sql" --rpm \
    --auth-root-authentication-method=normal --skip-test-db "$@" >/dev/null
  rm "$data/.init.sql"
  printf '[client]\nuser=healthcheck\npassword=%s\nprotocol=tcp\n' "$health" \
    >"$data/.init/.my-healthcheck.cnf"
  sync --file-system "$data/.init"
  mv "$data/.init" "$data/.ready"
  umask 022
}

# The folder mysql goes last: it stands for the whole.
settle_database() {
  local path
  shopt -s dotglob nullglob
  for path in "$data"/.ready/*; do
    [[ $path == */mysql ]] || mv "$path" "$data/"
  done
  [[ ! -d $data/.ready/mysql ]] || mv "$data/.ready/mysql" "$data/"
  rmdir "$data/.ready"
  sync --file-system "$data"
}

start() {  # mariadbd ARGUMENT…
  if [[ $(id -u) == 0 ]]; then
    chown mysql:mysql "$data" /run/mysqld
    exec setpriv --reuid=mysql --regid=mysql --clear-groups "$0" "$@"
  fi
  [[ -d $data/mysql || -d $data/.ready ]] || make_database "${@:2}"
  [[ ! -d $data/.ready ]] || settle_database
  unset MARIADB_ROOT_PASSWORD
  exec "$@"
}

[[ ${1:-} != -* ]] || set -- mariadbd "$@"
case ${1:-} in
  mariadbd | mysqld) start "$@" ;;
  *) exec "$@" ;;
esac
