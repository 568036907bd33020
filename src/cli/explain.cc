// lockstep explain: the model's answer to one operation, and the rule that decides.
#include <cerrno>
#include <charconv>
#include <map>

#include "cli/cli.h"
#include "enforce/count_layers.h"
#include "host/own_procfs.h"
#include "model/loaders.h"
#include "model/model.h"
#include "model/read_walk.h"
#include "paths/leads.h"

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

struct Answer {
  std::string text;
  bool allowed = false;
};

// The operation and what it is asked about, as the command line says.
struct Question {
  Operation operation = Operation::stat;
  std::vector<std::string> paths;
  std::uint16_t port = 0;
};

Result<Question> read_question(const Arguments& arguments) {
  const std::string& word = arguments.rest[1];
  const std::optional<Operation> operation = operation_from_name(word);
  if (!operation) return usage_error("no operation is called " + printable(word));
  if (*operation == Operation::cu_init)
    return usage_error("cu-init is many operations: ask about each, or run lockstep-conformance --policy");
  Question out;
  out.operation = *operation;
  const Operand takes = *operation == Operation::comm_open ? Operand::path : operand(*operation);
  const std::size_t paths = takes == Operand::two_paths ? 2 : takes == Operand::path ? 1 : 0;
  if (arguments.rest.size() != 2 + (takes == Operand::port ? 1 : paths))
    return usage_error(word + " takes " +
                       (takes == Operand::port ? "a port"
                        : paths == 2           ? "two paths"
                        : paths == 1           ? "one path"
                                               : "nothing"));
  for (std::size_t i = 2; i < arguments.rest.size(); ++i) {
    const std::string& given = arguments.rest[i];
    if (takes == Operand::port) {
      const auto [end, ec] = std::from_chars(given.data(), given.data() + given.size(), out.port);
      if (ec != std::errc() || end != given.data() + given.size())
        return usage_error("write a port from 0 to 65535, not " + printable(given));
    } else if (!given.starts_with('/')) {
      return usage_error("write an absolute path, not " + printable(given));
    } else {
      out.paths.push_back(given);
    }
  }
  return out;
}

// What the paths lead to: on this machine as the kernel follows them, on a simulated host as its file says.
class Places {
 public:
  explicit Places(const Host& host) : host_(host), names_(host), spelled_(host) {}

  // How the path leads; where it ends behind a link of procfs to what one process has, nobody can say from here.
  paths::Lead lead(const Question& question, std::size_t index) {
    return paths::follow(question.paths[index], names_, follows_last_symlink(question.operation));
  }

  model::Walk rule(const EffectiveRule& rule) {
    if (host_.real) return real_walk(rule.path, true);
    const std::string at = paths::follow(rule.path, names_).path;
    model::Walk out = spelled_.walk(at, false);
    if (!host_.exists(at) && !is_below(at, "/proc")) out.error = ENOENT;
    return out;
  }

  // A path asked about. What a simulated host does not list is taken to be there, or it could be asked about nothing.
  model::Walk asked(const Question& question, std::size_t index, const paths::Lead& lead) {
    const std::string& path = question.paths[index];
    const bool makes = makes_path(question.operation, index);
    if (!lead.links.empty())
      notes_ += printable(path) + " leads to " + printable(lead.path) + " " + paths::said(lead) + ".\n";
    if (host_.real) {
      model::Walk out = real_walk(path, follows_last_symlink(question.operation));
      if (out.error == 0 && out.missing && !makes) out.error = ENOENT;
      return out;
    }
    model::Walk out = spelled_.walk(lead.path, makes);
    if (lead.endless) out.error = ELOOP;
    if (makes || host_.exists(lead.path)) return out;
    const auto [type, word] = wants_directory(question.operation) ? std::pair{model::FileType::directory, "directory"}
                              : question.operation == Operation::connect_unix
                                  ? std::pair{model::FileType::socket, "socket"}
                                  : std::pair{model::FileType::regular, "regular file"};
    out.objects[0].type = type;
    notes_ += printable(path) + " is not in the host file: taken as a " + word + " that exists.\n";
    return out;
  }

