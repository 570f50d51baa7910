#!/usr/bin/env bash
# Installs from Debian what the tests' own servers need and is missing; does nothing when all is there.
# Debian's FTP servers exclude each other: one is installed, the others are unpacked beside the project.
# No service is started: Debian's install scripts ask policy-rc.d, which says no while this runs.
set -euo pipefail

export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
declare -A package_of=(
  [sshd]=openssh-server [ssh-keygen]=openssh-client [proftpd]=proftpd-core [apache2]=apache2 [htpasswd]=apache2-utils
  [memcached]=memcached [mkfs.xfs]=xfsprogs [squid]=squid [danted]=dante-server [openssl]=openssl
  [softhsm2-util]=softhsm2 [nft]=nftables [haproxy]=haproxy [age]=age [systemd-analyze]=systemd
  [mariadbd]=mariadb-server [mariadb]=mariadb-client
  [chromium]=chromium [unshare]=util-linux [mount]=mount [ip]=iproute2 [curl]=curl [git]=git
)
missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
[ -e /usr/lib/proftpd/mod_sftp.so ] || missing+=(proftpd-mod-crypto)
ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || missing+=(libfaketime)
[ -e /etc/mime.types ] || missing+=(media-types)
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing+=(postgresql)
for library in libwrap0=libwrap.so.0 libsodium23=libsodium.so.23 libcap2=libcap.so.2; do
  ldconfig -p | grep -F "${library#*=}" >/dev/null || missing+=("${library%=*}")
done
unpacked=$(cd "$(dirname "$0")/../.." && pwd)/.tools/servers
lacking=()
[ -x "$unpacked/usr/sbin/vsftpd" ] || lacking+=(vsftpd)
[ -x "$unpacked/usr/sbin/pure-ftpd" ] || lacking+=(pure-ftpd)
# Tools that need older versions of some of the project's own libraries, so each stands apart.
tools=$(cd "$(dirname "$0")/../.." && pwd)/.tools
apart() { # folder, requirement
  [ -e "$tools/$1/$2" ] && return
  echo "installing $2"
  "$tools/bin/uv" venv --quiet --clear --no-python-downloads --python "$tools/../.venv/bin/python" "$tools/$1"
  "$tools/bin/uv" pip install --quiet --python "$tools/$1/bin/python" "$2"
  touch "$tools/$1/$2"
}
apart client-generator openapi-python-client==0.29.1
apart sslyze sslyze==6.3.1
[ $((${#missing[@]} + ${#lacking[@]})) -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "missing packages: ${missing[*]} ${lacking[*]} (install them as root)" >&2; exit 1; }
  as_root=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed() { tail -n 20 "$log" >&2; exit 1; }
"${as_root[@]}" apt-get update -q >"$log" 2>&1 || failed

if [ ${#missing[@]} -gt 0 ]; then
  echo "installing ${missing[*]}"
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f "$log"; "${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee /usr/sbin/policy-rc.d >/dev/null
    "${as_root[@]}" chmod 755 /usr/sbin/policy-rc.d
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}" >"$log" 2>&1 || failed
fi

if [ ${#lacking[@]} -gt 0 ]; then
  echo "unpacking ${lacking[*]}"
  mkdir -p "$unpacked/packages"
  (cd "$unpacked/packages" && apt-get download -q "${lacking[@]}") >"$log" 2>&1 || failed
  for package in "$unpacked"/packages/*.deb; do dpkg-deb -x "$package" "$unpacked"; done
  rm -r "$unpacked/packages"
fi
