#include "conformance/report/untried.h"

#include <sys/capability.h>

#include <cerrno>
#include <fstream>
#include <sstream>

namespace lockstep::conformance::report {
namespace {

std::string first_word(const char* path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

// The fifth field of a line is where its mount is. Without a list nothing is known, and nothing is claimed.
bool root_is_no_mount() {
  std::ifstream mounts("/proc/self/mountinfo");
  bool any = false;
  for (std::string line; std::getline(mounts, line); any = true) {
    std::istringstream fields(line);
    std::string skipped, point;
    for (int i = 0; i < 4; ++i) fields >> skipped;
    fields >> point;
    if (point == "/") return false;
  }
  return any;
}

}  // namespace

Surroundings read_surroundings(bool privileged) {
  Surroundings out;
  out.privileged = privileged;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    std::istringstream fields(line);
    std::string key, value;
    fields >> key >> value;
    if (key == "Seccomp:") out.filtered = value != "0";
    if (key == "CapEff:") out.sys_admin = (std::strtoull(value.c_str(), nullptr, 16) >> CAP_SYS_ADMIN & 1) != 0;
  }
  out.chrooted = root_is_no_mount();
  out.no_userns = first_word("/proc/sys/user/max_user_namespaces") == "0" ||
                  first_word("/proc/sys/kernel/unprivileged_userns_clone") == "0";
  out.apparmor_userns = first_word("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1";
  return out;
}

std::string why_no_namespace(int err, const Surroundings& around) {
  const std::string what = "no mount namespace (" + errno_name(err) + "): ";
  if (around.privileged && !around.sys_admin)
    return what +
           "this process lacks CAP_SYS_ADMIN, as in a container's defaults: run outside it, or start the container "
           "with "
           "--cap-add SYS_ADMIN --security-opt apparmor=unconfined";
  if (around.chrooted)
    return what +
           "the root directory is no mount point, as in a chroot: run outside it, or enter it by systemd-nspawn -D or "
           "pivot_root";
  if (!around.privileged && around.no_userns)
    return what +
           "user namespaces are switched off: run as root, or have root do: sysctl user.max_user_namespaces=10000 "
           "kernel.unprivileged_userns_clone=1";
  if (!around.privileged && around.apparmor_userns)
    return what +
           "AppArmor lets no ordinary user use a user namespace: run as root, or have root do: sysctl "
           "kernel.apparmor_restrict_unprivileged_userns=0";
  if (around.filtered)
    return what +
           "a seccomp filter is around this process, as in a container's defaults: run outside it, or start the "
           "container with "
           "--security-opt seccomp=unconfined --security-opt apparmor=unconfined" +
           (around.privileged ? " --cap-add SYS_ADMIN" : "");
  return what + "a security module or a limit is around this process: run outside its container" +
         (around.privileged ? "" : ", or as root");
}

std::string cause_of(const Run& run, const JudgedRow& judged) {
  const bool simulated = !judged.row.run->source.context.host.real;
  return simulated && !run.no_namespace.empty() ? run.no_namespace : judged.verdict.message;
}

}  // namespace lockstep::conformance::report