  // What execve(2) of the path opens beside it.
  std::vector<model::Walk> loaders(const std::string& program, std::vector<std::string>* paths) {
    if (!host_.real) {
      notes_ +=
          "Of its interpreter or loader a host file says nothing: each must be granted read_file and execute as "
          "well.\n";
      return {};
    }
    model::Loaders found = model::read_loaders(program);
    if (!found.unknown.empty())
      unknown_ = found.unknown + (found.error == 0
                                      ? ""
                                      : " (" + errno_name(found.error) + "): execve(2) fails whatever the policy" +
                                            (found.error == ENOEXEC ? ", and a shell or execvp(3) then "
                                                                      "gives the file to /bin/sh"
                                                                    : ""));
    std::vector<model::Walk> out;
    for (const std::string& path : found.paths) {
      out.push_back(real_walk(path, true));
      if (out.back().error == 0 && out.back().missing) out.back().error = ENOENT;
      if (out.back().error != 0)
        unknown_ = printable(path) + ", which is executed with it, cannot be looked up (" +
                   errno_name(out.back().error) + "): execve(2) fails whatever the policy";
    }
    *paths = std::move(found.paths);
    return out;
  }

  const std::string& notes() const { return notes_; }
  // Why what execve(2) opens is not known to the end; empty: it is.
  const std::string& unknown() const { return unknown_; }

 private:
  const Host& host_;
  paths::Names names_;
  SpelledView spelled_;
  std::string notes_;
  std::string unknown_;
};

// A link of procfs to what one process has leads somewhere else in the workload than in this program.
std::optional<Answer> of_another_process(const std::string& path, const paths::Lead& lead) {
  if (lead.process == nullptr && lead.other_root.empty()) return std::nullopt;
  const std::string where =
      lead.process != nullptr ? std::string(lead.process->leads_to) : "the root directory of one process";
  return Answer{"undecided: " + printable(path) + " leads to " + where +
                    ", and this program is not the workload: ask about the path that it leads to there\n",
                false};
}

std::string layers_around() {
  const LayerCount around = count_layers();
  if (!around.layers || *around.layers == 0) return {};
  return "warning: " + std::to_string(*around.layers) +
         (*around.layers == 1 ? " Landlock layer is" : " Landlock layers are") +
         " around this process already: what they deny stays denied under any policy, and is not in the answer.\n";
}

