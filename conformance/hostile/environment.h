// A hostile environment: what a program may find around it. It is made for real, in namespaces of its own: nothing of
// the machine changes, and whatever the program leaves behind ends with it.
//
//   Ran ran = run_in(*find_environment("stale-proc"), {"/bin/true"}, options);
//   if (!ran.made) ...            // ran.why: this environment cannot be had here
//   ran.status, ran.out, ran.err  // of the command, which had options.seconds
//
// The command is a child of the first process of a PID namespace, in a mount namespace, with no terminal.
#ifndef LOCKSTEP_CONFORMANCE_HOSTILE_ENVIRONMENT_H_
#define LOCKSTEP_CONFORMANCE_HOSTILE_ENVIRONMENT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep::conformance::hostile {

enum class Proc : std::uint8_t {
  fresh,
  stale,      // the outer PID namespace's, kept
  none,       // an empty directory
  covered,    // an empty tmpfs
  read_only,  // by its superblock
  hides,      // hidepid=2
  traceable,  // hidepid=ptraceable
  only_pids,  // subset=pid
};

enum class Temporary : std::uint8_t {
  usual,
  full,       // no block is free
  no_inodes,  // no name can be made
  read_only,
};

struct Environment {
  std::string name;
  Proc proc = Proc::fresh;
  Temporary temporary = Temporary::usual;
  std::vector<long> denied;  // system calls that a filter answers with `err`
  int err = 0;
  std::vector<int> closed;  // descriptors
  std::string without;      // a program that cannot be executed
  bool signals = false;     // SIGCHLD, SIGPIPE and SIGHUP ignored, every other signal blocked
  int descriptors = 0;      // RLIMIT_NOFILE, where not 0
};

const std::vector<Environment>& all_environments();
const Environment* find_environment(std::string_view name);

struct RunOptions {
  bool as_user = false;  // root alone can: an ordinary user is one already
  int seconds = 60;
  std::string directory;  // an empty one, every identity's, for the command's TMPDIR and output
};

struct Ran {
  bool made = false;
  std::string why;  // not made: what is missing here
  bool in_time = false;
  int status = 0;  // wait status
  double seconds = 0;
  std::string out, err;  // what it wrote
};

Ran run_in(const Environment& environment, const std::vector<std::string>& command, const RunOptions& options);

}  // namespace lockstep::conformance::hostile

#endif  // LOCKSTEP_CONFORMANCE_HOSTILE_ENVIRONMENT_H_
