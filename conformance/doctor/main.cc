// lockstep-doctor: whether CUDA starts under a policy on this machine, and which layer stops it where it does
// not.
#include <algorithm>
#include <csignal>
#include <cstdio>

#include "base/complain.h"
#include "base/flags.h"
#include "base/standard_fds.h"
#include "base/version.h"
#include "conformance/doctor/files.h"
#include "conformance/doctor/report.h"
#include "conformance/harness/ending.h"
#include "conformance/harness/workers.h"
#include "host/context_flags.h"

namespace lockstep::conformance::doctor {
namespace {

constexpr char usage[] =
    "usage: lockstep doctor [--format text|json] [--require ready|degraded] [--identity LIST] [--gpu "
    "auto|on|off]\n"
    "                       [--workdir DIR] [POLICY...]\n"
    "\n"
    "Says what this machine is, and for each policy (without one: the built-in default) whether CUDA would "
    "start under it,\n"
    "as each identity that can be had here: the steps of CUDA's start-up are tried with and without the "
    "policy, and where\n"
    "libcuda.so.1 is found CUDA itself is called. Each step that fails comes with the layer that stops it "
    "and a remedy.\n"
    "\n"
    "  --format text|json   json is lockstep.doctor/1\n"
    "  --require LEVEL      exit 1 unless every policy is ready (or at least degraded) as every identity "
    "that ran\n"
    "  --identity LIST      of user, container-root, root, self (default: all that can be had)\n"
    "  --gpu auto|on|off    the GPU baseline; auto: /dev/nvidiactl or /dev/dxg exists\n"
    "  --workdir DIR        what include_workdir grants\n"
    "\n"
    "exit: 0 fine; 1 a missed --require or a disagreement; 2 bad input, or a policy this machine makes "
    "impossible; 3 no\n"
    "Landlock here, or older than the policy demands, or an identity asked for that cannot be had; 4 the "
    "harness failed\n";

struct Options {
  std::vector<std::string> policies;
  std::vector<wire::IdentityKind> identities;  // empty: all
  std::string format = "text";
  ContextFlags context;
  std::optional<gpu::Readiness> require;
  bool help = false;
};

Result<std::vector<wire::IdentityKind>> identity_list(const std::string& text) {
  std::vector<wire::IdentityKind> out;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    const std::optional<wire::IdentityKind> identity = wire::identity_from_name(text.substr(start, comma - start));
    if (!identity)
      return usage_error("--identity takes user, container-root, root, self, or several with commas, not " +
                         printable(text));
    if (std::find(out.begin(), out.end(), *identity) != out.end())
      return usage_error("--identity names " + std::string(wire::name(*identity)) + " twice");
    out.push_back(*identity);
    start = comma + 1;
  }
  return out;
}

Result<void> set_flag(const Flag& flag, Options* out) {
  const std::string& value = flag.value;
  if (flag.name == "--format") {
    if (value != "text" && value != "json") return usage_error("--format takes text or json, not " + printable(value));
    out->format = value;
  } else if (flag.name == "--require") {
    out->require = gpu::readiness_from_name(value);
    if (!out->require || *out->require > gpu::Readiness::degraded)
      return usage_error("--require takes ready or degraded, not " + printable(value));
  } else if (flag.name == "--identity") {
    LOCKSTEP_ASSIGN(out->identities, identity_list(value));
  } else if (flag.name == "--host") {
    return usage_error(
        "doctor is about this machine: lockstep-conformance --policy FILE --host FILE asks about another, simulated");
  } else {
    LOCKSTEP_CHECK(take_context_flag(flag, &out->context));
  }
  return {};
}

Result<Options> parse(int argc, char** argv) {
  Options out;
  FlagReader reader(argc, argv, {"--format=", "--require=", "--identity=", "--gpu=", "--workdir=", "--host="});
  while (reader.more()) {
    LOCKSTEP_ASSIGN(const Flag flag, reader.next());
    if (flag.name == "--help") {
      out.help = true;
      return out;
    }
    if (!flag.name.empty()) {
      LOCKSTEP_CHECK(set_flag(flag, &out));
      continue;
    }
    const std::string& word = flag.value;
    if (word.empty()) return usage_error("an empty name of a policy");
    if (std::find(out.policies.begin(), out.policies.end(), word) != out.policies.end())
      return usage_error(printable(word) + " is given twice");
    out.policies.push_back(word);
  }
  return out;
}

// Those of the wish that can be had; what cannot goes into `missing`.
Result<std::vector<wire::IdentityKind>> identities_to_run(const Options& options, const wire::Identities& here,
                                                          std::vector<std::string>* missing) {
  std::vector<wire::IdentityKind> out;
  for (const wire::IdentityKind kind : {wire::IdentityKind::user, wire::IdentityKind::container_root,
                                        wire::IdentityKind::root, wire::IdentityKind::self}) {
    const bool asked =
        std::find(options.identities.begin(), options.identities.end(), kind) != options.identities.end();
    const std::string& why = here.missing_for(kind);
    if (asked && !why.empty()) return unsupported_error(0, why);
    // Without a wish, `self` stands in where there is no ordinary user to be had.
    const bool by_itself = options.identities.empty() && (kind != wire::IdentityKind::self ||
                                                          judge::stand_in_for(wire::IdentityKind::user, here) == kind);
    if (!asked && !by_itself) continue;
    if (why.empty())
      out.push_back(kind);
    else
      missing->push_back(why);
  }
  return out;
}

// `workers`: an error where none can be had here.
Result<DoctorReport> examine_all(const Options& options, Result<harness::Workers>& workers) {
  DoctorReport report;
  report.require = options.require;
  std::vector<judge::CaseRun> runs;
  for (const std::string& file : options.policies.empty() ? std::vector<std::string>{""} : options.policies) {
    LOCKSTEP_ASSIGN(judge::CaseRun run, policy_on_this_machine(file, options.context));
    runs.push_back(std::move(run));
  }
  report.machine = read_machine();
  report.findings = machine_findings(report.machine);
  if (!workers.ok()) {
    report.no_rows = workers.error().message;
    return report;
  }
  LOCKSTEP_ASSIGN(const std::vector<wire::IdentityKind> identities,
                  identities_to_run(options, workers->hello().identities, &report.missing_identities));
  const std::vector<std::string> before = nvidia_paths();
  Denials denials;
  for (const judge::CaseRun& run : runs) {
    PolicyReport policy;
    policy.name = run.source.policy.file;
    for (const Notice& notice : run.effective.notices) policy.notices.push_back(notice.message);
    if (report.machine.host.kernel) {
      LOCKSTEP_ASSIGN(policy.rows, diagnose(*workers, run, report.machine, identities, denials));
    }
    report.policies.push_back(std::move(policy));
  }
  for (const std::string& each : nvidia_paths())
    if (std::find(before.begin(), before.end(), each) == before.end()) report.appeared.push_back(each);
  report.no_records = denials.why_not();
  return report;
}

int doctor_main(int argc, char** argv) {
  name_program("lockstep doctor");
  harness::keep_ended_children();
  ignore_write_signals();
  const Result<Options> options = parse(argc, argv);
  if (!options.ok()) return complain(options.error());
  if (options->help) return print(usage);
  // One worker: rows run one after another, and what is heard of one is not another's. Started before
  // anything grows.
  harness::Workers::Options one;
  one.count = 1;
  Result<harness::Workers> workers = harness::Workers::start(one);
  // What this machine cannot do is shown all the same; what is broken about us is not.
  if (!workers.ok() && workers.error().kind != ErrorKind::unsupported) return complain(workers.error());
  const Result<DoctorReport> report = examine_all(*options, workers);
  if (!report.ok()) return complain(report.error());
  if (const int failed = print(options->format == "json" ? to_json(*report) : to_text(*report)); failed != 0)
    return failed;
  if (!report->no_rows.empty()) return complain(unsupported_error(0, "no policy was tried: " + report->no_rows));
  if (!report->machine.host.kernel)
    return complain(unsupported_error(0, "no policy was tried: " + report->machine.no_landlock));
  return exit_code(*report);
}

}  // namespace
}  // namespace lockstep::conformance::doctor

int main(int argc, char** argv) {
  if (!lockstep::fill_standard_descriptors()) return 4;
  if (lockstep::asks_version(argc, argv)) return lockstep::print_version("lockstep-doctor");
  return lockstep::conformance::doctor::doctor_main(argc, argv);
}
