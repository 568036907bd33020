// lockstep show: the policy in force, and where each rule comes from.
#include "policy/show.h"

#include "cli/cli.h"

namespace lockstep::cli {

int run_show(int argc, char** argv) {
  const Result<Arguments> arguments = parse_arguments(argc, argv, {"text", "json", "yaml"}, false);
  if (!arguments.ok()) return complain(arguments.error());
  if (arguments->help)
    return print(std::string("usage: lockstep show POLICY CONTEXT [--abi N|native] [--format text|json|yaml]\n\n"
                             "The policy after the baseline was added and conflicts were settled, and its plan for one ABI.\n"
                             "Nothing is allowed at run time that is not shown here.\n\n") + context_help);
  if (arguments->rest.size() != 1) return complain(usage_error("show takes one POLICY"));
  Result<EffectivePolicy> effective = load_effective(arguments->rest[0], arguments->context);
  if (!effective.ok()) return complain(effective.error());
  warn_of_procfs(&*effective);
  if (arguments->format == "yaml") return print(show_yaml(*effective));
  const Result<int> abi = plan_abi(*arguments);
  if (!abi.ok()) return complain(abi.error());
  const Result<Plan> plan = compile(*effective, *abi);
  if (!plan.ok()) return complain(plan.error());
  return print(arguments->format == "json" ? show_json(*effective, *plan) : show_text(*effective, *plan));
}

}  // namespace lockstep::cli
