#!/usr/bin/env bash
# Installs from Debian what builds and runs the container's image: as root, on a machine of Debian 12.
set -euo pipefail

export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
declare -A package_of=([buildah]=buildah [podman]=podman [runc]=runc [mmdebstrap]=mmdebstrap)
missing=()
for program in "${!package_of[@]}"; do
  command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
[ ${#missing[@]} -gt 0 ] || exit 0
echo "installing ${missing[*]}"
apt-get update -q >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
