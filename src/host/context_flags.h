// The flags of a command line that decide, beside the policy, what is added to it, and the Context that they make.
//
//   ContextFlags flags;
//   LOCKSTEP_ASSIGN(const bool taken, take_context_flag(flag, &flags));    // base/flags.h
//   LOCKSTEP_ASSIGN(const Context context, make_context(flags));           // reads the host, files and CDI specs
#ifndef LOCKSTEP_HOST_CONTEXT_FLAGS_H_
#define LOCKSTEP_HOST_CONTEXT_FLAGS_H_

#include <optional>
#include <string>
#include <vector>

#include <lockstep/context.h>
#include <lockstep/error.h>

#include "base/flags.h"

namespace lockstep {

struct ContextFlags {
  std::string host;  // a host file; empty, or real: this machine
  Toggle gpu = Toggle::automatic;
  Toggle proxy = Toggle::automatic;
  Source source = Source::user;
  std::optional<std::string> workdir;
  std::string conflicts;         // the administrator's file
  std::vector<std::string> cdi;  // CDI specs, or directories of them
  std::string gpu_devices;
};

// All of them, as FlagReader takes what it knows.
std::vector<std::string> context_flags();
// False where the flag is none of them.
Result<bool> take_context_flag(const Flag& flag, ContextFlags* out);
Result<Context> make_context(const ContextFlags& flags);
// The same for enriching one policy, and nothing else: where no baseline can apply, this machine is not read.
Result<Context> make_context(const ContextFlags& flags, const Policy& policy);

}  // namespace lockstep

#endif  // LOCKSTEP_HOST_CONTEXT_FLAGS_H_
