// lockstep doctor from the command line to the exit code, on machines made for it: real nodes, mounts,
// filters and layers, and the stand-in for libcuda.so.1 where CUDA itself is called.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include <lockstep/kernel.h>
#include <lockstep/rights.h>

#include "conformance/doctor/testing.h"
#include "syntax/json.h"

namespace lockstep::conformance::doctor {
namespace {

constexpr char ready_policy[] =
    "version: 1\n"
    "filesystem_policy:\n"
    "  read_only: [/usr, /lib, /lib64, /etc, /sys]\n"
    "  read_write: [/tmp, /dev/null, /proc]\n";
constexpr char keep_proc[] =
    "version: 1\n"
    "filesystem_policy:\n"
    "  read_only: [/usr, /lib, /lib64, /etc, /sys, /proc]\n"
    "  read_write: [/tmp, /dev/null]\n"
    "runtime_baseline_conflicts:\n"
    "  - {paths: [/proc], mode: keep}\n";

class Doctor : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const Result<KernelLandlock> kernel = query_kernel(); !kernel.ok()) GTEST_SKIP() << kernel.error().message;
  }
  // The stand-in under libcuda's name, where every identity can read it.
  std::pair<std::string, std::string> stand_in(const Stage& stage) const {
    const std::string folder = stage.files().at("lib");
    std::filesystem::create_directory(folder);
    std::filesystem::copy_file(LOCKSTEP_STAND_IN_LIBRARY, folder + "/libcuda.so.1",
                               std::filesystem::copy_options::overwrite_existing);
    ::chmod(folder.c_str(), 0755);
    ::chmod((folder + "/libcuda.so.1").c_str(), 0755);
    return {"LD_LIBRARY_PATH", folder};
  }
  static std::string policy(const Stage& stage, const std::string& text) {
    const std::string path = stage.files().write("policy.yaml", text);
    ::chmod(path.c_str(), 0644);
    return path;
  }
  static Json parsed(const Ended& ended) {
    const Json out = Json::parse_or_null(ended.out);
    EXPECT_TRUE(out.is_object()) << ended.err << ended.out;
    return out.is_object() ? out : Json::object();
  }
  static std::vector<Json> rows(const Json& report) {
    std::vector<Json> out;
    for (const Json& each : report.value("policies", Json::array()))
      for (const Json& row : each["rows"]) out.push_back(row);
    EXPECT_FALSE(out.empty());
    return out;
  }
  static Json step(const Json& row, const std::string& id) {
    for (const Json& each : row["steps_failed"])
      if (each["step"] == id) return each;
    return {};
  }
};

#define SKIP_WITHOUT_STAGE(ended) \
  if ((ended).code == Stage::cannot) GTEST_SKIP() << (ended).err

TEST_F(Doctor, BadInputIsOneLineAndTwo) {
  const testing::TemporaryDirectory files;
  const std::string good = files.write("good.yaml", ready_policy);
  const std::string bad = files.write("bad.yaml", "version: 1\nfilesystem_policy:\n  read_write: [/]\n");
  struct {
    std::vector<std::string> words;
    std::string where;
  } cases[] = {{{"--unknown"}, ""},
               {{"--host", "x.json"}, "doctor is about this machine"},
               {{"--format", "xml"}, ""},
               {{"--format"}, ""},
               {{"--format", "json", "--format", "text"}, ""},
               {{"--require", "blocked"}, ""},
               {{"--identity", "nobody"}, ""},
               {{"--identity", "user,user"}, ""},
               {{"--identity", "user,"}, ""},
               {{"--gpu", "yes"}, ""},
               {{"--workdir", "relative"}, ""},
               {{good, good}, ""},
               {{""}, ""},
               {{files.at("missing.yaml")}, files.at("missing.yaml")},
               {{good, bad}, bad + ":3"}};
  for (const auto& each : cases) {
    for (const bool by_subcommand : {true, false}) {
      std::vector<std::string> words =
          by_subcommand ? std::vector<std::string>{LOCKSTEP_CLI, "doctor"} : std::vector<std::string>{LOCKSTEP_DOCTOR};
      words.insert(words.end(), each.words.begin(), each.words.end());
      SCOPED_TRACE(words.back());
      testing::expect_refused(testing::run_program(words, {}), 2, "lockstep doctor", each.where);
    }
  }
}

