#include "cli/cli.h"

#include <algorithm>

#include <lockstep/abi.h>

#include "base/installation.h"
#include "cli/exec_command.h"

namespace lockstep::cli {
namespace {

Result<EffectivePolicy> enrich_and_note(const Policy& policy, const Context& context) {
  LOCKSTEP_ASSIGN(EffectivePolicy effective, enrich(policy, context));
  note_idle_workdir(policy, context, &effective);
  return effective;
}

Result<void> check_format(const std::string& value, const std::vector<std::string>& formats) {
  if (std::find(formats.begin(), formats.end(), value) != formats.end()) return {};
  std::string known;
  for (const std::string& each : formats) known += (known.empty() ? "" : ", ") + each;
  return usage_error("--format takes " + known + ", not " + printable(value));
}

}  // namespace

const char context_help[] =
    "CONTEXT decides, beside the policy, what is added to it:\n"
    "  --host FILE|real      a host file (lockstep.host/1); without it, and with real, this machine\n"
    "  --gpu auto|on|off     the GPU baseline; auto: /dev/nvidiactl or /dev/dxg exists\n"
    "  --proxy auto|on|off   the proxy baseline; auto: network_policies is not empty\n"
    "  --source WHO          default, gateway, image or user: who supplied the policy\n"
    "  --workdir DIR         what include_workdir grants\n"
    "  --conflicts FILE      the administrator's runtime_baseline_conflicts, asked before the policy's own\n"
    "  --cdi FILE|DIR        CDI specs, in place of every GPU of the host; a later directory stands over an earlier "
    "one, as\n"
    "                        /var/run/cdi over /etc/cdi\n"
    "  --gpu-devices LIST    all (GPUs of one kind), or those named: 0,2 or a UUID of a spec, or vendor/class=name; "
    "without a spec by number\n"
    "  --abi N|native        the Landlock ABI to plan for\n";

Result<Arguments> parse_arguments(int argc, char** argv, const std::vector<std::string>& formats, bool executes,
                                  const std::vector<std::string>& own) {
  std::vector<std::string> known = context_flags();
  known.insert(known.end(), own.begin(), own.end());
  known.insert(known.end(), {"--abi=", "--"});
  if (!formats.empty()) known.emplace_back("--format=");
  if (executes) known.emplace_back("--allow-unsandboxed*");
  FlagReader reader(argc, argv, std::move(known));
  Arguments out;
  while (reader.more()) {
    LOCKSTEP_ASSIGN(const Flag flag, reader.next());
    LOCKSTEP_ASSIGN(const bool of_context, take_context_flag(flag, &out.flags));
    if (!flag.name.empty()) out.given.insert(flag.name);
    if (flag.name == "--help") {
      out.help = true;
      return out;
    }
    if (flag.name.empty()) {
      out.rest.push_back(flag.value);
    } else if (flag.name == "--") {
      out.has_command = true;
      out.command = reader.rest();
    } else if (flag.name == "--allow-unsandboxed") {
      out.allow_unsandboxed = true;
    } else if (flag.name == "--abi") {
      LOCKSTEP_ASSIGN(out.abi, read_abi(flag.value));
    } else if (flag.name == "--format") {
      LOCKSTEP_CHECK(check_format(flag.value, formats));
      out.format = flag.value;
    } else if (!of_context) {
      out.own[flag.name] = flag.value;
    }
  }
  if (out.has_command && !executes) return usage_error("-- is for lockstep exec alone");
  if (!executes) {
    LOCKSTEP_ASSIGN(out.context, make_context(out.flags));
  }
  return out;
}

Result<int> plan_abi(const Arguments& arguments) {
  if (arguments.abi != 0) return arguments.abi;
  if (arguments.context.host.kernel) {
    const int abi = arguments.context.host.kernel->abi;
    if (abi < oldest_abi)
      return unsupported_error(
          0, printable(arguments.context.host.file) + ": that host has no Landlock; ask with --abi N");
    return std::min(abi, newest_abi);  // a newer kernel still has every right we know
  }
  LOCKSTEP_ASSIGN(const KernelLandlock kernel, query_kernel());
  return std::min(kernel.abi, newest_abi);
}

Result<EffectivePolicy> load_effective(const std::string& policy, const Context& context) {
  LOCKSTEP_ASSIGN(const Policy decoded, load_policy(policy));
  return enrich_and_note(decoded, context);
}

Result<EffectivePolicy> load_effective(const std::string& policy, const ContextFlags& flags) {
  LOCKSTEP_ASSIGN(const Policy decoded, load_policy(policy));
  LOCKSTEP_ASSIGN(const Context context, make_context(flags, decoded));
  return enrich_and_note(decoded, context);
}

void note_idle_workdir(const Policy& policy, const Context& context, EffectivePolicy* effective) {
  if (policy.filesystem_line == 0 || !policy.include_workdir || context.workdir) return;
  effective->notices.push_back(
      {Notice::Level::info, "workdir-not-given", "", "include_workdir grants nothing: no --workdir was given"});
}

void warn_of_procfs(EffectivePolicy* effective) {
  std::string last;
  for (const EffectiveRule& rule : effective->rules) {
    if (!rule.path.starts_with("/proc/") || rule.path == last) continue;
    last = rule.path;
    effective->notices.push_back(
        {Notice::Level::warning, "procfs-unpinned", rule.path,
         printable(rule.path) +
             " lies below /proc: the rule is lost when the kernel reclaims the entry, unless the entry is kept "
             "open; lockstep exec does that, another program must, or grant /proc instead"});
  }
}

}  // namespace lockstep::cli
