#include "conformance/doctor/layers.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include <lockstep/error.h>
#include <lockstep/rights.h>

#include "conformance/doctor/examine.h"
#include "conformance/doctor/remedies.h"

namespace lockstep::conformance::doctor {
namespace {

std::string octal(unsigned mode) {
  char text[8];
  std::snprintf(text, sizeof(text), "%04o", mode & 07777U);
  return text;
}

bool is_device(const PathFacts& facts) {
  return facts.kind == 'c' || facts.kind == 'b';
}
bool is_procfs(const std::string& path) {
  return path.starts_with("/proc/");
}

Finding found(Layer layer, std::string sentence, std::string remedy, std::string by = "errno and stat") {
  return {{layer}, std::move(sentence), std::move(remedy), std::move(by)};
}

std::string who_owns(const PathFacts& facts) {
  return "mode " + octal(facts.mode) + ", owner " + std::to_string(facts.uid) + ", group " + std::to_string(facts.gid);
}

Finding by_landlock(const Evidence& seen) {
  const std::string rights = join_names(seen.missing);
  const std::string words = seen.decided.empty() ? "" : " (" + seen.decided + ")";
  const std::string remedy = policy_line(seen.path, seen.missing, seen.operation == Operation::ioctl);
  if (seen.record)
    return found(Layer::landlock,
                 "the policy lacks " + rights + " on " + seen.path + words + "; the kernel's audit record says " +
                     seen.record->blockers + " on " + seen.record->path,
                 remedy, "audit");
  return found(Layer::landlock, "the policy lacks " + rights + " on " + seen.path + words, remedy, "model");
}

Finding missing_path(const Evidence& seen) {
  const std::string gone = seen.facts.culprit.empty() ? seen.path : seen.facts.culprit;
  return found(Layer::missing_path, gone + " is not here", to_appear(seen.path, seen.around));
}

Finding by_read_only_mount(const Evidence& seen) {
  const PathFacts& facts = seen.facts;
  if (!facts.read_only)
    return found(
        Layer::unknown,
        "EROFS, though " + facts.mount_point + " is mounted to be written: something answers in the kernel's place",
        "");
  std::string remedy = "sudo mount -o remount,rw " + facts.mount_point;
  if (seen.around.container && is_procfs(seen.path))
    remedy =
        "start the container with a /proc that can be written: docker run --security-opt "
        "systempaths=unconfined";
  return found(Layer::read_only_mount, facts.mount_point + " (" + facts.mount_type + ") is mounted read-only", remedy);
}

Finding by_permissions(const Evidence& seen) {
  const PathFacts& facts = seen.facts;
  if (facts.err == EACCES)
    return found(Layer::permissions, "the directory " + facts.culprit + " may not be searched by this identity",
                 "sudo chmod o+x " + facts.culprit);
  if (facts.has_acl)
    return found(Layer::permissions, seen.path + " is closed to this identity by an ACL (" + who_owns(facts) + ")",
                 "sudo setfacl -m u:USER:rw " + seen.path);
  PathFacts asked = facts;
  asked.path = seen.path;
  const std::string remedy = to_join(asked, wants_of(seen.operation) == R_OK ? 04U : 06U, seen.around);
  return found(Layer::permissions, seen.path + " is closed to this identity (" + who_owns(facts) + ")", remedy);
}

// Permissions allow it, access() allows it, and still it is denied: a layer that does not ask access().
// Landlock is one; so are AppArmor, and a seccomp filter that answers EACCES, though a filter sees no paths.
Finding by_who_hides(const Evidence& seen, int err) {
  Finding out;
  std::string sentence;
  std::string remedy;
  const auto candidate = [&](Layer layer, const std::string& words, const std::string& what_to_do) {
    out.layers.push_back(layer);
    sentence += (sentence.empty() ? "" : ", or ") + words;
    remedy += (remedy.empty() ? "" : "; or ") + what_to_do;
  };
  const bool access_sees = seen.facts.access == 0;
  if (access_sees && err == EACCES && seen.around.outer_layers.value_or(1) > 0)
    candidate(Layer::outer_landlock,
              seen.around.outer_layers
                  ? "one of the " + std::to_string(*seen.around.outer_layers) + " Landlock layers around this process"
                  : "a Landlock layer around this process, if there is one",
              "whatever started this process restricted it: grant " + seen.path + " there");
  if (!seen.around.confined_by.empty())
    candidate(Layer::security_module, seen.around.confined_by,
              "allow it in that profile: journalctl -k | grep -i denied names it");
  if (seen.around.seccomp == 2 && access_sees && !seen.same_call_worked)
    candidate(Layer::seccomp, "a seccomp filter, under which this call worked nowhere",
              "allow " + std::string(name(seen.operation)) + " in the filter");
  if (out.layers.empty() && !access_sees)
    candidate(Layer::security_module, "a security module that access() asks too", "journalctl -k | grep -i denied");
  if (out.layers.empty())
    return found(Layer::unknown, errno_name(err) + " on " + seen.path + ", and nothing that was looked at explains it",
                 "");
  out.sentence = seen.path + " is open to this identity by its permissions; it is denied by " + sentence;
  out.remedy = remedy;
  out.by = "errno and stat";
  return out;
}

Finding by_eperm(const Evidence& seen) {
  const PathFacts& facts = seen.facts;
  if (is_device(facts) && facts.access == EPERM)
    return found(
        Layer::device_cgroup,
        "the device controller of the container's cgroup keeps " + seen.path + " closed (access() says EPERM as well)",
        "start the container with the device: docker run --device " + seen.path);
  // The file is the thread's own: what was denied is the thread.
  if (seen.operation == Operation::comm_open && seen.around.seccomp == 2)
    return found(Layer::seccomp,
                 "no thread can be started: a seccomp filter answers EPERM to clone3, and libc takes another way for "
                 "ENOSYS alone",
                 "let the filter answer ENOSYS to clone3: docker run --security-opt seccomp=PROFILE.json");
  const bool filtered = seen.around.seccomp == 2 && !seen.same_call_worked;
  if (filtered)
    return found(Layer::seccomp,
                 "a seccomp filter answers EPERM to " + std::string(name(seen.operation)) +
                     ": permissions allow it, and the same call worked nowhere",
                 "allow the call in the filter: docker run --security-opt seccomp=PROFILE.json");
  if (seen.operation == Operation::ioctl && seen.failed_step == 2)
    return found(Layer::driver, "the driver behind " + seen.path + " answers EPERM", "");
  return found(Layer::capability, "EPERM on " + seen.path + ": a capability is missing, or the file is immutable", "");
}

// The node is there, and nothing answers behind its number.
Finding by_missing_driver(const Evidence& seen) {
  const std::optional<unsigned> registered = registered_major(seen.path, seen.around);
  const std::string error = " (" + errno_name(seen.control) + ")";
  if (registered && is_device(seen.facts) && *registered != seen.facts.major)
    return found(Layer::driver,
                 seen.path + " has the number " + std::to_string(seen.facts.major) + ":" +
                     std::to_string(seen.facts.minor) + ", and its driver has " + std::to_string(*registered) +
                     " now: a stale node, made before the driver was loaded again" + error,
                 seen.around.container
                     ? "make the CDI specification again (nvidia-ctk cdi generate), and start the container anew"
                     : "sudo rm " + seen.path + "; " + to_appear(seen.path, seen.around) +
                           "; where a CDI specification has the number, make it again: nvidia-ctk cdi generate");
  const bool made_by_cuda = seen.path == "/dev/nvidiactl" && !registered;
  return found(
      Layer::driver,
      seen.path + " is here, and no driver is behind it" + error +
          (made_by_cuda ? ": cuInit() and nvmlInit() of a root make this node by themselves, driver or not" : ""),
      to_load(seen.path, seen.around));
}

Finding elsewhere(const Evidence& seen) {
  const PathFacts& facts = seen.facts;
  switch (seen.control) {
    case ENOENT:
    case ENOTDIR:
      if (facts.err != 0 || facts.path.empty()) return missing_path(seen);
      return found(Layer::unknown, "ENOENT, though " + seen.path + " is here: something answers in the kernel's place",
                   "");
    case EROFS:
      return by_read_only_mount(seen);
    case EACCES:
      if (is_device(facts) && facts.nodev)
        return found(Layer::nodev_mount, facts.mount_point + " is mounted nodev: no device opens there",
                     "sudo mount -o remount,dev " + facts.mount_point);
      if (facts.err == EACCES || (facts.access == EACCES && (!facts.mode_allows || facts.has_acl)))
        return by_permissions(seen);
      return by_who_hides(seen, EACCES);
    case EPERM:
      return by_eperm(seen);
    case ENOSYS:
      if (seen.around.seccomp == 2)
        return found(Layer::seccomp, "a seccomp filter answers ENOSYS to " + std::string(name(seen.operation)),
                     "allow the call in the filter: docker run --security-opt seccomp=PROFILE.json");
      return found(Layer::unknown, "ENOSYS: this kernel does not have the call", "");
    case ENXIO:
    case ENODEV:
      return by_missing_driver(seen);
    case EIO:
    case EBUSY:
    case ENOMEM:
      return found(Layer::driver, "the driver answers " + errno_name(seen.control) + " on " + seen.path,
                   "dmesg | grep -i nvrm");
    default:
      return found(Layer::unknown, errno_name(seen.control) + " on " + seen.path, "");
  }
}

}  // namespace

std::string_view name(Layer layer) {
  constexpr std::string_view names[] = {"landlock",        "outer-landlock", "permissions",   "read-only-mount",
                                        "nodev-mount",     "seccomp",        "device-cgroup", "missing-path",
                                        "security-module", "capability",     "driver",        "unknown"};
  return names[static_cast<std::size_t>(layer)];
}

std::string policy_line(const std::string& path, AccessSet missing, bool device) {
  if (missing.empty()) return "";
  // A rule on an entry of procfs is lost when the kernel reclaims the entry: the root of it keeps.
  const std::string granted = is_procfs(path) ? "/proc" : path;
  // /proc in read_only is promoted to read-write on a GPU host: a grant says what it says.
  if ((missing - access_read_only).empty() && !is_procfs(path)) return "filesystem_policy.read_only: [" + granted + "]";
  if (device) return "filesystem_policy.read_write: [" + granted + "]";
  if (is_procfs(path)) missing |= Right::read_file | Right::read_dir;  // what opens for writing is read as well
  if (path.ends_with("/comm")) missing |= Right::write_file | Right::truncate;  // every way that a thread is named
  return "filesystem_policy.grants: [{path: " + granted + ", access: [" + join_names(missing, ", ") + "]}]";
}

Finding attribute(const Evidence& seen) {
  if (seen.control != 0) {
    Finding out = elsewhere(seen);
    if (!seen.missing.empty()) out.sentence += "; the policy would deny it too (" + seen.decided + ")";
    return out;
  }
  if (!seen.missing.empty()) return by_landlock(seen);
  return found(Layer::unknown,
               errno_name(seen.observed) + " under the policy and not without it, which the model does not explain", "",
               "model");
}

}  // namespace lockstep::conformance::doctor
