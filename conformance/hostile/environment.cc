#include "conformance/hostile/environment.h"

#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace lockstep::conformance::hostile {
namespace {

struct Call {
  const char* name;
  std::vector<long> numbers;
};

std::vector<Environment> make_all() {
  std::vector<Environment> out;
  const auto add = [&](const std::string& name) -> Environment& {
    out.emplace_back().name = name;
    return out.back();
  };
  add("usual");  // nothing is in the way: what fails here is a fault of the run itself
  add("stale-proc").proc = Proc::stale;
  add("no-proc").proc = Proc::none;
  add("proc-covered").proc = Proc::covered;
  add("proc-read-only").proc = Proc::read_only;
  add("proc-hidepid-2").proc = Proc::hides;
  add("proc-hidepid-4").proc = Proc::traceable;
  add("proc-subset-pid").proc = Proc::only_pids;
  const std::vector<Call> calls = {{"memfd_create", {SYS_memfd_create}},
                                   {"execveat", {SYS_execveat}},
                                   {"pidfd_open", {SYS_pidfd_open}},
                                   {"ptrace", {SYS_ptrace}},
                                   {"unshare", {SYS_unshare}},
                                   {"mount", {SYS_mount}},
                                   {"clone3", {SYS_clone3}}};
  std::vector<long> together;
  for (const Call& call : calls) together.insert(together.end(), call.numbers.begin(), call.numbers.end());
  for (const auto& [word, err] : {std::pair{"EPERM", EPERM}, std::pair{"ENOSYS", ENOSYS}}) {
    for (const Call& call : calls) {
      Environment& each = add(std::string(call.name) + "-" + word);
      each.denied = call.numbers;
      each.err = err;
    }
    Environment& all = add(std::string("all-seven-") + word);
    all.denied = together;
    all.err = err;
  }
  Environment& alone = add("fork-EAGAIN");
  alone.denied = {SYS_clone, SYS_clone3};
#ifdef SYS_fork
  alone.denied.insert(alone.denied.end(), {SYS_fork, SYS_vfork});
#endif
  alone.err = EAGAIN;
  add("tmp-full").temporary = Temporary::full;
  add("tmp-no-inodes").temporary = Temporary::no_inodes;
  add("tmp-read-only").temporary = Temporary::read_only;
  add("no-tar").without = "tar";
  add("closed-0").closed = {0};
  add("closed-1").closed = {1};
  add("closed-2").closed = {2};
  add("closed-all").closed = {0, 1, 2};
  add("signals").signals = true;
  add("few-descriptors").descriptors = 12;
  return out;
}

}  // namespace

const std::vector<Environment>& all_environments() {
  static const std::vector<Environment> all = make_all();
  return all;
}

const Environment* find_environment(std::string_view name) {
  const std::vector<Environment>& all = all_environments();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Environment& each) { return each.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace lockstep::conformance::hostile
