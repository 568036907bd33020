// The whole of embedding, as somebody else would write it. scripts/consumers builds it in each way there is, and runs it.
#include <cerrno>
#include <cstdio>
#include <string>

#include <lockstep/sandbox.h>

#include "base/unique_fd.h"

namespace {

lockstep::Result<lockstep::Enforcement> enter(const std::string& policy_file) {
  LOCKSTEP_ASSIGN(const lockstep::Policy policy, lockstep::load_policy(policy_file));
  LOCKSTEP_ASSIGN(lockstep::Sandbox sandbox, lockstep::Sandbox::open(policy, {lockstep::this_machine()}));
  for (const lockstep::Notice& each : sandbox.notices()) std::fprintf(stderr, "%s\n", each.message.c_str());
  return sandbox.restrict_self();
}

}  // namespace

int main(int argc, char** argv) {
  // Fine under the consumer's own warnings, and an error under ours: none of those may come with the library.
  int arguments = 1L * argc;
  if (arguments != 2) return 2;
  const lockstep::Result<lockstep::Enforcement> done = enter(argv[1]);
  if (!done) return std::fprintf(stderr, "%s\n", done.error().to_string().c_str()), done.error().exit_code();
  const bool denied = std::fopen("/proc/self/status", "r") == nullptr && errno == EACCES;
  std::printf("%s at ABI %d, /proc is %s; %s\n", std::string(name(done->level)).c_str(), done->abi,
              denied ? "denied" : "NOT denied", consumer_own);
  return denied ? 0 : 1;
}
