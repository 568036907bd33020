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
      echo "  apt-get update && apt-get install ${missing[*]}" >&2
      exit 2
    fi
    as_root=(sudo)
  fi
  echo "Installing ${missing[*]} (apt-get)" >&2
  "${as_root[@]}" apt-get update -qq >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# Ninja's lines into a file, and how far it is on standard error: one line that is overwritten on a terminal, in a log one line in
# half a minute.
show_progress() {
  local line last=$SECONDS width=${COLUMNS:-}
  [ ! -t 2 ] || [ -n "$width" ] || width=$(tput cols 2>/dev/null || echo 80)
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$1"
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    if [ -t 2 ]; then
      printf '\r%s\033[K' "${line:0:width - 1}" >&2
    elif [ $((SECONDS - last)) -ge "${LOCKSTEP_PROGRESS:-30}" ]; then
      last=$SECONDS
      echo "  ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} steps" >&2
    fi
  done
  [ ! -t 2 ] || printf '\r\033[K' >&2
}

# build DIRECTORY TARGET... -- CMAKE_OPTION...; says how far it is, and everything where it fails. The log stays: DIRECTORY/build.log.
build() {
  local directory=$1 targets=() log
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do targets+=("$1"); shift; done
  [ $# -gt 0 ] && shift
  if ! mkdir -p "$directory" || ! : >"$directory/build.log"; then
    echo "The build needs a directory that can be written: name one in LOCKSTEP_BUILD" >&2
    exit 2
  fi
  log=$directory/build.log
  echo "Building ${targets[*]} in ${directory#"$top"/}" >&2
  if ! { cmake -S "$top" -B "$directory" -G Ninja "$@" && cmake --build "$directory" --target "${targets[@]}"; } 2>&1 | show_progress "$log"; then
    tail -n 60 "$log" >&2
    exit 4
  fi
}

# Where static programs are built: the build itself, or beside one that was told otherwise.
static_directory() {
  local directory=${LOCKSTEP_BUILD:-$top/build}
  if [ -f "$directory/CMakeCache.txt" ] && ! grep -q '^LOCKSTEP_STATIC:BOOL=ON' "$directory/CMakeCache.txt"; then directory+=-static; fi
  realpath -m "$directory"
}

# --- roots of other Debian releases, for what is tried in one ------------------------------------------------------------------

# use_roots DIR MIRROR: before the first debian_root. An empty MIRROR is the one of this machine's apt sources.
use_roots() {
  roots=$1 root_mirror=$2
  if [ -z "$root_mirror" ]; then
    # shellcheck disable=SC2016  # apt's own placeholders
    root_mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Identifier: Packages' | awk '$2 !~ /-/ && /debian/ { print $1; exit }')
  fi
  [ -n "$root_mirror" ] || { echo "this machine's apt sources name no mirror: --mirror URL" >&2; exit 3; }
  export PATH=$PATH:/usr/sbin:/sbin
  mkdir -p "$roots"
}

# debian_root RELEASE [PACKAGE...]: says the folder of a root of it that is empty but for these, made once and kept.
debian_root() {
  local release=$1 root=$roots/$1 with=()
  shift
  if [ $# -gt 0 ]; then
    root=$root-build
    with=(--include="$(IFS=, && echo "$*")")
  fi
  if [ ! -f "$root.done" ]; then
    rm -rf "${root:?}"
    echo "Making ${root##*/}, a root of $release, from $root_mirror" >&2
    debootstrap --variant=minbase "${with[@]}" "$release" "$root" "$root_mirror" >"$root.log" 2>&1 || { tail -n 5 "$root.log" >&2; return 1; }
    touch "$root.done"
  fi
  echo "$root"
}

# in_root ROOT COMMAND...: the root becomes that of a mount namespace, as a machine's is. A chroot would have the suite skip what
# it simulates.
in_root() {
  # shellcheck disable=SC2016  # for the shell inside
  unshare -m sh -c '
    set -e
    mount --make-rprivate /
    mount --bind "$0" "$0" && cd "$0"
    mount -t proc proc proc && mount --rbind /sys sys && mount --rbind /dev dev
    mkdir -p old && pivot_root . old && cd / && umount -l /old && rmdir /old
    export HOME=/nonexistent PATH=/usr/sbin:/usr/bin:/sbin:/bin
    unset LD_LIBRARY_PATH TMPDIR
    exec "$@"' "$@"
}