TEST_F(Doctor, TheSubcommandIsTheProgramAndHelpSaysSo) {
  const Ended help = testing::run_program({LOCKSTEP_CLI, "doctor", "--help"}, {});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.out, testing::run_program({LOCKSTEP_DOCTOR, "--help"}, {}).out);
  EXPECT_NE(testing::run_program({LOCKSTEP_CLI, "--help"}, {}).out.find("doctor"), std::string::npos);
}

TEST_F(Doctor, InAPidNamespaceThatKeepsTheOuterProcItSaysSoAndEnds) {
  Stage stage;
  stage.before([] {
    if (::unshare(CLONE_NEWPID) != 0) return errno;
    const pid_t pid = ::fork();
    if (pid == 0) return 0;  // goes on as the first process of the namespace
    const int status = harness::await_end(pid, 50000).status;
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
  });
  const Ended ended = stage.run({"--format", "json", policy(stage, ready_policy)});
  SKIP_WITHOUT_STAGE(ended);
  EXPECT_EQ(ended.code, 3) << ended.err;
  EXPECT_NE(ended.err.find("no policy was tried: "), std::string::npos) << ended.err;
  const Json report = parsed(ended);
  EXPECT_EQ(report["machine"]["procfs_is"]["kind"], "stale");
  ASSERT_EQ(report["findings"].size(), 1U);
  EXPECT_NE(report["findings"][0]["why"].get<std::string>().find("ENOENT) and cuInit() returns 304"),
            std::string::npos);
  EXPECT_NE(report["findings"][0]["remedy"].get<std::string>().find("--mount-proc"), std::string::npos);
  EXPECT_TRUE(report["policies"].empty());
  const Ended text = stage.run({policy(stage, ready_policy)});
  EXPECT_EQ(text.code, 3);
  EXPECT_NE(text.out.find("finding     missing-path: /proc is of another PID namespace"), std::string::npos)
      << text.out;
}

TEST_F(Doctor, AProgramThatIsNotThereIsOurOwnFailure) {
  const testing::TemporaryDirectory files;
  const std::string copy = files.at("lockstep");
  std::filesystem::copy_file(LOCKSTEP_CLI, copy);
  const Ended ended = testing::run_program({copy, "doctor"}, {});
  EXPECT_EQ(ended.code, 4) << ended.err;
  EXPECT_NE(ended.err.find("there is no "), std::string::npos) << ended.err;
}

TEST_F(Doctor, WithoutAGpuItSaysOnceWhatItCouldNotSee) {
  const Stage stage;
  const auto start = std::chrono::steady_clock::now();
  const Ended text = stage.run({});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  SKIP_WITHOUT_STAGE(text);
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_LT(took.count(), 10.0);  // a second, on a machine that is not busy: README
  const std::size_t first = text.out.find("no GPU: ");
  EXPECT_NE(first, std::string::npos) << text.out;
  EXPECT_EQ(text.out.find("no GPU: ", first + 1), std::string::npos) << text.out;

  const Json report = parsed(stage.run({"--format", "json"}));
  EXPECT_EQ(report["schema"], "lockstep.doctor/1");
  EXPECT_EQ(report["machine"]["gpu"], "none");
  EXPECT_FALSE(report["machine"]["not_seen"].empty());
  for (const Json& row : rows(report)) {
    EXPECT_EQ(row["host"], "real");
    EXPECT_EQ(row["readiness"]["is"], "blocked-elsewhere") << row;
    EXPECT_EQ(row["cuda"]["called"], false);
    EXPECT_EQ(step(row, "node /dev/nvidiactl")["layers"], Json({"missing-path"})) << row;
    EXPECT_EQ(step(row, "comm")["layers"], Json({"landlock"})) << "the baseline of GPU hosts was not added";
  }
  EXPECT_EQ(stage.run({"--require", "degraded"}).code, 1);
}

