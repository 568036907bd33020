// The files a policy, a host and an administrator's rules are read from: what decodes them opens nothing.
#include <lockstep/context.h>

#include "syntax/document.h"

namespace lockstep {

Result<Policy> load_policy(const std::string& path) {
  LOCKSTEP_ASSIGN(const std::string text, read_input_file(path, policy_size_limit));
  return decode_policy(text, path);
}

Result<std::vector<ConflictRule>> load_conflicts(const std::string& path) {
  LOCKSTEP_ASSIGN(const std::string text, read_input_file(path, policy_size_limit));
  return decode_conflicts(text, path);
}

Result<Host> load_host(const std::string& path) {
  LOCKSTEP_ASSIGN(const std::string text, read_input_file(path, policy_size_limit));
  LOCKSTEP_ASSIGN(Host host, decode_host(text, path));
  if (host.real) complete_from_machine(host);
  return host;
}

}  // namespace lockstep
