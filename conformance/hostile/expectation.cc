#include "conformance/hostile/expectation.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>

namespace lockstep::conformance::hostile {
namespace {

struct Line {
  std::string_view program;      // "*": every one
  std::string_view environment;  // a '*' at the end: every one that begins so
  Who who;
  std::vector<int> codes;
  std::string_view reason;
};

// First match wins.
const std::vector<Line>& lines() {
  using enum Who;
  static const std::vector<Line> all = {
      // exec needs none of what is taken away here, but a second process for its proof and for a rule below
      // /proc.
      {"exec*", "fork-EAGAIN", anybody, {125}, "clone("},
      {"exec*", "*", anybody, {0}, ""},

      // No row without the processes of its own: nothing could be ended, and the canary proves nothing.
      {"*", "stale-proc", anybody, {3}, "stale-procfs"},
      {"*", "no-proc", anybody, {3}, "none-procfs"},
      {"*", "proc-covered", anybody, {3}, "none-procfs"},

      // Nothing below /proc can be written, and an ordinary user's namespace takes that.
      {"suite", "proc-read-only", anybody, {0, 3}, "EROFS"},
      {"fuzz", "proc-read-only", user, {3}, "namespace"},
      {"kit", "proc-read-only", anybody, {0, 3}, "EROFS"},

      {"suite", "clone3-EPERM", anybody, {0, 3}, "EPERM"},
      {"kit", "clone3-EPERM", anybody, {0, 3}, ""},
      // Simulated rows are skipped; the run is green where enough is left.
      {"suite", "unshare-*", anybody, {0, 3}, "namespace"},
      {"suite", "mount-*", anybody, {0, 3}, "namespace"},
      {"suite", "all-seven-*", anybody, {0, 3}, "namespace"},
      {"kit", "unshare-*", anybody, {0, 3}, ""},
      {"kit", "mount-*", anybody, {0, 3}, ""},
      {"kit", "all-seven-*", anybody, {0, 3}, ""},
      // The reports cannot be written.
      {"kit", "tmp-*", anybody, {2, 4}, ""},
      {"kit", "no-tar", anybody, {4}, "tar"},
      {"kit", "closed-*", anybody, {0, 4}, ""},

      {"kit", "fork-EAGAIN", anybody, {4}, "fork"},

      {"trace", "ptrace-*", anybody, {3}, "ptrace"},
      {"trace", "all-seven-*", anybody, {3}, "ptrace"},

      {"fuzz", "memfd_create-*", anybody, {3}, "memfd_create"},
      {"fuzz", "clone3-EPERM", anybody, {3}, "thread"},
      {"fuzz", "unshare-*", anybody, {3}, "namespace"},
      {"fuzz", "mount-*", anybody, {3}, "mount"},
      {"fuzz", "all-seven-*", anybody, {3}, ""},

      {"*", "fork-EAGAIN", anybody, {4}, "EAGAIN"},

      {"trace", "tmp-*", anybody, {0}, ""},
      {"*", "tmp-*", anybody, {2}, "TMPDIR"},

      // What was found cannot be said.
      {"*", "closed-1", anybody, {4}, "EBADF"},
      {"*", "closed-all", anybody, {4}, ""},
      {"*", "few-descriptors", anybody, {0, 3, 4}, "EMFILE"},
  };
  return all;
}

bool fits(std::string_view pattern, std::string_view name) {
  return pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1)) : name == pattern;
}

}  // namespace

Expectation expected_of(std::string_view program, std::string_view environment, bool as_user) {
  for (const Line& line : lines()) {
    const bool who = line.who == Who::anybody || (line.who == Who::user) == as_user;
    if (who && fits(line.program, program) && fits(line.environment, environment))
      return {line.codes, std::string(line.reason)};
  }
  return {};
}

std::string what_is_wrong(const Environment& environment, const Expectation& expected, const Ran& ran) {
  if (!ran.in_time) return "it did not end in time";
  if (WIFSIGNALED(ran.status)) return "it was ended by signal " + std::to_string(WTERMSIG(ran.status));
  const int code = WEXITSTATUS(ran.status);
  if (std::find(expected.codes.begin(), expected.codes.end(), code) == expected.codes.end())
    return "this code is not right here";
  const bool mute = std::find(environment.closed.begin(), environment.closed.end(), 2) != environment.closed.end();
  if (code != 0 && !mute && (ran.out + ran.err).find(expected.reason) == std::string::npos)
    return "it does not say \"" + expected.reason + "\"";
  return "";
}

}  // namespace lockstep::conformance::hostile