TEST_F(Doctor, AReadyMachineAndPolicyMeetTheRequirement) {
  Stage stage;
  stage.gpu();
  const std::string file = policy(stage, ready_policy);
  const Ended ended = stage.run({"--format", "json", "--require", "ready", file});
  SKIP_WITHOUT_STAGE(ended);
  EXPECT_EQ(ended.code, 0) << ended.err << ended.out;
  const Json report = parsed(ended);
  EXPECT_EQ(report["require"]["met"], true);
  EXPECT_EQ(report["machine"]["nodes"].size(), 3U);
  for (const Json& node : report["machine"]["nodes"]) {
    const bool has_no_number = node["path"] == "/dev/nvidia-uvm";
    EXPECT_EQ(node["nvidias"], has_no_number) << "a stand-in must not pass for the driver's: " << node;
  }
  for (const Json& row : rows(report)) EXPECT_EQ(row["readiness"]["is"], "ready") << row;
}

TEST_F(Doctor, CudaItselfIsCalledWithAndWithoutThePolicyAndTheRemedyCuresIt) {
  Stage stage;
  stage.gpu();
  const auto library = stand_in(stage);
  const Ended ended = stage.run({"--format", "json", "--require", "ready", policy(stage, keep_proc)}, {library});
  SKIP_WITHOUT_STAGE(ended);
  EXPECT_EQ(ended.code, 1) << ended.err;
  std::string remedy;
  const Json report = parsed(ended);
  EXPECT_EQ(report["machine"]["libcuda"]["path"], library.second + "/libcuda.so.1");
  for (const Json& row : rows(report)) {
    EXPECT_EQ(row["readiness"]["is"], "blocked");
    const Json& cuda = row["cuda"];
    EXPECT_EQ(cuda["without"]["succeeded"], true) << cuda;
    EXPECT_EQ(cuda["without"]["devices"], 2);
    EXPECT_EQ(cuda["under"]["result"], 304);
    EXPECT_EQ(cuda["under"]["said"], "CUDA_ERROR_OPERATING_SYSTEM (304)");
    EXPECT_EQ(cuda["layers"], Json({"landlock"}));
    remedy = cuda["remedy"];
    EXPECT_EQ(step(row, "comm")["remedy"], remedy);
  }
  // "filesystem_policy.KEY: VALUE" is a line of the policy.
  const std::string section = "filesystem_policy.";
  ASSERT_TRUE(remedy.starts_with(section)) << remedy;
  std::string cured = keep_proc;
  cured.insert(cured.find("  read_only:"), "  " + remedy.substr(section.size()) + "\n");
  const Ended again = stage.run({"--format", "json", "--require", "ready", policy(stage, cured)}, {library});
  EXPECT_EQ(again.code, 0) << again.err << again.out;
  for (const Json& row : rows(parsed(again))) EXPECT_EQ(row["cuda"]["under"]["succeeded"], true) << row;
}

TEST_F(Doctor, WhatTheDriverItselfAnswersIsTheDrivers) {
  Stage stage;
  stage.gpu();
  const auto library = stand_in(stage);
  const std::string file = policy(stage, ready_policy);
  const Ended ended =
      stage.run({"--format", "json", "--require", "degraded", file}, {library, {"LOCKSTEP_STAND_IN", "803"}});
  SKIP_WITHOUT_STAGE(ended);
  EXPECT_EQ(ended.code, 1) << ended.err;
  for (const Json& row : rows(parsed(ended))) {
    EXPECT_EQ(row["cuda"]["layers"], Json({"driver"})) << row;
    EXPECT_EQ(row["cuda"]["without"]["said"], "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)");
    EXPECT_NE(row["cuda"]["remedy"], "");
  }
  const Json late =
      parsed(stage.run({"--format", "json", file}, {library, {"LOCKSTEP_STAND_IN", "cuLaunchKernel:719"}}));
  for (const Json& row : rows(late)) {
    EXPECT_EQ(row["cuda"]["without"]["said"], "CUDA_ERROR_LAUNCH_FAILED (719) at launch") << row;
    EXPECT_EQ(row["cuda"]["without"]["stage"], "launch");
  }
  const Json crashed = parsed(stage.run({"--format", "json", file}, {library, {"LOCKSTEP_STAND_IN", "crash"}}));
  for (const Json& row : rows(crashed)) EXPECT_EQ(row["cuda"]["without"]["said"], "killed by signal 11 (SIGSEGV)");
}

