// lockstep explain: the model's answer to one operation, and the rule that decides.
#include <cerrno>
#include <charconv>
#include <map>

#include "cli/cli.h"
#include "model/model.h"
#include "model/read_walk.h"

namespace lockstep::cli {
namespace {

// On a simulated host there are only spellings: every prefix of a path is an object of its own.
class SpelledView {
 public:
  explicit SpelledView(const Host& host) : host_(host) {}
  model::Walk walk(const std::string& path, bool missing) {
    model::Walk out;
    std::string at = normalise_path(path);
    out.missing = missing && !host_.exists(at);
    if (out.missing) at = parent(at);
    for (; at != "/"; at = parent(at)) out.objects.push_back(object(at));
    out.objects.push_back(object("/"));
    return out;
  }

 private:
  static std::string parent(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
  }
  model::Object object(const std::string& path) {
    const std::uint64_t ino = ids_.emplace(path, ids_.size() + 1).first->second;
    model::FileType type = model::FileType::directory;
    for (const HostEntry& entry : host_.present) {
      if (entry.path != path) continue;
      if (entry.kind == NodeKind::file) type = model::FileType::regular;
      if (entry.kind == NodeKind::character) type = model::FileType::character;
      if (entry.kind == NodeKind::socket) type = model::FileType::socket;
    }
    return {1, ino, type};
  }
  const Host& host_;
  std::map<std::string, std::uint64_t> ids_;
};

// Whether the path need not be there, for the operation makes it; else it works on an object.
bool makes_path(Operation operation, std::size_t index) {
  return index == 1 ? operation != Operation::exchange : makes_name(operation);
}

model::Walk real_walk(const std::string& path, bool follow) {
  model::RawWalk raw;
  model::read_walk(path.c_str(), follow, &raw);
  return model::to_walk(raw);
}

Result<std::string> explain(const Arguments& arguments) {
  LOCKSTEP_ASSIGN(EffectivePolicy effective, load_effective(arguments.rest[0], arguments.context));
  warn_of_procfs(&effective);
  const std::optional<Operation> operation = operation_from_name(arguments.rest[1]);
  if (!operation) return usage_error("no operation is called " + printable(arguments.rest[1]));
  if (*operation == Operation::cu_init)
    return usage_error("cu-init is many operations: ask about each, or run lockstep-conformance --policy");
  const Operand takes = *operation == Operation::comm_open ? Operand::path : operand(*operation);
  const std::size_t paths = takes == Operand::two_paths ? 2 : takes == Operand::path ? 1 : 0;
  if (arguments.rest.size() != 2 + (takes == Operand::port ? 1 : paths))
    return usage_error(arguments.rest[1] + " takes " + (takes == Operand::port ? "a port" : paths == 2 ? "two paths" : paths == 1 ? "one path" : "nothing"));
  std::uint16_t port = 0;
  for (std::size_t i = 2; i < arguments.rest.size(); ++i) {
    const std::string& word = arguments.rest[i];
    if (takes == Operand::port) {
      const auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), port);
      if (ec != std::errc() || end != word.data() + word.size()) return usage_error("write a port from 0 to 65535, not " + printable(word));
    } else if (!word.starts_with('/')) {
      return usage_error("write an absolute path, not " + printable(word));
    }
  }
  LOCKSTEP_ASSIGN(const int abi, plan_abi(arguments));
  LOCKSTEP_ASSIGN(const Plan plan, compile(effective, abi));  // a policy that is refused at this ABI allows nothing, and nothing runs

