# shellcheck shell=bash
# Sourced by the scripts beside it: what they share is finding the packages and the build.
set -euo pipefail
unset CDPATH  # an exported one has cd print where it went
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
packages=(g++ cmake ninja-build libgtest-dev libbenchmark-dev nlohmann-json3-dev libyaml-cpp-dev libcap-dev)

# Installs what is missing through apt, as root or with sudo; otherwise says exactly what to install.
install_packages() {
  local missing=()
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      echo "Missing packages. Install them and run this again:" >&2
      echo "  apt-get install ${missing[*]}" >&2
      exit 2
    fi
    as_root=(sudo)
  fi
  echo "Installing ${missing[*]} (apt-get)" >&2
  "${as_root[@]}" apt-get update -qq >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# build DIRECTORY TARGET... -- CMAKE_OPTION...; quiet unless it fails.
build() {
  local directory=$1 targets=() log
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do targets+=("$1"); shift; done
  [ $# -gt 0 ] && shift
  log=$(mktemp)
  echo "Building ${targets[*]} in ${directory#"$top"/}" >&2
  if ! { cmake -S "$top" -B "$directory" -G Ninja "$@" && cmake --build "$directory" --target "${targets[@]}"; } >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    rm -f "$log"
    exit 4
  fi
  rm -f "$log"
}
