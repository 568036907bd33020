#include "conformance/harness/identity.h"

#include <fcntl.h>
#include <sys/capability.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "base/fork.h"
#include "base/unique_fd.h"
#include "conformance/harness/ending.h"

namespace lockstep::conformance::harness {
namespace {

constexpr int trial_ms = 10000;

// By the map of this user namespace; where there is none to read, every id is.
bool is_mapped(const char* map, unsigned id) {
  std::ifstream file(map);
  if (!file) return true;
  unsigned long inside = 0, outside = 0, count = 0;
  while (file >> inside >> outside >> count)
    if (id >= inside && id - inside < count) return true;
  return false;
}

bool may_set_groups() {
  std::ifstream file("/proc/self/setgroups");
  std::string word;
  return !(file >> word) || word != "deny";
}

std::string capability_names(std::uint64_t bits) {
  std::string out;
  for (cap_value_t cap = 0; cap < cap_max_bits(); ++cap) {
    if ((bits >> cap & 1) == 0) continue;
    char* name = cap_to_name(cap);
    out += (out.empty() ? "" : " ") + (name != nullptr ? std::string(name) : "capability " + std::to_string(cap));
    cap_free(name);
  }
  return out;
}

// Becomes it, in a child, and says why it could not; or could not search the directory, where one is given.
std::string try_to_become(const Identity& identity, const std::string& directory = {}) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "pipe2(): " + errno_name(errno);
  UniqueFd ours(ends[0]), theirs(ends[1]);
  const pid_t pid = fork_process();
  if (pid < 0) return "fork(): " + errno_name(errno);
  if (pid == 0) {
    const Result<void> done = drop_privileges(identity);
    std::string said = done.ok() ? "" : done.error().to_string();
    if (done.ok() && !directory.empty() && ::access(directory.c_str(), X_OK) != 0) said = errno_name(errno);
    const bool written = ::write(theirs.get(), said.data(), said.size()) == static_cast<ssize_t>(said.size());
    ::_exit(written ? 0 : 1);
  }
  theirs.reset();
  std::string said(1024, '\0');
  const int status = await_end(pid, trial_ms).status;
  const ssize_t size = ::read(ours.get(), said.data(), said.size());
  said.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return status != 0 && said.empty() ? "nobody knows why: the trial ended with wait status " + std::to_string(status)
                                     : said;
}

std::string what_is_missing(wire::IdentityKind kind, uid_t user) {
  if (kind == wire::IdentityKind::user) {
    for (const uid_t id : {first_user, user}) {  // the first one first: what is said shall not depend on the worker
      if (!is_mapped("/proc/self/uid_map", id))
        return "uid " + std::to_string(id) + " is not mapped in this user namespace";
      if (!is_mapped("/proc/self/gid_map", id))
        return "gid " + std::to_string(id) + " is not mapped in this user namespace";
    }
  }
  const Result<Identity> identity = identity_of(kind, user);
  if (!identity.ok()) return identity.error().to_string();
  if (kind == wire::IdentityKind::container_root) {
    const Result<std::uint64_t> have = permitted_capabilities();
    if (!have.ok()) return have.error().to_string();
    if (const std::uint64_t lacking = identity->keep & ~*have; lacking != 0)
      return "this process lacks " + capability_names(lacking);
  }
  return try_to_become(*identity);
}

}  // namespace

Result<Identity> identity_of(wire::IdentityKind kind, uid_t user) {
  Identity out;
  switch (kind) {
    case wire::IdentityKind::user:
      out.uid = out.gid = user;
      return out;
    case wire::IdentityKind::container_root:
      out.keep = container_default_capabilities();
      break;
    case wire::IdentityKind::root: {
      LOCKSTEP_ASSIGN(out.keep, permitted_capabilities());
      break;
    }
    case wire::IdentityKind::self:
      out.uid = ::getuid();
      out.gid = ::getgid();
      out.groups = current_groups();
      return out;
  }
  // A user namespace that an ordinary user made cannot shed groups; root's own are the same ones in both children.
  if (!may_set_groups()) out.groups = current_groups();
  return out;
}

wire::Identities identities_here(uid_t user) {
  wire::Identities out;
  const Result<std::uint64_t> have = permitted_capabilities();
  // Root without any capability (in a container that drops all) is an ordinary user who happens to have the number 0.
  out.privileged = ::geteuid() == 0 && have.ok() && *have != 0;
  for (const wire::IdentityKind kind : {wire::IdentityKind::user, wire::IdentityKind::container_root,
                                        wire::IdentityKind::root, wire::IdentityKind::self}) {
    std::string& missing = out.missing[static_cast<std::size_t>(kind)];
    if (!out.privileged && kind != wire::IdentityKind::self) {
      missing = "this process is not root, or has no capability";
    } else {
      missing = what_is_missing(kind, user);
      if (!missing.empty()) missing = std::string(wire::name(kind)) + " cannot be had: " + missing;
    }
  }
  return out;
}

std::string why_unreachable(uid_t user, const std::string& directory) {
  const Result<Identity> identity = identity_of(wire::IdentityKind::user, user);
  const std::string why = identity.ok() ? try_to_become(*identity, directory) : identity.error().to_string();
  if (why.empty()) return "";
  return "user cannot reach \"" + printable(directory.substr(0, directory.rfind('/'))) + "\" (" + why +
         "): name a directory in TMPDIR that it can";
}

}  // namespace lockstep::conformance::harness
