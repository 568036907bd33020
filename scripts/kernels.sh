# shellcheck shell=bash disable=SC2154
# Sourced by kernel-matrix: kernels from Debian's packages, into a cache. The apt used here is one of our own below the cache
# directory, so that the machine's sources, lists and hooks stay as they are; the mirror is the machine's own. Signatures are
# checked with the distribution's keyring, hashes against the signed lists. Wants $cache, $mirror and $all_suites; $why says why something failed.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
why='' place=''
apt() { APT_CONFIG=$cache/apt/apt.conf "$@"; }

# Writes the private apt's configuration and reads the lists, unless they are of the same sources and of today.
read_lists() {
  local all security suite apt=$cache/apt
  # shellcheck disable=SC2016  # apt's own placeholders
  all=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Identifier: Packages' 2>/dev/null | sort -u) || true
  security=$(awk '$2 ~ /-security$/ { print $1; exit }' <<<"$all")
  mirror=${mirror:-$(awk '$2 !~ /-/ { print $1; exit }' <<<"$all")}
  [ -n "$mirror" ] || { why="this machine's apt sources name no mirror: --mirror URL"; return 1; }
  [ -f "$keyring" ] || { why="$keyring is missing: install debian-archive-keyring"; return 1; }
  mkdir -p "$apt"/{lists/partial,cache/archives/partial,etc/apt.conf.d,etc/preferences.d}
  : >"$apt/status"
  for suite in $(printf '%s\n' "${all_suites[@]}" | sort -u); do
    echo "deb [signed-by=$keyring arch=amd64] $mirror $suite main"
    [[ $suite == *-* || -z $security ]] || echo "deb [signed-by=$keyring arch=amd64] $security $suite-security main"
  done >"$apt/sources.new"
  {
    apt-config dump | grep '^Acquire::' || true  # the machine's proxy, say
    cat <<TEXT
Dir "$apt"; Dir::Etc "etc"; Dir::Etc::parts "apt.conf.d"; Dir::Etc::sourceparts "/dev/null";
Dir::State "$apt"; Dir::State::status "$apt/status"; Dir::Cache "$apt/cache";
Dir::Etc::trusted "/dev/null"; Dir::Etc::trustedparts "/dev/null"; APT::Sandbox::User "";
APT::Architecture "amd64"; APT::Architectures { "amd64"; };
Acquire::Languages "none"; Acquire::Retries "2"; Acquire::http::Timeout "20";
Acquire::AllowInsecureRepositories "false"; Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false"; APT::Get::AllowUnauthenticated "false";
TEXT
  } >"$apt/apt.conf"
  if cmp -s "$apt/sources.new" "$apt/etc/sources.list" && [ -n "$(find "$apt/fresh" -mmin -1440 2>/dev/null)" ]; then
    return 0
  fi
  echo "Reading the package lists of $(printf '%s\n' "${all_suites[@]}" | sort -u | paste -sd' ')" >&2
  mv "$apt/sources.new" "$apt/etc/sources.list"
  rm -f "$apt/fresh"
  if apt apt-get update -qq --error-on=any >"$apt/log" 2>&1; then touch "$apt/fresh"; return 0; fi
  why="the package lists cannot be read: $(grep '^E:' "$apt/log" | head -n 1) ($mirror; --mirror URL names another)"
  return 1
}

# newest SERIES SUITE: "STEM VERSION" of the newest kernel there; STEM is the package's name after linux-image-.
newest() {
  local file codename
  for codename in "$2" "$2-security"; do
    # shellcheck disable=SC2016
    apt apt-get indextargets --format '$(FILENAME)' 'Identifier: Packages' "Codename: $codename"
  done | while read -r file; do apt /usr/lib/apt/apt-helper cat-file "$file"; done |
    awk -v start="linux-image-$1" '
      $1 == "Package:" { name = $2 }
      $1 == "Version:" && index(name, start) == 1 && substr(name, length(start) + 1) ~ /^[-.+]/ && name ~ /-amd64$/ &&
        name !~ /-(rt|cloud)-amd64$/ && name !~ /^linux-image-[0-9.]*-amd64$/ { print substr(name, 13), $2 }' |
    sort -k2,2V | tail -n 1
}

# fetch SERIES SUITE: one kernel into $cache/STEM_VERSION (vmlinuz, the modules a guest uses, version). Sets $place, or $why.
fetch() {
  local stem version to part package hash file modules found=' '
  place=''
  read -r stem version < <(newest "$1" "$2") || true
  [ -n "${version:-}" ] || { why=${why:-"$2 has no kernel $1"}; return 1; }
  to=$cache/${stem}_$version
  if [ ! -f "$to/complete" ]; then
    part=$cache/partial/${stem}_$version
    mkdir -p "$part"
    for package in linux-binary linux-image linux-modules; do
      hash=$(apt apt-cache show "$package-$stem=$version" 2>/dev/null | awk '/^SHA256:/ { print $2; exit }')
      [ -n "$hash" ] || continue  # the archive may have a kernel without its modules
      # Where the kernel is in linux-binary, linux-image is empty and depends on it.
      [[ $package == linux-image && $found == *linux-binary* ]] && continue
      found+="$package-$stem "
      echo "Downloading $package-$stem $version" >&2
      # An interrupted file stays and is gone on with. apt takes a file of the right size for whole: the hash of the signed list
      # is checked here again.
      (cd "$part" && apt apt-get download -q "$package-$stem=$version" >&2) || { why="$package-$stem cannot be downloaded"; return 1; }
      for file in "$part/$package-$stem"_*.deb; do
        sha256sum --check --status <<<"$hash  $file" && continue
        rm -f "$file"
        why="$package-$stem has another hash than the signed list says: removed, run this again"
        return 1
      done
    done
    rm -rf "$part/tree" "$to"
    mkdir -p "$part/tree" "$to/modules"
    modules=(crc16 crc32c_generic crc32c-cryptoapi libcrc32c mbcache jbd2 ext4 loop overlay)
    for package in "$part"/*.deb; do  # no more of it than is used; a pattern that is not in this one is no error
      dpkg-deb --fsys-tarfile "$package" |
        tar -xf - -C "$part/tree" --wildcards --no-anchored 'vmlinuz*' "${modules[@]/%/.ko*}" 2>/dev/null || true
    done
    find "$part/tree" -name 'vmlinuz*' -type f -exec cp {} "$to/vmlinuz" \;
    find "$part/tree" -name '*.ko*' -type f -exec cp {} "$to/modules" \;
    find "$to/modules" -name '*.xz' -exec xz -dq {} +
    find "$to/modules" -name '*.zst' -exec zstd -dq --rm {} +
    [ -s "$to/vmlinuz" ] || { why="no vmlinuz in$found"; return 1; }
    echo "$version" >"$to/version"
    touch "$to/complete"
    rm -rf "$part"
  fi
  # shellcheck disable=SC2034  # kernel-matrix reads it
  place=$to
}
