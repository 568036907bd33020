#include "enforce/canary.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <lockstep/kernel.h>

#include "base/fork.h"
#include "base/unique_fd.h"
#include "landlock/ladder.h"

namespace lockstep {
namespace {

// A root directory that is a directory of a mount like others has parents, whose rules would reach it: a
// plain chroot.
bool root_has_no_parent() {
  struct statx st {};
  return ::statx(AT_FDCWD, "/", 0, 0, &st) == 0 && (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// It ends at once, and stays to be asked about until it is waited for: a signal to end it would be denied by
// a policy's scope.
int end_at_once(void*) {
  return 0;
}

}  // namespace

Canary::~Canary() {
  if (sibling_ > 0) (void)wait_for(sibling_, nullptr, unseen);
}

// As vfork() does it, but without a signal at its end: nobody is told of it, and a SIGCHLD that is ignored does not
// take it away. Newer kernels remember of a process that has ended whether it was dumpable: it is, for as long as it
// lives.
Result<void> Canary::make_sibling() {
  alignas(64) std::array<char, 16 * 1024> stack;  // this thread waits until the child has done with it
  // The kernel refuses these flags to everybody. A filter that answers 0 instead would send this process the way of its
  // child.
  if (::syscall(SYS_clone, CLONE_THREAD, nullptr, nullptr, nullptr, nullptr) == 0) {
    errno = EPROTO;
    return call_error("clone()");
  }
  const bool hidden = ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1;
  if (hidden) ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  sibling_ = ::clone(end_at_once, stack.data() + stack.size(), CLONE_VM | CLONE_VFORK, nullptr);
  const int err = errno;
  if (hidden) ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (sibling_ < 0)
    return system_error(
        err, "to prove the restriction takes a second process for a moment, and none can be made: clone(CLONE_VM)");
  link_ = "/proc/" + std::to_string(sibling_) + "/ns/pid";
  return {};
}

int Canary::ask(Question question) const {
  char text[8];
  void* head = nullptr;
  std::size_t length = 0;
  switch (question) {
    case Question::list_root: {
      const UniqueFd root(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      return root ? 0 : errno;
    }
    case Question::trace_sibling:
      return ::syscall(SYS_get_robust_list, sibling_, &head, &length) == 0 ? 0 : errno;
    case Question::see_sibling:
      return ::readlink(link_.c_str(), text, sizeof(text)) > 0 ? 0 : errno;
    case Question::none:
      break;
  }
  return ENOSYS;
}

Result<void> Canary::set(const Prepared& prepared) {
  if (!prepared.may_list_root && root_has_no_parent() && ask(Question::list_root) == 0) {
    question_ = Question::list_root;
    return {};
  }
  LOCKSTEP_CHECK(make_sibling());
  for (Question question : {Question::trace_sibling, Question::see_sibling}) {
    if (ask(question) != 0) continue;
    question_ = question;
    return {};
  }
  return system_error(ask(Question::trace_sibling),
                      "the restriction could not be proved, so it is not tried: get_robust_list() of an own process");
}

Result<void> Canary::prove() const {
  const int err = ask(question_);
  if (err == (question_ == Question::trace_sibling ? EPERM : EACCES)) return {};
  const std::string what =
      question_ == Question::list_root ? "the root directory can be listed" : "a process outside can be traced";
  return internal_error("landlock_restrict_self() said that this process is restricted, and it is not: " + what +
                        " as before (" + errno_name(err) + "); " + filter_answers);
}

}  // namespace lockstep
