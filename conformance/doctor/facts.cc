#include "conformance/doctor/facts.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <sstream>

#include "base/fork.h"
#include "conformance/doctor/files.h"
#include "conformance/harness/ending.h"
#include "enforce/count_layers.h"
#include "landlock/ladder.h"

namespace lockstep::conformance::doctor {
namespace {

constexpr int trial_ms = 5000;

// A child that answers with its exit code, or minus the signal that ended it.
int in_child(const std::function<int()>& body) {
  const pid_t pid = fork_process();
  if (pid < 0) return -1;
  if (pid == 0) ::_exit(body());
  const int status = harness::await_end(pid, trial_ms).status;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void read_status(Machine& out) {
  std::istringstream status(read_text("/proc/self/status"));
  for (std::string line; std::getline(status, line);) {
    const std::size_t colon = line.find(":\t");
    if (colon == std::string::npos) continue;
    const std::string name = line.substr(0, colon), value = line.substr(colon + 2);
    if (name == "NoNewPrivs") out.no_new_privs = value == "1";
    if (name == "Seccomp") out.seccomp = std::atoi(value.c_str());
    if (name == "CapEff") out.capabilities = value;
    if (name == "CapBnd") out.bounding = value;
  }
}

// A label of AppArmor or SELinux. "unconfined" and SELinux's unconfined domains are none.
std::string confinement(const std::string& modules) {
  std::string label = first_line("/proc/self/attr/apparmor/current");
  if (label.empty()) label = first_line("/proc/self/attr/current");
  if (label.empty() || label.find("unconfined") != std::string::npos) return "";
  const bool apparmor = modules.find("apparmor") != std::string::npos || label.ends_with(")");
  if (!apparmor && first_line("/sys/fs/selinux/enforce") == "0") return "";
  if (label.ends_with("(complain)")) return "";
  return (apparmor ? "AppArmor " : "label ") + label;
}

std::string try_user_namespace() {
  const int answer = in_child([] { return ::unshare(CLONE_NEWUSER) == 0 ? 0 : errno; });
  if (answer == 0) return "can be made";
  return answer < 0 ? "nobody knows: the trial was ended by signal " + std::to_string(-answer)
                    : "cannot be made (" + errno_name(answer) + ")";
}

// Each with arguments that do nothing, and that the kernel itself never answers with EPERM or ENOSYS since the version
// named.
std::vector<std::string> filtered_calls() {
  std::vector<std::string> out;
  const auto tried = [&](const char* call, long answer) {
    if (answer < 0 && (errno == EPERM || errno == ENOSYS || errno == EACCES))
      out.push_back(std::string(call) + " (" + errno_name(errno) + ")");
    return answer;
  };
  for (const long fd : {tried("memfd_create", ::syscall(SYS_memfd_create, "lockstep", MFD_CLOEXEC)),  // 3.17
                        tried("pidfd_open", ::syscall(SYS_pidfd_open, ::getpid(), 0))})               // 5.3
    if (fd >= 0) ::close(static_cast<int>(fd));
  tried("execveat", ::syscall(SYS_execveat, -1, "", nullptr, nullptr, 0));  // 3.19: ENOENT
  tried("clone3", ::syscall(SYS_clone3, nullptr, 0));                       // 5.3: EINVAL
  tried("unshare", ::unshare(0));
  tried("ioctl", ::ioctl(-1, 0));  // EBADF
  return out;
}

// The last mount wins: it is on top.
void read_procfs(Machine& out) {
  for (const Mount& mount : read_mounts()) {
    if (mount.point == "/proc") out.procfs = mount.type == "proc" ? mount.options : mount.type + ", not procfs";
    if (mount.point.starts_with("/proc/"))
      out.procfs_covered.push_back(mount.point + " (" + mount.type + (mount.read_only ? ", ro)" : ")"));
  }
}

std::vector<std::string> container_marks() {
  std::vector<std::string> out;
  for (const char* path : {"/.dockerenv", "/run/.containerenv"})
    if (::access(path, F_OK) == 0) out.emplace_back(path);
  for (const char* name : {"container", "KUBERNETES_SERVICE_HOST", "NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"})
    if (const char* value = std::getenv(name)) out.push_back(printable(std::string(name) + "=" + value));
  return out;
}

}  // namespace

Machine read_machine() {
  Machine out;
  out.host = read_host();
  utsname names{};
  ::uname(&names);
  out.kernel = printable(names.release);
  out.architecture = printable(names.machine);
  if (const Result<KernelLandlock> kernel = query_honest_kernel(); !kernel.ok()) {
    out.host.kernel.reset();
    out.no_landlock = kernel.error().message;
  }
  out.security_modules = first_line("/sys/kernel/security/lsm");
  const LayerCount around = count_layers();
  out.layers = around.layers;
  out.layers_how = around.how;
  read_status(out);
  if (out.seccomp == 2) out.filtered = filtered_calls();
  out.confined_by = confinement(out.security_modules);
  out.uid = ::geteuid();
  out.gid = ::getegid();
  std::istringstream map(read_text("/proc/self/uid_map"));
  unsigned long inside = 0, outside = 0, count = 0;
  if (map >> inside >> outside >> count)
    out.first_user_namespace = inside == 0 && outside == 0 && count == 0xffffffffUL;
  out.user_namespace = try_user_namespace();
  out.own_procfs = look_at_procfs();
  read_procfs(out);
  std::istringstream groups(read_text("/proc/self/cgroup"));
  for (std::string line; std::getline(groups, line);)
    if (line.starts_with("0::")) out.cgroup = printable(line.substr(3));
  out.container = container_marks();
  read_gpu(out);
  return out;
}

std::vector<std::string> unseen(const Machine& machine) {
  std::vector<std::string> out;
  if (!machine.has_gpu())
    out.emplace_back(
        "no GPU: neither /dev/nvidiactl nor /dev/dxg is here, so the baseline of GPU hosts is not added "
        "(--gpu on adds it) and no step on a node can pass");
  if (machine.driver.empty() && machine.host.gpu != GpuKind::wsl2)
    out.emplace_back(
        "no driver: the kernel has no nvidia module in sight, so its version, MIG and what it answers are "
        "not known");
  if (machine.libcuda.empty())
    out.emplace_back("no libcuda.so.1 where the loader looks: CUDA itself was not called, with a policy or without");
  return out;
}

}  // namespace lockstep::conformance::doctor
