#include "conformance/prove/pair.h"

namespace lockstep::conformance::prove {
namespace {

std::string absolute(const std::string& path, const std::string& root) {
  if (path == ".") return root;
  return path.starts_with('/') ? path : root + "/" + path;
}

std::string list(const std::vector<std::string>& paths, const std::string& root) {
  std::string out;
  for (const std::string& path : paths) out += (out.empty() ? "" : ", ") + absolute(path, root);
  return "[" + out + "]";
}

}  // namespace

std::string policy_text(const fuzz::PolicySpec& spec, const std::string& root) {
  std::string out = "version: 1\nfilesystem_policy:\n";
  out += std::string("  include_workdir: ") + (spec.workdir.empty() ? "false" : "true") + "\n";
  out += "  read_only: " + list(spec.read_only, root) + "\n  read_write: " + list(spec.read_write, root) + "\n";
  if (!spec.grants.empty()) out += "  grants:\n";
  for (const fuzz::RuleSpec& grant : spec.grants)
    out += "    - {path: " + absolute(grant.path, root) + ", access: [" + join_names(grant.rights, ", ") + "]}\n";
  return out + "landlock: {compatibility: " + (spec.hard ? "hard_requirement" : "best_effort") +
         ", min_abi: " + std::to_string(spec.min_abi) + "}\n";
}

bool is_pair(const fuzz::FuzzCase& fuzz_case) {
  return fuzz_case.layers.size() == 2 && fuzz_case.layers[0].policy && fuzz_case.layers[1].policy;
}

Result<Policies> policies_of(const fuzz::FuzzCase& pair, const std::string& root) {
  if (!is_pair(pair)) return input_error("", 0, "a pair has two policies for layers");
  const fuzz::PolicySpec &before = *pair.layers[0].policy, &after = *pair.layers[1].policy;
  Policies out;
  LOCKSTEP_ASSIGN(out.before, decode_policy(policy_text(before, root), "before.yaml"));
  LOCKSTEP_ASSIGN(out.after, decode_policy(policy_text(after, root), "after.yaml"));
  out.context.host.real = true;
  out.context.gpu = Toggle::off;
  out.context.proxy = Toggle::off;
  const std::string& workdir = before.workdir.empty() ? after.workdir : before.workdir;
  if (!workdir.empty()) out.context.workdir = absolute(workdir, root);
  return out;
}

Result<diff::Diff> answer(const Policies& pair) {
  diff::Options options;
  options.situations = {{"this machine", pair.context}};
  options.by_object = true;
  return diff::compare(pair.before, pair.after, std::move(options));
}

}  // namespace lockstep::conformance::prove
