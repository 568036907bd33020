// lockstep diff: what a change of policy gives and takes.
#include <algorithm>
#include <filesystem>

#include "cli/cli.h"
#include "review/accept.h"
#include "review/render.h"

namespace lockstep::cli {
namespace {

constexpr char usage[] =
    "usage: lockstep diff OLD NEW [FLAGS]\n\n"
    "The effective rights that NEW gains and loses against OLD, on every host it may meet, whatever baseline is added there.\n"
    "  --hosts DIR         the host files to compare on; default: those of the fixtures\n"
    "  --host FILE|real    this host alone; real: this machine, and paths are compared as objects\n"
    "  --proxy, --source, --gpu, --workdir, --conflicts, --abi N    narrow what is compared, or decide what is added: see lockstep show --help\n"
    "  --as-written        without any baseline\n"
    "  --snapshots         OLD and NEW are files of lockstep show --format json: what was in force, nothing is added\n"
    "  --allow FILE        accepted changes: path and rights, or a setting, each with a reason and the day it expires\n"
    "  --verify            also proves every change on this kernel, by lockstep-conformance\n"
    "  --format text|json|markdown|github|sarif\n"
    "exit: 0 nothing is widened or weakened, or it is accepted; 1 something is; 2 bad input\n";

// Beside the executable's folder where both were carried, else where they were built from.
std::string default_hosts() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    const std::filesystem::path carried = self.parent_path().parent_path() / "fixtures" / "hosts";
    if (std::filesystem::is_directory(carried, error)) return carried.string();
  }
  return LOCKSTEP_FIXTURES "/hosts";
}

Result<std::vector<review::Situation>> situations_of(const Arguments& arguments, const Policy& before, const Policy& after) {
  std::vector<Host> hosts;
  if (arguments.given.contains("--host")) {
    hosts.push_back(arguments.context.host);
  } else {
    LOCKSTEP_ASSIGN(hosts, review::load_hosts(arguments.own.contains("--hosts") ? arguments.own.at("--hosts") : default_hosts()));
  }
  if (arguments.own.contains("--as-written")) {
    review::Situation only;
    only.host = "every host";
    only.context = arguments.context;
    only.context.host = Host();
    only.as_written = true;
    return std::vector<review::Situation>{only};
  }
  std::vector<review::Situation> out;
  for (review::Situation& each : review::all_situations(hosts, before, after)) {
    if (arguments.given.contains("--source")) each.context.source = arguments.context.source;
    if (arguments.given.contains("--proxy")) each.context.proxy = arguments.context.proxy;
    each.context.gpu = arguments.context.gpu;
    // What include_workdir would grant, under a name that no path of a policy has.
    each.context.workdir = arguments.context.workdir ? arguments.context.workdir : "/(the work directory)";
    each.context.administrator_conflicts = arguments.context.administrator_conflicts;
    const bool same = std::any_of(out.begin(), out.end(), [&](const review::Situation& other) {
      return other.host == each.host && other.context.source == each.context.source && other.context.proxy == each.context.proxy;
    });
    if (!same) out.push_back(std::move(each));
  }
  return out;
}

Result<review::Diff> compared(const Arguments& arguments) {
  const std::string &before = arguments.rest[0], &after = arguments.rest[1];
  if (arguments.own.contains("--snapshots")) {
    LOCKSTEP_ASSIGN(const EffectivePolicy old_policy, review::load_snapshot(before));
    LOCKSTEP_ASSIGN(const EffectivePolicy new_policy, review::load_snapshot(after));
    return review::compare_snapshots(old_policy, new_policy, arguments.abi);
  }
  if (before == "-" && after == "-") return usage_error("one of OLD and NEW alone can be standard input");
  LOCKSTEP_ASSIGN(const Policy old_policy, load_policy(before));
  LOCKSTEP_ASSIGN(const Policy new_policy, load_policy(after));
  review::Options options;
  LOCKSTEP_ASSIGN(options.situations, situations_of(arguments, old_policy, new_policy));
  options.abi = arguments.abi;
  options.by_object = arguments.given.contains("--host") && arguments.context.host.real && !arguments.own.contains("--as-written");
  return review::compare(old_policy, new_policy, std::move(options));
}

std::string rendered(const review::Diff& diff, const std::vector<std::string>& notes, const std::string& format) {
  if (format == "json") return review::diff_json(diff, notes);
  if (format == "markdown") return review::diff_markdown(diff, notes);
  if (format == "github") return review::diff_github(diff, notes);
  if (format == "sarif") return review::diff_sarif(diff);
  return review::diff_text(diff, notes);
}

}  // namespace

int run_diff(int argc, char** argv) {
  const Result<Arguments> arguments =
      parse_arguments(argc, argv, {"text", "json", "markdown", "github", "sarif"}, false, {"--hosts=", "--allow=", "--as-written", "--snapshots"});
  if (!arguments.ok()) return complain(arguments.error());
  if (arguments->help) return print(usage);
  if (arguments->rest.size() != 2) return complain(usage_error("diff takes OLD and NEW"));
  std::vector<review::Acceptance> accepted;
  if (arguments->own.contains("--allow")) {
    Result<std::vector<review::Acceptance>> loaded = review::load_acceptances(arguments->own.at("--allow"));
    if (!loaded.ok()) return complain(loaded.error());
    accepted = std::move(loaded).value();
  }
  Result<review::Diff> diff = compared(*arguments);
  if (!diff.ok()) return complain(diff.error());
  const std::string today = review::today();
  review::accept(accepted, today, &*diff);
  const int code = print(rendered(*diff, review::idle_entries(accepted, today), arguments->format));
  return code != 0 ? code : diff->stops() ? 1 : 0;
}

}  // namespace lockstep::cli
