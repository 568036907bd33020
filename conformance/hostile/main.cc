// lockstep-hostile: every program of ours in every hostile environment. See scripts/hostile.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <lockstep/error.h>

#include "base/complain.h"
#include "base/flags.h"
#include "base/standard_fds.h"
#include "base/version.h"
#include "conformance/harness/ending.h"
#include "conformance/hostile/environment.h"
#include "conformance/hostile/expectation.h"

namespace lockstep::conformance::hostile {
namespace {

namespace fs = std::filesystem;

constexpr char usage[] =
    "usage: lockstep-hostile --build DIR --source DIR [--fast] [--program NAME] [--environment NAME] "
    "[--seconds S] [--verbose] [--list]\n"
    "\n"
    "Runs suite, doctor, exec, fuzz, trace and the kit's run script where something is missing, lies, is "
    "full or is forbidden, as root and\n"
    "as an ordinary user, and holds each end against what is right there: within its time, by no signal, "
    "with the documented exit\n"
    "code and its reason. Everything happens in namespaces of its own.\n"
    "\n"
    "  --fast              the environments that differ most, without the kit: about a minute\n"
    "  --program NAME      one of suite, doctor, exec, exec-holder, fuzz, trace, kit\n"
    "  --environment NAME  of --list; a prefix of several\n"
    "  --seconds S         what takes longer hangs (default 120)\n"
    "  --verbose           shows what each wrote\n"
    "\n"
    "exit: 0 all as it must be; 1 one hung, crashed, or answered something else; 2 usage; 3 no environment "
    "can be made here\n";

struct Options {
  std::string build, source, program, environment;
  int seconds = 120;
  bool fast = false, list = false, verbose = false, help = false;
};

struct Program {
  std::string name;
  std::vector<std::string> words;
};

Result<Options> parse(int argc, char** argv) {
  Options out;
  FlagReader reader(
      argc, argv,
      {"--build=*", "--source=*", "--program=*", "--environment=*", "--seconds=*", "--fast*", "--list*", "--verbose*"},
      "argument");
  while (reader.more()) {
    LOCKSTEP_ASSIGN(const Flag flag, reader.next());
    if (flag.name.empty()) return usage_error("unknown argument " + printable(flag.value));
    for (const auto& [name, text] : {std::pair{"--build", &out.build},
                                     {"--source", &out.source},
                                     {"--program", &out.program},
                                     {"--environment", &out.environment}})
      if (flag.name == name) *text = flag.value;
    for (const auto& [name, set] :
         {std::pair{"--fast", &out.fast}, {"--list", &out.list}, {"--verbose", &out.verbose}, {"--help", &out.help}})
      if (flag.name == name) *set = true;
    if (flag.name == "--seconds") {
      LOCKSTEP_ASSIGN(const std::uint64_t seconds, read_number(flag, 1, 86400, "seconds"));
      out.seconds = static_cast<int>(seconds);
    }
  }
  if (!out.help && !out.list && (out.build.empty() || out.source.empty()))
    return input_error("", 0, "--build and --source are needed (see --help)");
  // The programs run elsewhere than we do.
  for (std::string* each : {&out.build, &out.source})
    if (!each->empty()) *each = fs::absolute(*each).lexically_normal().string();
  return out;
}

// The kit as scripts/gpu-runner-kit lays it out, of the programs of this build.
void make_kit(const Options& options, const std::string& kit) {
  fs::create_directories(kit + "/bin");
  for (const char* each : {"bin/lockstep", "bin/lockstep-conformance", "bin/lockstep-doctor", "bin/lockstep-verify",
                           "bin/lockstep-probe-helper", "bin/lockstep-cuda-helper", "bin/lockstep-cuda-trace"})
    if (fs::exists(options.build + "/" + each))
      fs::copy(options.build + "/" + each, kit + "/bin/" + fs::path(each).filename().string());
  fs::copy(options.source + "/fixtures", kit + "/fixtures", fs::copy_options::recursive);
  fs::copy(options.source + "/scripts/gpu-runner-kit-run", kit + "/run");
  std::ofstream(kit + "/VERSION") << "hostile\n";
}

std::vector<Program> make_programs(const Options& options, const std::string& work) {
  const std::string build = options.build, plain = work + "/plain.yaml", held = work + "/held.yaml";
  std::ofstream(plain) << "version: 1\nfilesystem_policy:\n  read_only: [/]\n";
  std::ofstream(held) << "version: 1\nfilesystem_policy:\n  read_only: [/, /proc/self/task]\n";
  // One case that is simulated, one on this machine's own files and processes.
  const std::vector<std::string> rows = {"--abi", "native",
                                         "--gtest_filter=comm_with_proc_read_only.*:what_landlock_leaves_"
                                         "alone.*:default_policy_on_this_machine.*"};
  std::vector<Program> out = {
      {"suite", {build + "/bin/lockstep-conformance", "--fixtures", options.source + "/fixtures"}},
      {"doctor", {build + "/bin/lockstep", "doctor"}},
      {"exec", {build + "/bin/lockstep", "exec", plain, "--", "/bin/true"}},
      {"exec-holder", {build + "/bin/lockstep", "exec", held, "--", "/bin/true"}},
      {"fuzz", {build + "/bin/lockstep-fuzz", "--operations", "2000", "--workers", "2"}},
      {"trace", {build + "/bin/lockstep-cuda-trace", "--", "/bin/true"}},
  };
  out[0].words.insert(out[0].words.end(), rows.begin(), rows.end());
  if (options.fast) return out;
  make_kit(options, work + "/kit");
  out.push_back({"kit", {"/bin/sh", work + "/kit/run"}});
  out.back().words.insert(out.back().words.end(), rows.begin(), rows.end());
  return out;
}

bool selected(const Options& options, const std::string& name) {
  if (!options.environment.empty()) return name.starts_with(options.environment);
  if (!options.fast) return true;
  for (const char* each : {"usual", "stale-proc", "no-proc", "proc-hidepid-2", "all-seven-EPERM", "all-seven-ENOSYS",
                           "tmp-full", "closed-all", "signals"})
    if (name == each) return true;
  return false;
}

std::string first_words(const Ran& ran) {
  std::string text = ran.err.empty() ? ran.out : ran.err;
  text = text.substr(0, text.find('\n'));
  return printable(text.substr(0, 150));
}

int run_all(const Options& options) {
  char base[] = "/tmp/lockstep-hostile-XXXXXX";
  if (::mkdtemp(base) == nullptr) return std::perror("lockstep-hostile: mkdtemp"), 4;
  const std::string work = base;
  ::chmod(base, 0755);
  std::size_t right = 0, wrong = 0, not_made = 0, number = 0;
  for (const Program& program : make_programs(options, work)) {
    if (!options.program.empty() && program.name != options.program) continue;
    for (const Environment& environment : all_environments()) {
      if (!selected(options, environment.name)) continue;
      for (const bool as_user : {false, true}) {
        if (as_user && ::geteuid() != 0) continue;
        RunOptions run;
        run.as_user = as_user;
        run.seconds = options.seconds;
        run.directory = work + "/" + std::to_string(++number);
        ::mkdir(run.directory.c_str(), 0777);
        ::chmod(run.directory.c_str(), 0777);
        const Ran ran = run_in(environment, program.words, run);
        const std::string who = as_user ? "user" : ::geteuid() == 0 ? "root" : "self";
        const std::string error =
            ran.made ? what_is_wrong(environment,
                                     expected_of(program.name, environment.name, as_user || ::geteuid() != 0), ran)
                     : "";
        const std::string end = !ran.made               ? "not made"
                                : !ran.in_time          ? "hangs"
                                : WIFEXITED(ran.status) ? std::to_string(WEXITSTATUS(ran.status))
                                                        : "signal";
        std::printf("%-11s %-20s %-4s %-8s %6.1f s  %s%s\n", program.name.c_str(), environment.name.c_str(),
                    who.c_str(), end.c_str(), ran.seconds, error.empty() ? "" : ("WRONG: " + error + "  ").c_str(),
                    ran.made ? first_words(ran).c_str() : ran.why.c_str());
        if (options.verbose) std::printf("%s%s", ran.out.c_str(), ran.err.c_str());
        std::fflush(stdout);
        ++(!ran.made ? not_made : error.empty() ? right : wrong);
        std::error_code ignored;
        fs::remove_all(run.directory, ignored);
      }
    }
  }
  std::error_code ignored;
  fs::remove_all(work, ignored);
  std::printf("%zu as they must be, %zu wrong, %zu that cannot be made here\n", right, wrong, not_made);
  return wrong > 0 ? 1 : right == 0 ? 3 : 0;
}

int asked_for(int argc, char** argv) {
  const Result<Options> options = parse(argc, argv);
  if (!options.ok()) return complain(options.error());
  if (options->help) return std::fputs(usage, stdout), 0;
  if (options->list) {
    for (const Environment& each : all_environments()) std::puts(each.name.c_str());
    return 0;
  }
  harness::keep_ended_children();
  return run_all(*options);
}

int main_with(int argc, char** argv) {
  name_program("lockstep-hostile");
  const int code = asked_for(argc, argv);
  const Result<void> said = flush_output();
  return said.ok() ? code : complain(said.error());
}

}  // namespace
}  // namespace lockstep::conformance::hostile

int main(int argc, char** argv) {
  if (!lockstep::fill_standard_descriptors()) return 4;
  if (lockstep::asks_version(argc, argv)) return lockstep::print_version("lockstep-hostile");
  lockstep::ignore_write_signals();
  return lockstep::conformance::hostile::main_with(argc, argv);
}