TEST_F(Doctor, APathThatOnlyCudaKnowsIsNotGuessed) {
  Stage stage;
  stage.gpu();
  const auto library = stand_in(stage);
  const std::string hidden = stage.files().write("hidden/needed", "x");
  std::filesystem::permissions(stage.files().at("hidden"), std::filesystem::perms(0755));
  // /tmp is where the stage lies: granted is only the library's own directory.
  const std::string file =
      policy(stage, std::string("version: 1\nfilesystem_policy:\n  read_only: [/usr, /lib, /lib64, /etc, /sys, ") +
                        library.second + "]\n  read_write: [/proc]\n");
  const Ended ended = stage.run({"--format", "json", file}, {library, {"LOCKSTEP_STAND_IN", hidden}});
  SKIP_WITHOUT_STAGE(ended);
  EXPECT_EQ(ended.code, 1) << "the steps say ready, and CUDA does not start: a disagreement" << ended.err;
  const Json report = parsed(ended);
  for (const Json& row : rows(report)) {
    EXPECT_EQ(row["cuda"]["under"]["result"], 999);
    EXPECT_EQ(row["cuda"]["layers"], Json({"landlock"}));
    if (report["audit"]["heard"] == true) {
      EXPECT_NE(row["cuda"]["remedy"].get<std::string>().find("[" + hidden + "]"), std::string::npos) << row["cuda"];
    } else {
      EXPECT_EQ(row["cuda"]["by"], "control") << row["cuda"];
      EXPECT_EQ(row["cuda"]["why"].get<std::string>().find(hidden), std::string::npos);
    }
  }
}

// --- each layer, made for real
// -------------------------------------------------------------------------------------------------

struct Made {
  const char* name;
  std::function<void(Stage&)> set;
  std::string step;
  std::string layer;
  std::string error;   // without the policy
  std::string remedy;  // a part of it
  bool needs_root = false;
};

void PrintTo(const Made& made, std::ostream* out) {
  *out << made.name;
}

class DoctorLayer : public Doctor, public ::testing::WithParamInterface<Made> {};

TEST_P(DoctorLayer, IsNamedWithARemedy) {
  const Made& made = GetParam();
  if (made.needs_root && ::geteuid() != 0) GTEST_SKIP() << "needs-root: devices of another owner";
  Stage stage;
  made.set(stage);
  const std::string file = policy(stage, ready_policy);
  const Ended ended = stage.run({"--format", "json", "--require", "ready", file});
  SKIP_WITHOUT_STAGE(ended);
  EXPECT_EQ(ended.code, 1) << ended.err << ended.out;
  bool seen = false;
  for (const Json& row : rows(parsed(ended))) {
    if (made.needs_root && row["identity"] != "user") continue;
    seen = true;
    const Json found = step(row, made.step);
    ASSERT_FALSE(found.is_null()) << row;
    EXPECT_EQ(found["layers"], Json({made.layer})) << found;
    EXPECT_EQ(found["without"], made.error) << found;
    EXPECT_NE(found["remedy"].get<std::string>().find(made.remedy), std::string::npos) << found;
    EXPECT_EQ(row["readiness"]["is"], "blocked-elsewhere") << row;
  }
  EXPECT_TRUE(seen || made.needs_root);
}

int remount(const char* path, unsigned long flags) {
  if (::mount(path, path, nullptr, MS_BIND | MS_REC, nullptr) != 0) return errno;
  return ::mount(nullptr, path, nullptr, MS_REMOUNT | MS_BIND | flags, nullptr) == 0 ? 0 : errno;
}

