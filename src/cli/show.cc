// lockstep show: the policy in force, and where each rule comes from.
#include "render/show.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "cli/cli.h"
#include "compiled/compiled_plan.h"
#include "lint/lint.h"
#include "render/openshell.h"

namespace lockstep::cli {
namespace {

// The policy knows spellings alone; on this machine it can be said already which of the author's paths prepare will not
// find.
void note_missing_paths(EffectivePolicy& effective) {
  const bool refuses = effective.compatibility == Compatibility::hard_requirement;
  for (const EffectiveRule& rule : effective.rules) {
    if (rule.line == 0 || ::access(rule.path.c_str(), F_OK) == 0 || errno != ENOENT) continue;
    effective.notices.push_back(
        {Notice::Level::warning, "path-missing", rule.path,
         printable(rule.path) + " does not exist on this machine: " +
             (refuses ? "hard_requirement refuses the policy here" : "nothing below it is granted")});
  }
}

// A plan is for the machine on which it is made: of another nobody could say when its plan is no longer true.
Result<Plan> compile_for_this_machine(const Arguments& arguments, const EffectivePolicy& effective) {
  if (!arguments.context.host.real)
    return input_error(arguments.context.host.file, 0,
                       "a plan is compiled on the machine that it is for: take --host out");
  LOCKSTEP_ASSIGN(const int abi, plan_abi(arguments));
  return compile(effective, abi);
}

int show_plan(const Arguments& arguments, const EffectivePolicy& effective) {
  const Result<Plan> plan = compile_for_this_machine(arguments, effective);
  if (!plan.ok()) return complain(plan.error());
  const Result<std::string> bytes =
      encode({effective.file, effective.run_as_user, effective.run_as_group, notices(effective), {*plan}});
  if (!bytes.ok()) return complain(bytes.error());
  const int code = print(*bytes);
  if (code != 0) return code;
  const auto added =
      std::count_if(plan->rules.begin(), plan->rules.end(), [](const PlanRule& rule) { return rule.from_baseline; });
  std::fprintf(stderr,
               "lockstep: notice: frozen for ABI %d and this machine: %zu rules, %zu of them added by a baseline or by "
               "CDI; a later change of the policy, of CDI specs or of the machine does not reach this plan\n",
               plan->abi, plan->rules.size(), static_cast<std::size_t>(added));
  return 0;
}

}  // namespace

int run_show(int argc, char** argv) {
  const Result<Arguments> arguments = parse_arguments(argc, argv, {"text", "json", "yaml", "openshell", "plan"}, false);
  if (!arguments.ok()) return complain(arguments.error());
  if (arguments->help)
    return print(
        std::string(
            "usage: lockstep show POLICY CONTEXT [--abi N|native] [--format text|json|yaml|openshell|plan]\n\n"
            "The policy after the baseline was added and conflicts were settled, and its plan for one ABI.\n"
            "Nothing is allowed at run time that is not shown here. yaml is the policy in force as a policy "
            "file; openshell the same in\n"
            "OpenShell's two lists alone, with what those cannot say left out and named. plan is for lockstep exec "
            "--plan: what the\n"
            "policy, CONTEXT and this machine say now is frozen in it; what stands at a path, and whom "
            "run_as_user names, is not.\n\n") +
        context_help);
  if (arguments->rest.size() != 1) return complain(usage_error("show takes one POLICY"));
  const Result<Policy> policy = load_policy(arguments->rest[0]);
  if (!policy.ok()) return complain(policy.error());
  Result<EffectivePolicy> effective = enrich(*policy, arguments->context);
  if (!effective.ok()) return complain(effective.error());
  if (arguments->context.host.real && arguments->format != "plan") {  // exec says of paths what it finds
    note_missing_paths(*effective);
    if (std::string unknown = lint::unknown_user(*policy); !unknown.empty())
      effective->warnings.push_back({policy->run_as_user_line, std::move(unknown)});
  }
  note_idle_workdir(*policy, arguments->context, &*effective);
  if (arguments->format == "plan") return show_plan(*arguments, *effective);
  warn_of_procfs(&*effective);
  if (arguments->format == "yaml") return print(render::show_yaml(*effective));
  if (arguments->format == "openshell") {
    const Result<render::TwoLists> lists = render::as_two_lists(*effective);
    return lists.ok() ? print(lists->text) : complain(lists.error());
  }
  const Result<int> abi = plan_abi(*arguments);
  if (!abi.ok()) return complain(abi.error());
  const Result<Plan> plan = compile(*effective, *abi);
  if (!plan.ok()) return complain(plan.error());
  return print(arguments->format == "json" ? render::show_json(*effective, *plan)
                                           : render::show_text(*effective, *plan));
}

}  // namespace lockstep::cli
