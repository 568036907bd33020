// lockstep lint: the traps of policies.
#include <algorithm>
#include <cstdio>

#include <lockstep/abi.h>

#include "cli/cli.h"
#include "lint/fix.h"
#include "render/render_lint.h"
#include "syntax/document.h"

namespace lockstep::cli {
namespace {

constexpr char usage[] =
    "usage: lockstep lint POLICY... [CONTEXT] [FLAGS]\n\n"
    "What decodes and runs, and is not what its author meant. Links, missing paths and objects are looked up "
    "on --host, without it on\n"
    "this machine; CUDA's start is judged on --host where it has a GPU, else on a GPU host that lacks "
    "nothing.\n"
    "  --fix                  print what can be put right without a change of meaning as a patch: lockstep "
    "lint --fix p.yaml | patch p.yaml\n"
    "  --only ID,...          look for these alone\n"
    "  --ignore ID,...        do not look for these\n"
    "  --list                 every trap: id, severity, whether --fix knows it, what it is\n"
    "  --format text|json|sarif\n"
    "exit: 0 nothing found (notes do not count); 1 something is, with --fix too; 2 bad input\n\n"
    "--abi N is here the oldest ABI that the policy will meet; default 2.\n\n";

Result<std::vector<std::string>> ids(const Arguments& arguments, const char* flag) {
  std::vector<std::string> out;
  const auto given = arguments.own.find(flag);
  if (given == arguments.own.end()) return out;
  for (std::size_t at = 0; at <= given->second.size();) {
    const std::size_t end = std::min(given->second.find(',', at), given->second.size());
    const std::string id = given->second.substr(at, end - at);
    const auto traps = lint::traps();
    if (std::none_of(traps.begin(), traps.end(), [&](const lint::Trap& trap) { return trap.id == id; }))
      return usage_error(std::string(flag) + ": no trap is called \"" + shortened(id) + "\": see lockstep lint --list");
    out.push_back(id);
    at = end + 1;
  }
  return out;
}

struct Read {
  std::string text;
  Policy policy;
};

Result<Read> read(const std::string& file) {
  Read out;
  LOCKSTEP_ASSIGN(out.text, read_input_file(file, policy_size_limit));
  LOCKSTEP_ASSIGN(out.policy, decode_policy(out.text, file));
  return out;
}

}  // namespace

int run_lint(int argc, char** argv) {
  const Result<Arguments> arguments =
      parse_arguments(argc, argv, {"text", "json", "sarif"}, false, {"--fix", "--only=", "--ignore=", "--list"});
  if (!arguments.ok()) return complain(arguments.error());
  if (arguments->help) return print(std::string(usage) + context_help);
  const bool fixes = arguments->own.contains("--fix"), lists = arguments->own.contains("--list");
  if (lists && (fixes || !arguments->rest.empty() || arguments->format == "sarif"))
    return complain(usage_error("--list takes no policy, no --fix and no SARIF"));
  if (lists) return print(render::trap_list(arguments->format == "json"));
  if (arguments->rest.empty()) return complain(usage_error("lint takes at least one POLICY"));
  if (fixes && arguments->format != "text") return complain(usage_error("--fix prints a patch: it has no --format"));
  if (std::count(arguments->rest.begin(), arguments->rest.end(), "-") > (fixes ? 0 : 1))
    return complain(
        usage_error(fixes ? "--fix needs a file to patch, not standard input" : "standard input can be read once"));
  lint::LintOptions options;
  options.context = arguments->context;
  options.host_given = arguments->given.contains("--host");
  if (arguments->abi != 0) options.oldest_abi = arguments->abi;
  for (const auto& [flag, list] : {std::pair{"--only", &options.only}, std::pair{"--ignore", &options.ignore}}) {
    Result<std::vector<std::string>> named = ids(*arguments, flag);
    if (!named.ok()) return complain(named.error());
    *list = std::move(named).value();
  }
  std::vector<render::Linted> all;
  std::string patches;
  std::vector<Error> untouched;
  std::vector<std::string> without_patch;
  for (const std::string& file : arguments->rest) {
    const Result<Read> input = read(file);
    if (!input.ok()) return complain(input.error());
    Result<std::vector<lint::Finding>> findings = lint::lint(input->policy, options);
    if (!findings.ok()) return complain(findings.error());
    if (fixes) {
      const Result<lint::Fix> fix = lint::fix_findings(input->text, input->policy, *findings, options.context);
      if (!fix.ok()) return complain(fix.error());
      patches += fix->patch;
      if (const auto count = std::count_if(findings->begin(), findings->end(),
                                           [](const lint::Finding& each) { return !each.fixable; });
          count > 0)
        without_patch.push_back(input->policy.file + ": " + std::to_string(count) +
                                (count == 1 ? " finding has" : " findings have") +
                                " no patch: lockstep lint without --fix says what to write");
      for (const lint::Untouched& each : fix->untouched)
        untouched.push_back(input_error(file, each.finding.line,
                                        "not touched (" + each.finding.id + "): " + printable(each.finding.path) +
                                            ": " + each.why + "; " + each.finding.fix));
    }
    all.push_back({input->policy.file, std::move(findings).value()});
  }
  for (const Error& each : untouched) complain(each);
  for (const std::string& each : without_patch) std::fprintf(stderr, "lockstep: %s\n", printable(each).c_str());
  const int code = print(fixes                          ? patches
                         : arguments->format == "json"  ? render::lint_json(all)
                         : arguments->format == "sarif" ? render::lint_sarif(all)
                                                        : render::lint_text(all));
  return code != 0 ? code : render::counts(all) ? 1 : 0;
}

}  // namespace lockstep::cli
