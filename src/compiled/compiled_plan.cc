#include "compiled/compiled_plan.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "compiled/plan_fields.h"
#include "policy/check.h"

namespace lockstep {
namespace bytes {

template <typename Archive>
void fields(Archive& archive, Notice& notice) {
  auto& [level, code, path, message] = notice;
  enumeration(archive, level, Notice::Level::warning);
  archive.text(code);
  archive.text(path);
  archive.text(message);
}

template <typename Archive>
void fields(Archive& archive, CompiledPlan& compiled) {
  auto& [policy, run_as_user, run_as_group, notices, layers] = compiled;
  archive.text(policy);
  archive.text(run_as_user);
  archive.text(run_as_group);
  archive.list(notices, [&](Notice& notice) { fields(archive, notice); });
  archive.list(layers, [&](Plan& plan) { fields(archive, plan); });
}

}  // namespace bytes

namespace {

constexpr std::string_view magic = "lockstep.plan/1\n", family = "lockstep.plan/";

struct Head {
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
};

// FNV-1a: each byte maps the states one to one, so that no two texts that differ in one byte have the same.
std::uint64_t checksum_of(std::string_view text) {
  std::uint64_t out = 0xcbf29ce484222325;
  for (const char c : text) out = (out ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return out;
}

// What no policy compiles to; empty: one does. Paths are checked as those of a policy are, for who wrote them may be another.
std::string fault_of(const PlanRule& rule, const Plan& plan, const AbiInfo& info) {
  const auto on = [&](const char* before, const char* behind) { return before + printable(rule.path) + behind; };
  if (const std::string_view fault = fault_of_path(rule.path); !fault.empty())
    return on("the path \"", "\" ") + std::string(fault);
  if (rule.rights.empty() || !plan.handled.contains(rule.rights))
    return on("the rule on ", " has no right, or one that is not restricted");
  if (rule.path == "/" && !access_read_only.contains(rule.rights))
    return "the root directory cannot be granted for writing";
  if (rule.quiet && !info.quiet) return on("the rule on ", " is quiet, and its ABI knows no such rule");
  return {};
}

std::string fault_of(const Plan& plan) {
  const AbiInfo* info = abi_info(plan.abi);
  if (info == nullptr) return "there is no ABI " + std::to_string(plan.abi);
  if (plan.handled != info->fs) return "it does not restrict every right on files of its ABI";
  if (!info->net.contains(plan.handled_net) || !info->scope.contains(plan.scoped) || !info->flags.contains(plan.log))
    return "it restricts or logs what its ABI does not know";
  if (plan.log.intersects(RestrictFlag::tsync) || plan.log.intersects(RestrictFlag::no_new_privs))
    return "it has a flag that is not of the log";
  if (plan.rules.empty()) return "it has no rule";
  for (const PlanRule& rule : plan.rules)
    if (std::string fault = fault_of(rule, plan, *info); !fault.empty()) return fault;
  for (std::size_t i = 1; i < plan.rules.size(); ++i)
    if (plan.rules[i - 1].path >= plan.rules[i].path) return "its rules are not sorted by path, one a path";
  for (const PortRule& rule : plan.ports)
    if (!plan.handled_net.contains(rule.right)) return "a port is allowed for a right that is not restricted";
  for (std::size_t i = 1; i < plan.ports.size(); ++i)
    if (plan.ports[i - 1] >= plan.ports[i]) return "its ports are not sorted, or one is there twice";
  return {};
}

std::string fault_of(const CompiledPlan& compiled) {
  for (const std::string* each : {&compiled.run_as_user, &compiled.run_as_group})
    if (each->find('\0') != std::string::npos) return "run_as_user or run_as_group has a NUL in it";
  if (compiled.layers.empty()) return "it has no layer";
  for (const Plan& plan : compiled.layers)
    if (std::string fault = fault_of(plan); !fault.empty()) return fault;
  return {};
}

Error bad_byte(const std::string& name, std::size_t at, const std::string& message) {
  return input_error(name, 0, "byte " + std::to_string(at) + ": " + message);
}

// Of the bytes behind the head.
Result<CompiledPlan> decode_body(std::string_view body, const std::string& name, std::size_t first) {
  bytes::Reader reader(body);
  CompiledPlan out;
  fields(reader, out);
  if (!reader.done()) return bad_byte(name, first + reader.refused_at(), "this is nothing that a plan holds here");
  if (const std::string fault = fault_of(out); !fault.empty()) return input_error(name, 0, fault);
  return out;
}

}  // namespace

Result<std::string> encode(const CompiledPlan& compiled) {
  bytes::Writer writer;
  // The field lists are shared with decoding, which needs what is no constant; a Writer changes nothing.
  fields(writer, const_cast<CompiledPlan&>(compiled));
  if (writer.bytes.size() > compiled_plan_size_limit / 2)
    return input_error(compiled.policy, 0, "the policy is too large for a compiled plan");
  const Result<CompiledPlan> again = decode_body(writer.bytes, compiled.policy, 0);
  if (!again.ok())
    return input_error(compiled.policy, 0, "no compiled plan can hold this policy: " + again.error().message);
  const Head head{writer.bytes.size(), checksum_of(writer.bytes)};
  std::string out(magic);
  out.append(reinterpret_cast<const char*>(&head), sizeof(head));
  return out + writer.bytes;
}

namespace {

Result<CompiledPlan> decode(std::string_view text, const std::string& name) {
  if (!text.starts_with(magic))
    return input_error(name, 0,
                       text.starts_with(family) ? "a compiled plan of another version of lockstep"
                                                : "no compiled plan, and lockstep exec takes a policy without --plan");
  constexpr std::size_t first = magic.size() + sizeof(Head);
  Head head;
  if (text.size() < first) return bad_byte(name, text.size(), "the file ends here, before the plan begins");
  std::memcpy(&head, text.data() + magic.size(), sizeof(head));
  const std::string_view body = text.substr(first);
  if (body.size() != head.size)
    return bad_byte(name, body.size() < head.size ? text.size() : first + head.size,
                    body.size() < head.size ? "the file ends here, and the plan does not"
                                            : "the plan ends here, and the file does not");
  if (checksum_of(body) != head.checksum)
    return bad_byte(name, magic.size() + sizeof(head.size), "the checksum is not that of the plan, which was damaged");
  return decode_body(body, name, first);
}

}  // namespace

Result<CompiledPlan> decode_compiled_plan(std::string_view text, const std::string& name) {
  Result<CompiledPlan> out = decode(text, name);
  if (!out.ok()) out.error().message += ": compile it anew (lockstep show POLICY --format plan)";
  return out;
}

}  // namespace lockstep
