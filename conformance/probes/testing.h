// For the tests of the probes: a scratch tree, a slot in shared memory, and children under a real rule set.
//
//   Scratch scratch;  SharedSlot slot(1);
//   EXPECT_EQ(in_child([&] { restrict_to(all_rights, {}); run_probe(probe, &slot->cells[0]); }), 42);
//
// Built on the system calls alone, so that a fault of the enforcement library cannot hide one of the probes.
#ifndef LOCKSTEP_CONFORMANCE_PROBES_TESTING_H_
#define LOCKSTEP_CONFORMANCE_PROBES_TESTING_H_

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <lockstep/access_set.h>

#include "base/unique_fd.h"
#include "conformance/probes/probe.h"
#include "landlock/uapi.h"
#include "testing/temporary_directory.h"

namespace lockstep::conformance::probes {

class Scratch : public testing::TemporaryDirectory {
 public:
  explicit Scratch(mode_t mode = 0700) : TemporaryDirectory(mode, "/tmp") {}  // the name of a socket holds 107 bytes
  std::string file(const std::string& name, mode_t mode = 0777) const {
    UniqueFd fd(::open(at(name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (::write(fd.get(), "................", 16) != 16) std::abort();
    return at(name);
  }
  std::string directory(const std::string& name) const {
    if (::mkdir(at(name).c_str(), 0777) != 0) std::abort();
    return at(name);
  }
};

// In a memfd, as in the harness: the exec actor maps it again.
class SharedSlot {
 public:
  explicit SharedSlot(std::uint32_t cells, std::uint32_t walks = 0)
      : fd(::memfd_create("slot", MFD_CLOEXEC)), bytes_(wire::Slot::bytes(cells, walks)) {
    if (::ftruncate(fd.get(), static_cast<off_t>(bytes_)) != 0) std::abort();
    memory_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (memory_ == MAP_FAILED) std::abort();
    slot = wire::Slot::at(memory_, cells, walks);
    slot.header->walks = walks;
  }
  SharedSlot(const SharedSlot&) = delete;
  SharedSlot& operator=(const SharedSlot&) = delete;
  ~SharedSlot() { ::munmap(memory_, bytes_); }
  wire::Slot* operator->() { return &slot; }

  UniqueFd fd;
  wire::Slot slot;

 private:
  std::size_t bytes_;
  void* memory_;
};

// Its exit status, 42 where `work` came to its end; minus the signal that ended it.
inline int in_child(const std::function<void()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    work();
    ::_exit(42);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct Grant {
  const char* path;
  AccessSet rights;
};

inline const AccessSet all_rights = AccessSet::from_bits(0xffff);  // as of ABI 5

// Restricts the calling process; exits with 1 where the kernel does not take it.
inline void restrict_to(AccessSet handled, const std::vector<Grant>& grants) {
  uapi::RulesetAttr attr;
  attr.handled_access_fs = handled.bits();
  const int ruleset = static_cast<int>(uapi::create_ruleset(&attr, 8, 0));
  if (ruleset < 0) ::_exit(1);
  for (const Grant& grant : grants) {
    UniqueFd fd(::open(grant.path, O_PATH | O_CLOEXEC));
    uapi::PathBeneathAttr rule;
    rule.allowed_access = grant.rights.bits();
    rule.parent_fd = fd.get();
    if (uapi::add_rule(ruleset, uapi::rule_path_beneath, &rule, 0) != 0) ::_exit(1);
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || uapi::restrict_self(ruleset, 0) != 0) ::_exit(1);
  ::close(ruleset);
}

}  // namespace lockstep::conformance::probes

#endif  // LOCKSTEP_CONFORMANCE_PROBES_TESTING_H_