const Made layers_made[] = {
    {"MissingNode", [](Stage& stage) { stage.node("nvidiactl").node("nvidia0"); }, "node /dev/nvidia-uvm",
     "missing-path", "ENOENT", "nvidia"},
    {"Permissions", [](Stage& stage) { stage.node("nvidiactl").node("nvidia-uvm").node("nvidia0", 0600); },
     "node /dev/nvidia0", "permissions", "EACCES", "chmod o+rw /dev/nvidia0", true},
    {"Group",
     [](Stage& stage) {
       stage.node("nvidiactl", 0660).node("nvidia-uvm").node("nvidia0").before([] {
         return ::chown("/dev/nvidiactl", 0, 44) == 0 ? 0 : errno;
       });
     },
     "node /dev/nvidiactl", "permissions", "EACCES", "usermod -aG 44", true},
    {"ReadOnlyProc", [](Stage& stage) { stage.gpu().before([] { return remount("/proc", MS_RDONLY); }); }, "comm",
     "read-only-mount", "EROFS", "/proc"},
    {"NodevMount", [](Stage& stage) { stage.gpu().before([] { return remount("/dev", MS_NODEV); }); },
     "node /dev/nvidiactl", "nodev-mount", "EACCES", "remount,dev /dev", true},
    {"SeccompEperm", [](Stage& stage) { stage.gpu().before([] { return filter(SYS_ioctl, EPERM); }); },
     "node /dev/nvidia0", "seccomp", "EPERM", "seccomp"},
    {"SeccompEnosys", [](Stage& stage) { stage.gpu().before([] { return filter(SYS_ioctl, ENOSYS); }); },
     "node /dev/nvidia0", "seccomp", "ENOSYS", "seccomp"},
    {"OuterLandlock",
     [](Stage& stage) { stage.gpu().before([] {
                          return layer(Right::write_file, {"/tmp", "/dev"});
                        }); }, "comm",
     "outer-landlock", "EACCES", "grant"},
};

INSTANTIATE_TEST_SUITE_P(Made, DoctorLayer, ::testing::ValuesIn(layers_made),
                         [](const auto& made) { return std::string(made.param.name); });

TEST_F(Doctor, LayersAroundItAreCounted) {
  for (const int layers : {0, 1, 3}) {
    Stage stage;
    for (int i = 0; i < layers; ++i) stage.before([] { return layer(Right::make_block, {}); });
    const Ended ended = stage.run({"--format", "json", "--gpu", "on"});
    SKIP_WITHOUT_STAGE(ended);
    EXPECT_EQ(parsed(ended)["machine"]["layers_around"]["count"], layers);
  }
}

TEST_F(Doctor, WhereNoLandlockIsLeftItIsThreeAndStillSaysWhatTheMachineIs) {
  Stage stage;
  stage.gpu().before([] { return filter(444, ENOSYS); });  // landlock_create_ruleset, on every architecture
  const Ended ended = stage.run({"--require", "ready"});
  SKIP_WITHOUT_STAGE(ended);
  EXPECT_EQ(ended.code, 3) << ended.err;
  EXPECT_NE(ended.out.find("/dev/nvidiactl"), std::string::npos) << ended.out;
  EXPECT_NE(ended.err.find("no policy was tried"), std::string::npos) << ended.err;
}

TEST_F(Doctor, AnOrdinaryUserHasOneIdentity) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs-root: to become another";
  Stage stage;
  stage.gpu().before([] { return ::setgid(65534) == 0 && ::setuid(65534) == 0 ? 0 : errno; });
  const std::string file = policy(stage, ready_policy);
  const Ended ended = stage.run({"--format", "json", "--require", "ready", file});
  SKIP_WITHOUT_STAGE(ended);
  EXPECT_EQ(ended.code, 0) << ended.err << ended.out;
  const Json report = parsed(ended);
  ASSERT_EQ(rows(report).size(), 1U);
  EXPECT_EQ(rows(report)[0]["identity"], "self");
  EXPECT_EQ(report["machine"]["uid"], 65534);
  EXPECT_EQ(stage.run({"--identity", "root", file}).code, 3);
}

TEST_F(Doctor, APolicyThisMachineMakesImpossibleIsTwo) {
  const Stage stage;
  const std::string file = policy(stage,
                                  "version: 1\nfilesystem_policy:\n  read_only: [/usr, /not/here]\nlandlock: "
                                  "{compatibility: hard_requirement}\n");
  const Ended ended = stage.run({file});
  SKIP_WITHOUT_STAGE(ended);
  EXPECT_EQ(ended.code, 2) << ended.err;
  EXPECT_NE(ended.out.find("refused"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("/not/here"), std::string::npos) << ended.out;
}

}  // namespace
}  // namespace lockstep::conformance::doctor
