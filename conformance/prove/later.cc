#include "conformance/prove/later.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <set>

#include "base/unique_fd.h"
#include "conformance/prove/prove.h"

namespace lockstep::conformance::prove {
namespace {

// The names that lead to nothing, of the author's own and of the work directory.
std::set<std::string> dangling(const Policies& pair) {
  std::set<std::string> out;
  const auto look = [&](const std::string& path) {
    struct stat st;
    if (::stat(path.c_str(), &st) != 0 && errno == ENOENT) out.insert(path);
  };
  for (const Policy* policy : {&pair.before, &pair.after}) {
    for (const auto* list : {&policy->read_only, &policy->read_write})
      for (const PathEntry& entry : *list) look(entry.path);
    for (const Grant& grant : policy->grants) look(grant.entry.path);
  }
  if (pair.context.workdir) look(*pair.context.workdir);
  return out;
}

// Makes what the name leads to; empty: it cannot be made, or not in the tree.
std::string make_target(const std::string& path) {
  const UniqueFd made(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0777));
  char real[PATH_MAX];
  if (!made || ::realpath(path.c_str(), real) == nullptr) return {};
  if (std::string(real).starts_with(std::string(tree_root) + "/")) return real;
  ::unlink(real);
  return {};
}

}  // namespace

Result<void> judge_later(Observer& observer, const Plan& before, const Plan& after, const Policies& pair,
                         const diff::Diff& diff, Judged* judged) {
  if (diff.stops() || !diff.notes.empty()) return {};
  for (const std::string& path : dangling(pair)) {
    const std::string target = make_target(path);
    if (target.empty()) continue;
    std::vector<Attempt> attempts;
    for (const Operation operation :
         {Operation::open_r, Operation::open_w, Operation::open_rw, Operation::truncate, Operation::exec})
      attempts.push_back({operation, Mode::plain, target, {}, {}, {}, 0, 0});
    LOCKSTEP_ASSIGN(const Observation was, observer.run(attempts, &before));
    LOCKSTEP_ASSIGN(const Observation is, observer.run(attempts, &after));
    if (::unlink(target.c_str()) != 0) return system_error(errno, "unlink(\"" + target + "\")");
    if (!was.refused.empty() || !is.refused.empty()) continue;
    for (std::size_t i = 0; i < attempts.size() && judged->fault > Fault::without_a_note; ++i)
      if (is.level(i) > was.level(i)) {
        judged->fault = Fault::without_a_note;
        judged->words = "the class is " + std::string(diff::name(diff.worst())) + ", without a note; once " + path +
                        " leads to a file, by NEW and not by OLD: " + one_line(attempts[i]);
      }
  }
  return {};
}

}  // namespace lockstep::conformance::prove
