#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <set>

#include <lockstep/abi.h>

#include "base/executable.h"
#include "cli/cli.h"
#include "host/choose_devices.h"
#include "host/read_host.h"
#include "syntax/suggest.h"

namespace lockstep::cli {
namespace {

Result<Toggle> toggle(const std::string& flag, const std::string& value) {
  if (value == "auto") return Toggle::automatic;
  if (value == "on") return Toggle::on;
  if (value == "off") return Toggle::off;
  return usage_error(flag + " takes auto, on or off, not " + printable(value));
}

Result<int> abi_number(const std::string& value) {
  int abi = 0;
  if (value == "native") return 0;
  const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), abi);
  if (ec != std::errc() || end != value.data() + value.size() || abi < oldest_abi || abi > newest_abi)
    return usage_error("--abi takes native or a number from 1 to " + std::to_string(newest_abi) +
                       ", the newest that is known here; native is " + std::to_string(newest_abi) +
                       " on a newer kernel too; not " + printable(value));
  return abi;
}

// An error where the flag is neither one of CONTEXT nor of the subcommand.
Result<void> check_flag(const std::string& flag, const std::vector<std::string>& formats,
                        const std::vector<std::string>& own) {
  std::vector<std::string_view> known = {"--host",      "--gpu", "--proxy",       "--source", "--workdir",
                                         "--conflicts", "--cdi", "--gpu-devices", "--abi"};
  if (!formats.empty()) known.emplace_back("--format");
  for (const std::string& each : own) known.push_back(std::string_view(each).substr(0, each.find('=')));
  if (std::find(known.begin(), known.end(), flag) != known.end()) return {};
  return usage_error("unknown flag " + printable(flag) + did_you_mean(suggestion(flag, known)));
}

Result<void> set_flag(const std::string& flag, const std::string& value, const std::vector<std::string>& formats,
                      bool* has_host, Arguments* out) {
  Context& context = out->context;
  if (flag == "--host") {
    if (value == "real") {
      context.host = read_host();
    } else {
      LOCKSTEP_ASSIGN(context.host, load_host(value));
      if (context.host.real) complete_from_machine(context.host);
    }
    *has_host = true;
  } else if (flag == "--gpu") {
    LOCKSTEP_ASSIGN(context.gpu, toggle(flag, value));
  } else if (flag == "--proxy") {
    LOCKSTEP_ASSIGN(context.proxy, toggle(flag, value));
  } else if (flag == "--source") {
    const std::optional<Source> source = source_from_name(value);
    if (!source) return usage_error("--source takes default, gateway, image or user, not " + printable(value));
    context.source = *source;
  } else if (flag == "--workdir") {
    if (!value.starts_with('/'))
      return usage_error("--workdir takes an absolute path, not \"" + printable(value) + "\"");
    context.workdir = value;
  } else if (flag == "--conflicts") {
    LOCKSTEP_ASSIGN(context.administrator_conflicts, load_conflicts(value));
  } else if (flag == "--cdi") {
    out->cdi.push_back(value);
  } else if (flag == "--gpu-devices") {
    if (value.empty()) return usage_error("--gpu-devices takes all, or names separated by commas");
    out->gpu_devices = value;
  } else if (flag == "--abi") {
    LOCKSTEP_ASSIGN(out->abi, abi_number(value));
  } else {  // --format
    if (std::find(formats.begin(), formats.end(), value) == formats.end()) {
      std::string known;
      for (const std::string& each : formats) known += (known.empty() ? "" : ", ") + each;
      return usage_error("--format takes " + known + ", not " + printable(value));
    }
    out->format = value;
  }
  return {};
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
  Arguments out;
  bool has_host = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") {
      out.has_command = true;
      for (++i; i < argc; ++i) out.command.emplace_back(argv[i]);
      break;
    }
    if (word == "--help" || word == "-h") {
      out.help = true;
      return out;
    }
    if (word == "--allow-unsandboxed" && executes) {
      out.allow_unsandboxed = true;
      continue;
    }
    if (!word.starts_with("-") || word == "-") {
      out.rest.push_back(word);
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string flag = word.substr(0, equals);
    LOCKSTEP_CHECK(check_flag(flag, formats, own));
    if (!out.given.insert(flag).second && flag != "--cdi") return usage_error(printable(flag) + " is given twice");
    if (equals == std::string::npos && std::find(own.begin(), own.end(), flag) != own.end()) {
      out.own[flag] = "";
      continue;
    }
    if (equals == std::string::npos && i + 1 >= argc) return usage_error(printable(flag) + " needs a value");
    const std::string value = equals == std::string::npos ? argv[++i] : word.substr(equals + 1);
    if (std::find(own.begin(), own.end(), flag + "=") != own.end()) {
      out.own[flag] = value;
      continue;
    }
    LOCKSTEP_CHECK(set_flag(flag, value, formats, &has_host, &out));
  }
  if (out.has_command && !executes) return usage_error("-- is for lockstep exec alone");
  if (!has_host) out.context.host = read_host();
  if (!out.cdi.empty() || !out.gpu_devices.empty())
    LOCKSTEP_CHECK(choose_devices(out.cdi, out.gpu_devices, &out.context));
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
  LOCKSTEP_ASSIGN(EffectivePolicy effective, enrich(decoded, context));
  note_idle_workdir(decoded, context, &effective);
  return effective;
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

Error usage_error(std::string message) {
  return {ErrorKind::input, 0, std::move(message) + " (see --help)", {}, 0};
}

int exec_companion(const char* program, int argc, char** argv) {
  const std::string directory = executable_directory();
  std::vector<char*> arguments(argv, argv + argc);
  arguments.push_back(nullptr);
  const std::string path = directory + program;
  ::execv(path.c_str(), arguments.data());
  if (errno != ENOENT) return complain(system_error(errno, "execve(\"" + printable(path) + "\")"));
  // 3 would say that this machine cannot: it is the installation that is not whole.
  return complain(internal_error(std::string(program) + " is not in " + printable(directory) + ": build that target"));
}

int complain(const Error& error) {
  std::fprintf(stderr, "lockstep: %s\n", error.to_string().c_str());
  // 1 is a disagreement; a system call that failed is none.
  return error.kind == ErrorKind::system ? static_cast<int>(ErrorKind::internal) : error.exit_code();
}

int print(const std::string& text) {
  const bool ok = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return ok ? 0
            : complain(
                  Error{ErrorKind::internal, errno, "standard output cannot be written: " + errno_name(errno), {}, 0});
}

}  // namespace lockstep::cli
