# Sourced by up, test, ...: installs the Debian packages and the .venv that are missing.
#
#   bootstrap [build|servers|checks]   build = what .venv needs; servers = build and the lab's servers (default);
#                                      checks = servers and what only tests use
#
# A fresh, minimal Debian 12 or 13 as root is enough: even python3 may be missing.

lab_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top_dir=$(dirname "$lab_dir")
venv=$top_dir/.venv
python=$venv/bin/python
bootstrap_log=$lab_dir/run/log/bootstrap.log

# libvirt-python is compiled against the libvirt of this machine, sslpsk3 against its OpenSSL, hence a compiler.
build_packages=(ca-certificates gcc libc6-dev libssl-dev libvirt-dev openssl pkg-config python3-dev python3-venv)
# `php` alone brings a module without a server; apache, nginx and fpm would each bring a service.
server_packages=(debootstrap iproute2 locales postgresql redis-server util-linux
  zabbix-server-pgsql zabbix-frontend-php php-cli php-pgsql
  libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 qemu-utils)
# Below OpenStack's services, which come from a locked list (lab/cloud/requirements.txt); only for the part `openstack`.
openstack_packages=(mariadb-server rabbitmq-server haproxy memcached keepalived)
# promtool, which checks the names of metrics, has no package of its own; nor has systemd-analyze, which checks our units.
# systemd-container boots a node for them.
check_packages=(prometheus systemd systemd-container)
# Units of the packages above: on a machine with systemd they must not come up at the next boot.
server_units=(postgresql redis-server zabbix-server libvirtd libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket prometheus
  mariadb rabbitmq-server epmd epmd.socket haproxy memcached keepalived)

say() { printf '%s\n' "$*"; }
die() { printf 'lab: %s\n' "$*" >&2; exit 2; }

# Prints those of its arguments that are not installed.
missing_packages() {
  local package
  for package; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}

# Runs a command with its output in the log; on failure shows the end of it.
logged() {
  "$@" >>"$bootstrap_log" 2>&1 </dev/null && return
  say "lab: '$1' failed; the last lines of $bootstrap_log:" >&2
  tail -n 20 "$bootstrap_log" >&2
  return 1
}

apt_install() {
  local policy=/usr/sbin/policy-rc.d made='' rc=0 unit
  if [ ! -e $policy ]; then # dpkg asks it before it starts a service; 101 = "not allowed"
    printf '#!/bin/sh\n# made by the Argus lab while it installs packages\nexit 101\n' >$policy
    chmod 755 $policy
    made=yes
  fi
  logged env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "$@" || rc=1
  [ -z "$made" ] || rm -f $policy
  if [ -d /run/systemd/system ]; then
    for unit in "${server_units[@]}"; do
      systemctl disable "$unit" >>"$bootstrap_log" 2>&1 || : # not every unit belongs to what was installed
    done
  fi
  return $rc
}

# apt_packages WHAT PACKAGE...: one apt call for what is missing, none when nothing is.
apt_packages() {
  local what=$1 begin=$SECONDS missing
  shift
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || die "these Debian packages are missing and only root can install them: ${missing[*]}"
  say "Debian packages, $what: installing ${#missing[@]} (${missing[*]})"
  if [ -z "${apt_updated:-}" ]; then
    logged apt-get update -q || return 1
    apt_updated=yes
  fi
  apt_install "${missing[@]}" || return 1
  say "Debian packages, $what: done in $((SECONDS - begin)) s"
}

# make_venv: again only when setup.cfg or the interpreter changed.
make_venv() {
  local begin=$SECONDS want
  want=$(cat "$top_dir/setup.cfg" <(/usr/bin/python3 -VV) | sha256sum)
  [ "$want" != "$(cat "$venv/.lab-stamp" 2>/dev/null)" ] || return 0
  say "Python: making .venv with argus[server,dev]"
  [ -x "$python" ] || logged /usr/bin/python3 -m venv "$venv" || return 1
  logged "$python" -m pip install -q --retries 3 --timeout 60 -e "$top_dir[server,dev]" || return 1
  printf '%s\n' "$want" >"$venv/.lab-stamp"
  say "Python: .venv ready in $((SECONDS - begin)) s"
}

bootstrap() {
  local what=${1:-servers} servers_pid='' rc=0
  [ -e /etc/debian_version ] || die "needs Debian 12 or 13 (its packages of Zabbix, libvirt and QEMU)"
  mkdir -p "$(dirname "$bootstrap_log")"
  (
    flock 9 # two commands started at once install once
    apt_packages "build tools" "${build_packages[@]}" || exit 1
    case $what in # beside pip, which is the slower half on a fresh machine
    servers) apt_packages servers "${server_packages[@]}" & servers_pid=$! ;;
    checks) apt_packages "servers, check tools" "${server_packages[@]}" "${check_packages[@]}" & servers_pid=$! ;;
    esac
    make_venv || rc=1
    [ -z "$servers_pid" ] || wait "$servers_pid" || rc=1
    exit $rc
  ) 9>"$lab_dir/run/bootstrap.lock" || die "could not install what the lab needs (see $bootstrap_log)"
}

# What `python -m stack openstack up` needs from Debian; run by itself.
bootstrap_openstack() {
  mkdir -p "$(dirname "$bootstrap_log")"
  (
    flock 9
    apt_packages openstack "${openstack_packages[@]}"
  ) 9>"$lab_dir/run/bootstrap.lock" || die "could not install what OpenStack needs (see $bootstrap_log)"
}

# stack COMMAND...: the lab's own Python program (lab/stack).
stack() { PYTHONPATH=$lab_dir exec "$python" -m stack "$@"; }
