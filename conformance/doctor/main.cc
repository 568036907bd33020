// lockstep-doctor: whether CUDA starts under a policy on this machine, and which layer stops it where it does
// not.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <set>

#include "base/standard_fds.h"
#include "conformance/doctor/files.h"
#include "conformance/doctor/report.h"
#include "conformance/harness/ending.h"
#include "conformance/harness/workers.h"
#include "syntax/suggest.h"

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
  std::string format = "text", workdir;
  Toggle gpu = Toggle::automatic;
  std::optional<gpu::Readiness> require;
  bool help = false;
};

Error bad(const std::string& message) {
  return {ErrorKind::input, 0, message + " (see --help)", {}, 0};
}

int complain(const Error& error) {
  std::fprintf(stderr, "lockstep doctor: %s\n", error.to_string().c_str());
  return error.kind == ErrorKind::system ? 4 : error.exit_code();
}

Result<std::vector<wire::IdentityKind>> identity_list(const std::string& text) {
  std::vector<wire::IdentityKind> out;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    const std::optional<wire::IdentityKind> identity = wire::identity_from_name(text.substr(start, comma - start));
    if (!identity)
      return bad("--identity takes user, container-root, root, self, or several with commas, not " + printable(text));
    if (std::find(out.begin(), out.end(), *identity) != out.end())
      return bad("--identity names " + std::string(wire::name(*identity)) + " twice");
    out.push_back(*identity);
    start = comma + 1;
  }
  return out;
}

Result<void> set_flag(const std::string& flag, const std::string& value, Options* out) {
  if (flag == "--format") {
    if (value != "text" && value != "json") return bad("--format takes text or json, not " + printable(value));
    out->format = value;
  } else if (flag == "--require") {
    out->require = gpu::readiness_from_name(value);
    if (!out->require || *out->require > gpu::Readiness::degraded)
      return bad("--require takes ready or degraded, not " + printable(value));
  } else if (flag == "--identity") {
    LOCKSTEP_ASSIGN(out->identities, identity_list(value));
  } else if (flag == "--gpu") {
    if (value != "auto" && value != "on" && value != "off")
      return bad("--gpu takes auto, on or off, not " + printable(value));
    out->gpu = value == "on" ? Toggle::on : value == "off" ? Toggle::off : Toggle::automatic;
  } else {
    if (!value.starts_with('/')) return bad("--workdir takes an absolute path, not \"" + printable(value) + "\"");
    out->workdir = value;
  }
  return {};
}

Result<Options> parse(int argc, char** argv) {
  Options out;
  std::set<std::string> given;
  const std::set<std::string> known = {"--format", "--require", "--identity", "--gpu", "--workdir"};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--help" || word == "-h") {
      out.help = true;
      return out;
    }
    if (!word.starts_with("-") || word == "-") {
      if (word.empty()) return bad("an empty name of a policy");
      if (std::find(out.policies.begin(), out.policies.end(), word) != out.policies.end())
        return bad(printable(word) + " is given twice");
      out.policies.push_back(word);
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string flag = word.substr(0, equals);
    if (flag == "--host")
      return bad(
          "doctor is about this machine: lockstep-conformance --policy FILE --host FILE asks about another, "
          "simulated");
    if (known.count(flag) == 0)
      return bad("unknown flag " + printable(flag) + did_you_mean(suggestion(flag, {known.begin(), known.end()})));
    if (!given.insert(flag).second) return bad(flag + " is given twice");
    if (equals == std::string::npos && i + 1 >= argc) return bad(flag + " needs a value");
    LOCKSTEP_CHECK(set_flag(flag, equals == std::string::npos ? argv[++i] : word.substr(equals + 1), &out));
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

int print(const std::string& text) {
  const bool ok = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return ok ? 0
            : complain(
                  Error{ErrorKind::internal, errno, "standard output cannot be written: " + errno_name(errno), {}, 0});
}

// `workers`: an error where none can be had here.
Result<DoctorReport> examine_all(const Options& options, Result<harness::Workers>& workers) {
  DoctorReport report;
  report.require = options.require;
  std::vector<judge::CaseRun> runs;
  for (const std::string& file : options.policies.empty() ? std::vector<std::string>{""} : options.policies) {
    LOCKSTEP_ASSIGN(judge::CaseRun run, policy_on_this_machine(file, options.gpu, options.workdir));
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
  harness::keep_ended_children();
  std::signal(SIGPIPE, SIG_IGN);
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
  return lockstep::fill_standard_descriptors() ? lockstep::conformance::doctor::doctor_main(argc, argv) : 4;
}