Result<Answer> explain(const Arguments& arguments) {
  LOCKSTEP_ASSIGN(EffectivePolicy effective, load_effective(arguments.rest[0], arguments.context));
  warn_of_procfs(&effective);
  LOCKSTEP_ASSIGN(const Question question, read_question(arguments));
  LOCKSTEP_ASSIGN(const int abi, plan_abi(arguments));
  LOCKSTEP_ASSIGN(const Plan plan,
                  compile(effective, abi));  // a policy that is refused at this ABI allows nothing, and nothing runs

  const Host& host = arguments.context.host;
  model::Kernel kernel;
  kernel.abi = abi;
  kernel.kernel_abi = host.kernel ? host.kernel->abi : abi;
  if (kernel.kernel_abi < abi) kernel.kernel_abi = abi;  // asked about a kernel to come
  kernel.errata = host.kernel ? host.kernel->errata : 0;
  model::Model model(kernel);
  Places places(host);
  std::vector<model::Walk> rules;
  for (const EffectiveRule& rule : effective.rules) rules.push_back(places.rule(rule));
  model.add_layer(effective, rules);

  std::vector<model::Walk> walks;
  for (std::size_t i = 0; i < question.paths.size(); ++i) {
    const paths::Lead lead = places.lead(question, i);
    if (std::optional<Answer> elsewhere = of_another_process(question.paths[i], lead)) return *elsewhere;
    walks.push_back(places.asked(question, i, lead));
    if (walks.back().error == EIO && look_at_procfs().kind != ProcfsKind::own)
      return Answer{"undecided: " + printable(question.paths[i]) +
                        " cannot be looked up, which takes /proc: " + look_at_procfs().why + "\n",
                    false};
    if (walks.back().error != 0)
      return Answer{"undecided: " + printable(question.paths[i]) + " cannot be looked up (" +
                        errno_name(walks.back().error) + "): Landlock is not asked\n",
                    false};
  }
  std::vector<std::string> loader_paths;
  std::vector<model::Walk> loaders;
  if (question.operation == Operation::exec) loaders = places.loaders(question.paths[0], &loader_paths);
  model::Query query;
  query.operation = question.operation;
  query.mode = question.operation == Operation::comm_open ? Mode::rdwr : Mode::plain;
  query.first = walks.empty() ? nullptr : &walks[0];
  query.second = walks.size() < 2 ? nullptr : &walks[1];
  query.port = question.port;
  query.loaders = &loaders;
  const model::Decision decision = model.decide(query);
  // What is denied before that is denied all the same.
  if (decision.err == 0 && !places.unknown().empty())
    return Answer{"undecided: " + printable(question.paths[0]) +
                      " may be executed, but not all that is opened with it is known: " + places.unknown() + "\n",
                  false};

  std::string out = decision.err == 0 ? "allow" : "deny " + errno_name(decision.err);
  out += " ";
  for (std::size_t i = 1; i < arguments.rest.size(); ++i) out += " " + printable(arguments.rest[i]);
  out += "  at ABI " + std::to_string(abi) + "\n";
  const std::string grants = decision.err == 0 ? model.granted_by(query, decision) : "";
  out += (grants.empty() ? model.describe(decision) : "allowed: " + grants) + "\n";
  if (decision.loader >= 0)
    out += "The program itself is allowed; what is denied is " +
           printable(loader_paths[static_cast<std::size_t>(decision.loader)]) + ", which is executed with it.\n";
  if (question.paths.empty())
    return Answer{out + "The model's answer; the other side is taken to stand outside the restriction.\n",
                  decision.err == 0};
  out += places.notes();
  for (const Notice& notice : effective.notices)
    if (notice.code == "procfs-unpinned") out += "warning: " + notice.message + "\n";
  if (host.real) out += layers_around();
  out +=
      host.real
          ? "The model's answer for this machine's files; file permissions and other security modules are not in it.\n"
          : "The model's answer for a simulated host: links as the host file has them, and no mounts.\n";
  return Answer{out, decision.err == 0};
}

}  // namespace

int run_explain(int argc, char** argv) {
  const Result<Arguments> arguments = parse_arguments(argc, argv, {}, false);
  if (!arguments.ok()) return complain(arguments.error());
  if (arguments->help) {
    std::string operations;
    for (int i = 0; i < operation_count; ++i)
      operations += (i % 10 == 0 ? "\n  " : " ") + std::string(name(static_cast<Operation>(i)));
    return print(
        "usage: lockstep explain POLICY CONTEXT [--abi N|native] OPERATION [PATH [PATH] | PORT]\n\n"
        "Whether Landlock would allow it under the policy, by the model, and the rules that decide.\nOPERATION is one "
        "of" +
        operations + "\n\nexit: 0 allowed; 1 denied, or undecided; 2 bad input\n\n" + context_help);
  }
  if (arguments->rest.size() < 2) return complain(usage_error("explain takes POLICY OPERATION, and a path or a port"));
  const Result<Answer> answer = explain(*arguments);
  if (!answer.ok()) return complain(answer.error());
  const int code = print(answer->text);
  return code != 0 ? code : answer->allowed ? 0 : 1;
}

}  // namespace lockstep::cli
