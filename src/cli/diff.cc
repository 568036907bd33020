// lockstep diff: what a change of policy gives and takes.
#include <algorithm>

#include "base/installation.h"
#include "cli/cli.h"
#include "diff/accept.h"
#include "render/render.h"

namespace lockstep::cli {
namespace {

constexpr char usage[] =
    "usage: lockstep diff OLD NEW [FLAGS]\n\n"
    "The effective rights that NEW gains and loses against OLD, on every host it may meet, whatever baseline is added "
    "there.\n"
    "  --hosts DIR         the host files to compare on; default: those of the fixtures\n"
    "  --host FILE|real    this host alone; real: this machine, and paths are compared as objects\n"
    "  --proxy, --source, --gpu, --workdir, --conflicts, --abi N    narrow what is compared, or decide what is added: "
    "see lockstep show --help\n"
    "  --as-written        without any baseline; with --host, paths still lead where they do there\n"
    "  --snapshots         OLD and NEW are files of lockstep show --format json: what was in force, nothing is added\n"
    "  --allow FILE        accepted changes, each with a reason and the day it expires:\n"
    "                        accepted:\n"
    "                          - {path: /srv/out, rights: [all], reason: jobs write there, expires: 2027-03-31}\n"
    "                          - {change: min-abi, is: \"WHAT THE TEXT SAYS OF IT\", reason: one old kernel, expires: "
    "2027-01-15}\n"
    "                      a path is a glob, a star one component; /srv/** is /srv and everything below it\n"
    "  --verify            also proves every change on this kernel, by lockstep-conformance\n"
    "  --format text|json|markdown|github|sarif\n"
    "exit: 0 nothing is widened or weakened, or it is accepted; 1 something is; 2 bad input\n";

Result<std::vector<diff::Situation>> situations_of(const Arguments& arguments, const Policy& before,
                                                   const Policy& after) {
  std::vector<Host> hosts;
  if (arguments.given.contains("--host")) {
    hosts.push_back(arguments.context.host);
  } else {
    LOCKSTEP_ASSIGN(hosts, diff::load_hosts(arguments.own.contains("--hosts") ? arguments.own.at("--hosts")
                                                                              : fixture_path("hosts")));
  }
  if (arguments.own.contains("--as-written")) {
    diff::Situation only = diff::all_situations(hosts, before, after).front();
    only.context = arguments.context;
    // Without a baseline, a host that is named still says where paths lead.
    if (!arguments.given.contains("--host")) {
      only.host = "every host";
      only.context.host = Host();
    }
    only.as_written = true;
    return std::vector<diff::Situation>{only};
  }
  std::vector<diff::Situation> out;
  for (diff::Situation& each : diff::all_situations(hosts, before, after, arguments.context.administrator_conflicts)) {
    if (arguments.given.contains("--source")) each.context.source = arguments.context.source;
    if (arguments.given.contains("--proxy")) each.context.proxy = arguments.context.proxy;
    each.context.gpu = arguments.context.gpu;
    each.context.cdi = arguments.context.cdi;
    each.context.workdir = arguments.context.workdir;
    const bool same = std::any_of(out.begin(), out.end(), [&](const diff::Situation& other) {
      return other.host == each.host && other.context.source == each.context.source &&
             other.context.proxy == each.context.proxy;
    });
    if (!same) out.push_back(std::move(each));
  }
  return out;
}

struct Compared {
  std::optional<Policy> before;  // none of snapshots
  std::optional<Policy> after;
  diff::Diff diff;
};

Result<Compared> compared(const Arguments& arguments) {
  const std::string &before = arguments.rest[0], &after = arguments.rest[1];
  Compared out;
  int abi = 0;  // every one
  if (arguments.given.contains("--abi")) {
    LOCKSTEP_ASSIGN(abi, plan_abi(arguments));
  }
  if (arguments.own.contains("--snapshots")) {
    LOCKSTEP_ASSIGN(const EffectivePolicy old_policy, diff::load_snapshot(before));
    LOCKSTEP_ASSIGN(const EffectivePolicy new_policy, diff::load_snapshot(after));
    LOCKSTEP_ASSIGN(out.diff, diff::compare_snapshots(old_policy, new_policy, abi));
    return out;
  }
  if (before == "-" && after == "-") return usage_error("one of OLD and NEW alone can be standard input");
  LOCKSTEP_ASSIGN(out.before, load_policy(before));
  LOCKSTEP_ASSIGN(out.after, load_policy(after));
  diff::Options options;
  LOCKSTEP_ASSIGN(options.situations, situations_of(arguments, *out.before, *out.after));
  options.abi = abi;
  options.by_object = arguments.given.contains("--host") && arguments.context.host.real;
  LOCKSTEP_ASSIGN(out.diff, diff::compare(*out.before, *out.after, std::move(options)));
  return out;
}

std::string rendered(const diff::Diff& diff, const std::vector<std::string>& notes, const std::string& format) {
  if (format == "json") return render::diff_json(diff, notes);
  if (format == "markdown") return render::diff_markdown(diff, notes);
  if (format == "github") return render::diff_github(diff, notes);
  if (format == "sarif") return render::diff_sarif(diff);
  return render::diff_text(diff, notes);
}

}  // namespace

int run_diff(int argc, char** argv, const Verifier& verifier, const std::function<int()>& become_verifier) {
  const Result<Arguments> arguments =
      parse_arguments(argc, argv, {"text", "json", "markdown", "github", "sarif"}, false,
                      {"--hosts=", "--allow=", "--as-written", "--snapshots", "--verify"});
  if (!arguments.ok()) return complain(arguments.error());
  if (arguments->help) return print(usage);
  if (arguments->rest.size() != 2) return complain(usage_error("diff takes OLD and NEW"));
  const bool verifies = arguments->own.contains("--verify");
  if (verifies && arguments->own.contains("--snapshots"))
    return complain(usage_error("--verify needs the policies themselves, not snapshots"));
  if (verifies && arguments->given.contains("--host") && arguments->context.host.real)
    return complain(usage_error("--verify makes files of its own: it is for simulated hosts, not for --host real"));
  if (verifies && arguments->own.contains("--as-written"))
    return complain(usage_error("--verify needs hosts: take out --as-written"));
  if (verifies && !verifier) return become_verifier();
  std::vector<diff::Acceptance> accepted;
  if (arguments->own.contains("--allow")) {
    Result<std::vector<diff::Acceptance>> loaded = diff::load_acceptances(arguments->own.at("--allow"));
    if (!loaded.ok()) return complain(loaded.error());
    accepted = std::move(loaded).value();
  }
  Result<Compared> result = compared(*arguments);
  if (!result.ok()) return complain(result.error());
  diff::Diff& diff = result->diff;
  const std::string today = diff::today();
  diff::accept(accepted, today, &diff);
  std::vector<std::string> notes = diff::idle_entries(accepted, today);
  notes.insert(notes.end(), diff.notes.begin(), diff.notes.end());
  if (const int code = print(rendered(diff, notes, arguments->format)); code != 0) return code;
  // A format for programs has standard output to itself.
  const int proved = verifies ? verifier(*result->before, *result->after, diff, arguments->format != "text") : 0;
  return proved != 0 ? proved : diff.stops() ? 1 : 0;
}

}  // namespace lockstep::cli
