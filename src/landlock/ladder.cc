#include "landlock/ladder.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include <lockstep/abi.h>

#include "base/fork.h"
#include "base/unique_fd.h"
#include "landlock/uapi.h"

namespace lockstep {
namespace {

// What an ABI has and the one before has not, by the table.
template <typename Set>
Set added(int abi, Set AbiInfo::*set) {
  const AbiInfo* before = abi_info(abi - 1);
  return before == nullptr ? abi_info(abi)->*set : abi_info(abi)->*set - before->*set;
}

// Wrong bits are EINVAL, or E2BIG where the kernel's structure ends before them.
std::optional<bool> takes_ruleset(const uapi::RulesetAttr& attr, std::size_t size) {
  const UniqueFd fd(static_cast<int>(uapi::create_ruleset(&attr, size, 0)));
  if (fd) return true;
  if (errno == EINVAL || errno == E2BIG) return false;
  return std::nullopt;
}

// Without a rule set nothing is restricted: a flag that is known gets as far as the descriptor that is
// missing.
std::optional<bool> takes_flags(RestrictFlags flags) {
  if (uapi::restrict_self(-1, static_cast<std::uint32_t>(flags.bits())) == 0) return std::nullopt;
  if (errno == EBADF) return true;
  if (errno == EINVAL) return false;
  return std::nullopt;
}

// The first ABI whose answer is not what the number says; 0: none.
int first_lie(int claimed) {
  for (const AbiInfo& info : abi_table())
    if (const std::optional<bool> taken = takes_abi(info.abi); taken && *taken != (info.abi <= claimed))
      return info.abi;
  return 0;
}

Result<void> judge(int claimed, int lie) {
  if (lie == 0) return {};
  const std::string number = std::to_string(lie);
  return unsupported_error(0, "this kernel says that it has Landlock's ABI " + std::to_string(claimed) +
                                  (lie > claimed ? ", and takes what only ABI " + number + " has"
                                                 : ", and refuses what ABI " + number + " has") +
                                  " (" + std::string(abi_info(lie)->added) + "): what it says is not true, and " +
                                  filter_answers);
}

}  // namespace

std::optional<bool> takes_abi(int abi) {
  const AbiInfo* info = abi_info(abi);
  if (info == nullptr) return std::nullopt;
  uapi::RulesetAttr attr;
  attr.handled_access_fs = added(abi, &AbiInfo::fs).bits();
  attr.handled_access_net = added(abi, &AbiInfo::net).bits();
  attr.scoped = added(abi, &AbiInfo::scope).bits();
  if ((attr.handled_access_fs | attr.handled_access_net | attr.scoped) != 0)
    return takes_ruleset(attr, info->attr_size);
  return takes_flags(added(abi, &AbiInfo::flags));
}

Result<void> check_ladder(const KernelLandlock& kernel) {
  return judge(kernel.abi, first_lie(kernel.abi));
}

Result<void> check_ladder_in_child(const KernelLandlock& kernel) {
  const pid_t child = fork_process();
  if (child < 0) return call_error();
  if (child == 0)
    run_child([&] {
      ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
      return first_lie(kernel.abi);
    });
  int status = 0;
  if (!wait_for(child, &status)) return call_error("waitpid()");
  if (!WIFEXITED(status) || WEXITSTATUS(status) > newest_abi)
    return internal_error("the child that asks the kernel for its ABIs was ended");
  return judge(kernel.abi, WEXITSTATUS(status));
}

Result<KernelLandlock> query_honest_kernel() {
  LOCKSTEP_ASSIGN(const KernelLandlock kernel, query_kernel());
  LOCKSTEP_CHECK(check_ladder_in_child(kernel));
  return kernel;
}

}  // namespace lockstep
