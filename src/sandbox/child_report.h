// What the child of spawn() says to its parent, through a pipe: one report, and one number where the command was not
// executed after all.
//
//   if (!send_restricted(opened, known, fd)) ...      // the child; or send_failure(error, fd)
//   if (!send_end({Ending::exec_failed, errno}, fd))  // allocates nothing
//
//   LOCKSTEP_CHECK(read_report(fd, spawned));         // the parent
//   const std::optional<Ended> ended = read_end(fd);  // nothing: the child has executed the command, or was killed
//
// Both ends are this very program, and nobody else writes: numbers as they lie in memory, texts by their length.
#ifndef LOCKSTEP_SANDBOX_CHILD_REPORT_H_
#define LOCKSTEP_SANDBOX_CHILD_REPORT_H_

#include <optional>

#include <lockstep/sandbox.h>

#include "sandbox/opened_policy.h"

namespace lockstep {

enum class Ending : int { no_memory = 1, exception, exec_failed };
struct Ended {
  Ending why;
  int err = 0;
};

bool send_failure(const Error& error, int fd);
// What the opening of the paths added to what the parent knows: the notices from `known` on.
bool send_restricted(const OpenedPolicy& opened, std::size_t known, int fd);
bool send_end(Ended ended, int fd) noexcept;

Result<void> read_report(int fd, Spawned& out);
std::optional<Ended> read_end(int fd) noexcept;
Error error_of(Ended ended, const std::string& command);

}  // namespace lockstep

#endif  // LOCKSTEP_SANDBOX_CHILD_REPORT_H_