  const bool real = arguments.context.host.real;
  SpelledView spelled(arguments.context.host);
  std::string assumed;
  // A path asked about. What a simulated host does not list is taken to be there, or it could be asked about nothing.
  const auto asked = [&](std::size_t index, bool follow) {
    const std::string& path = arguments.rest[2 + index];
    const bool makes = makes_path(*operation, index);
    model::Walk out = real ? real_walk(path, follow) : spelled.walk(path, makes);
    if (real && out.error == 0 && out.missing && !makes) out.error = ENOENT;
    if (real || makes || arguments.context.host.exists(normalise_path(path))) return out;
    const auto [type, word] = wants_directory(*operation)                ? std::pair{model::FileType::directory, "directory"}
                              : *operation == Operation::connect_unix ? std::pair{model::FileType::socket, "socket"}
                                                                      : std::pair{model::FileType::regular, "regular file"};
    out.objects[0].type = type;
    assumed += printable(path) + " is not in the host file: taken as a " + word + " that exists.\n";
    return out;
  };
  model::Kernel kernel;
  kernel.abi = abi;
  kernel.kernel_abi = arguments.context.host.kernel ? arguments.context.host.kernel->abi : abi;
  if (kernel.kernel_abi < abi) kernel.kernel_abi = abi;  // asked about a kernel to come
  kernel.errata = arguments.context.host.kernel ? arguments.context.host.kernel->errata : 0;
  model::Model model(kernel);
  std::vector<model::Walk> rules;
  for (const EffectiveRule& rule : effective.rules) {
    rules.push_back(real ? real_walk(rule.path, true) : spelled.walk(rule.path, false));
    if (!real && !arguments.context.host.exists(rule.path) && !rule.path.starts_with("/proc")) rules.back().error = ENOENT;
  }
  model.add_layer(effective, rules);
  const bool follow = follows_last_symlink(*operation);
  const model::Walk first = paths > 0 ? asked(0, follow) : model::Walk();
  const model::Walk second = paths == 2 ? asked(1, follow) : model::Walk();
  model::Query query;
  query.operation = *operation;
  query.mode = *operation == Operation::comm_open ? Mode::rdwr : Mode::plain;
  query.first = &first;
  query.second = &second;
  query.port = port;
  for (std::size_t i = 0; i < paths; ++i)
    if (const int err = (i == 0 ? first : second).error; err != 0)
      return "undecided: " + printable(arguments.rest[2 + i]) + " cannot be looked up (" + errno_name(err) + "): Landlock is not asked\n";
  const model::Decision decision = model.decide(query);
  std::string out = decision.err == 0 ? "allow" : "deny " + errno_name(decision.err);
  out += " ";
  for (std::size_t i = 1; i < arguments.rest.size(); ++i) out += " " + printable(arguments.rest[i]);
  out += "  at ABI " + std::to_string(abi) + "\n" + model.describe(decision) + "\n";
  if (paths == 0) return out + "The model's answer; the other side is taken to stand outside the restriction.\n";
  out += assumed;
  for (const Notice& notice : effective.notices)
    if (notice.code == "procfs-unpinned") out += "warning: " + notice.message + "\n";
  out += real ? "The model's answer for this machine's files; file permissions and other security modules are not in it.\n"
              : "The model's answer for a simulated host: paths as they are spelt, no links and no mounts.\n";
  return out;
}

}  // namespace

int run_explain(int argc, char** argv) {
  const Result<Arguments> arguments = parse_arguments(argc, argv, {}, false);
  if (!arguments.ok()) return complain(arguments.error());
  if (arguments->help) {
    std::string operations;
    for (int i = 0; i < operation_count; ++i) operations += (i % 10 == 0 ? "\n  " : " ") + std::string(name(static_cast<Operation>(i)));
    return print("usage: lockstep explain POLICY CONTEXT [--abi N|native] OPERATION [PATH [PATH] | PORT]\n\n"
                 "Whether Landlock would allow it under the policy, by the model, and the rule that decides.\nOPERATION is one of" +
                 operations + "\n\n" + context_help);
  }
  if (arguments->rest.size() < 2) return complain(usage_error("explain takes POLICY OPERATION, and a path or a port"));
  const Result<std::string> answer = explain(*arguments);
  return answer.ok() ? print(*answer) : complain(answer.error());
}

}  // namespace lockstep::cli
