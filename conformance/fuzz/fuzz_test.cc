// The fuzzer itself: that it finds what is wrong with a model, and nothing with ours.
#include "conformance/fuzz/fuzz.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <lockstep/rights.h>

#include "syntax/json.h"
#include "testing/run_program.h"

namespace lockstep::conformance::fuzz {
namespace {

namespace fs = std::filesystem;

// A host that cannot run it is a skip, any other error a failure.
#define LOCKSTEP_NEED(result)                                                                                      \
  if (!(result).ok() && (result).error().kind == ErrorKind::unsupported) GTEST_SKIP() << (result).error().message; \
  ASSERT_TRUE((result).ok()) << (result).error().to_string()

std::string found(const Report& report) {
  return report.found ? report.found->words + "\n" + report.found->json : "";
}

class Campaigns : public ::testing::TestWithParam<Tier> {};

TEST_P(Campaigns, FindNoDisagreementAndBothAnswersOfWhatLandlockGuards) {
  const Result<Report> report = fuzz({.seed = 2026, .operations = 30'000, .tier = GetParam()});
  LOCKSTEP_NEED(report);
  EXPECT_EQ(found(*report), "");
  EXPECT_GE(report->operations, 30'000U);
  for (int i = 0; i < fuzzed_operation_count; ++i) {
    const auto operation = static_cast<Operation>(i);
    if (!has_path(operation) && !report->features.network) continue;
    const bool no_hook = operation == Operation::open_path || operation == Operation::stat ||
                         operation == Operation::chmod || operation == Operation::readlink;
    const bool newer = operation == Operation::connect_unix ? false  // a server of its own needs make_sock
                       : operation == Operation::truncate   ? report->kernel.abi < 3
                       : has_path(operation)                ? false
                       : operation == Operation::bind_udp || operation == Operation::send_udp ? report->kernel.abi < 10
                       : operand(operation) == Operand::port                                  ? report->kernel.abi < 4
                                                                                              : report->kernel.abi < 6;
    const Count& count = report->counts[static_cast<std::size_t>(i)];
    const bool makes_nodes = operation == Operation::mknod_blk || operation == Operation::mknod_chr;
    EXPECT_TRUE(count.allowed > 0 || (makes_nodes && !report->features.mknod)) << name(operation);
    EXPECT_EQ(count.denied > 0, !no_hook && !newer) << name(operation);
  }
}

INSTANTIATE_TEST_SUITE_P(Tiers, Campaigns, ::testing::Values(Tier::process, Tier::thread),
                         [](const auto& each) { return each.param == Tier::thread ? "Thread" : "Process"; });

class PlantedFault : public ::testing::TestWithParam<Fault> {};

TEST_P(PlantedFault, IsFoundWithinItsBoundAndReplays) {
  const Fault& fault = GetParam();
  const Result<KernelLandlock> kernel = query_kernel();
  LOCKSTEP_NEED(kernel);
  if (kernel->abi < fault.first_abi) GTEST_SKIP() << "needs Landlock ABI " << fault.first_abi;
  const bool reclaims = fault.needs_reclaim;
  if (reclaims && std::getenv("LOCKSTEP_RECLAIM") == nullptr)
    GTEST_SKIP() << "set LOCKSTEP_RECLAIM=1: it drops the dentry cache of the whole machine";
  const Result<Report> report = fuzz({.seed = 1, .operations = 200'000, .reclaim = reclaims, .fault = &fault});
  LOCKSTEP_NEED(report);
  ASSERT_TRUE(report->found.has_value()) << fault.what << ": not found in " << report->operations << " operations";
  RecordProperty("operations", static_cast<int>(report->found->after));

  // What is printed is a case: under the fault it disagrees, without it agrees.
  const testing::TemporaryDirectory dir;
  const Result<FuzzCase> small = read_fuzz_case(dir.write("case.json", report->found->json));
  ASSERT_TRUE(small.ok()) << small.error().to_string();
  EXPECT_EQ(small->operations.size(), 1U);
  EXPECT_EQ(replay(*small, Tier::thread, &fault).value(), report->found->words);
  EXPECT_EQ(replay(*small, Tier::process, nullptr).value(), "");
}

INSTANTIATE_TEST_SUITE_P(Each, PlantedFault, ::testing::ValuesIn(all_faults().begin(), all_faults().end()),
                         [](const auto& each) {
                           std::string out(each.param.name);
                           std::erase(out, '-');
                           return out;
                         });

// What was found once, or shows a corner: the model agrees now, and the faults a case names disagree.
TEST(KeptCases, AgreeAndShowTheFaultsTheyAreNamedFor) {
  std::size_t cases = 0, replayed = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(LOCKSTEP_SOURCE_DIR "/fixtures/fuzz")) {
    SCOPED_TRACE(entry.path().filename().string());
    const Result<FuzzCase> kept = read_fuzz_case(entry.path().string());
    ASSERT_TRUE(kept.ok()) << kept.error().to_string();
    ++cases;
    if (kept->reclaim && std::getenv("LOCKSTEP_RECLAIM") == nullptr) continue;  // the whole machine would pay
    for (const Tier tier : {Tier::process, Tier::thread}) {
      const Result<std::string> words = replay(*kept, tier, nullptr);
      if (!words.ok() && words.error().kind == ErrorKind::unsupported) continue;
      ++replayed;
      ASSERT_TRUE(words.ok()) << words.error().to_string();
      EXPECT_EQ(*words, "");
      for (const std::string& name : kept->finds) {
        ASSERT_NE(find_fault(name), nullptr) << name;
        EXPECT_NE(replay(*kept, tier, find_fault(name)).value(), "") << name;
      }
    }
  }
  ASSERT_GT(cases, 0U);
  if (replayed == 0) GTEST_SKIP() << "none of the cases can be run on this host";
}

// The exit code, and nothing on a terminal.
int exit_of(const std::string& arguments) {
  const int status = std::system((std::string(LOCKSTEP_FUZZ) + " " + arguments + " >/dev/null 2>&1").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Json read_json(const std::string& file) {
  std::ifstream in(file);
  return Json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
}

std::vector<std::string> names_of(const Json& faults) {
  std::vector<std::string> out;
  for (const Json& each : faults.at("faults")) out.push_back(each.at("name"));
  return out;
}

constexpr char committed_faults[] = LOCKSTEP_SOURCE_DIR "/fixtures/observed/planted-faults.json";

TEST(CommittedFaults, WereAllFoundWithinTheBound) {
  const Json faults = read_json(committed_faults);
  EXPECT_EQ(faults.at("schema"), "lockstep.faults/1");
  std::size_t found = 0;
  for (const Json& each : faults.at("faults")) {
    SCOPED_TRACE(each.at("name"));
    EXPECT_FALSE(each.at("breaks").get<std::string>().empty());
    if (each.at("first_abi").get<int>() > faults.at("abi").get<int>()) continue;  // the machine could not show it
    ASSERT_TRUE(each.contains("operations")) << each;
    EXPECT_GT(each.at("operations").get<int>(), 0);
    EXPECT_LE(each.at("operations").get<int>(), faults.at("bound").get<int>());
    ++found;
  }
  EXPECT_GE(found, 20U);
  EXPECT_LE(faults.at("bound").get<int>(), 200'000);
}

TEST(CommittedFaults, AreThoseThatAreLookedForAgain) {
  std::vector<std::string> planted;
  for (const Fault& fault : all_faults()) planted.emplace_back(fault.name);
  EXPECT_EQ(names_of(read_json(committed_faults)), planted);

  const testing::TemporaryDirectory dir;
  const std::string file = dir.at("faults.json");
  const testing::Ended ended =
      testing::run_program({LOCKSTEP_FUZZ, "--plant", "all", "--operations", "2000", "--save", file}, {{}, 600});
  if (ended.code == 3) GTEST_SKIP() << "this host cannot run it";
  ASSERT_TRUE(ended.code == 0 || ended.code == 1)
      << ended.code << ended.err;  // 2000 operations may be too few for some
  EXPECT_EQ(names_of(read_json(file)), planted);
}

TEST(Kinds, AreEachTried) {
  const Result<Report> report = fuzz({.seed = 5, .operations = 20'000});
  LOCKSTEP_NEED(report);
  EXPECT_EQ(found(*report), "");
  EXPECT_GT(report->kinds.executed, 500U);
  EXPECT_GT(report->kinds.stacked, 1000U);
  EXPECT_EQ(report->kinds.reclaimed, 0U) << "nobody asked for it";
}

TEST(Kinds, ReclaimIsRefusedWithoutRoot) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(1);
    const Result<Report> report = fuzz({.reclaim = true});
    ::_exit(!report.ok() && report.error().kind == ErrorKind::unsupported ? 42 : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 42);
}

class BadCases : public ::testing::Test {
 protected:
  std::string error_of(const std::string& text) {
    const Result<FuzzCase> read = read_fuzz_case(dir_.write("case.json", text));
    return read.ok() ? "" : std::to_string(read.error().line) + ": " + read.error().message;
  }

  const testing::TemporaryDirectory dir_;
};

TEST_F(BadCases, AreErrorsWithTheirLine) {
  const std::string head = "{\"schema\": \"lockstep.fuzz/1\",\n",
                    layers = "\"layers\": [{\"handled\": [\"read_file\"], \"rules\": []}],\n",
                    operations = "\"operations\": [{\"op\": \"stat\", \"path\": \"x\"}]}";
  EXPECT_EQ(error_of(head + "\"items\": [],\n" + layers + operations), "");
  EXPECT_EQ(error_of("{\"schema\": \"x\"}"), "1: the schema must be lockstep.fuzz/1");
  EXPECT_EQ(error_of(head + layers + operations), "1: \"items\" must be a list");
  EXPECT_EQ(error_of(head + "\"items\": [\n{\"kind\": \"dir\", \"path\": \"/etc\"}],\n" + layers + operations),
            "3: path: write a path relative to the tree, without ..");
  EXPECT_EQ(error_of(head + "\"items\": [\n{\"kind\": \"dir\", \"path\": \"a/../../b\"}],\n" + layers + operations),
            "3: path: write a path relative to the tree, without ..");
  EXPECT_EQ(error_of(head + "\"items\": [\n{\"kind\": \"door\", \"path\": \"a\"}],\n" + layers + operations),
            "3: there is no kind of item \"door\"");
  EXPECT_EQ(error_of(head + "\"items\": [], \"layers\": [],\n" + operations),
            "1: a fuzz case needs a layer and an operation");
  EXPECT_EQ(error_of(head + "\"items\": [],\n\"layers\": [{\"handled\": [\"fly\"], \"rules\": []}],\n" + operations),
            "3: there is no right \"fly\"");
  EXPECT_EQ(error_of(head +
                     "\"items\": [],\n\"layers\": [{\"handled\": [\"read_file\"], \"rules\":\n[{\"path\": "
                     "\"a\", \"rights\": [\"execute\"]}]}],\n" +
                     operations),
            "4: a rule's rights must be some of those its layer handles");
  const std::string policy = head + "\"plan_abi\": 7, \"items\": [],\n\"layers\": [{\"policy\": ";
  EXPECT_EQ(error_of(policy + "{\"read_only\": [\"t\"]}}],\n" + operations), "");
  EXPECT_EQ(error_of(policy + "{\"read_only\": [\"@0\"]}}],\n" + operations),
            "3: a policy's path: write a name, absolute or relative to the tree, without .. and holds");
  EXPECT_EQ(error_of(policy + "{}, \"handled\": []}],\n" + operations),
            "3: a layer has a policy, or handled and rules");
  EXPECT_EQ(error_of(head + "\"items\": [],\n\"layers\": [{\"policy\": {}}],\n" + operations),
            "1: plan_abi is of cases with a policy, and of all of them");
  EXPECT_EQ(error_of(head + "\"identity\": \"user\", \"reclaim\": true, \"items\": [],\n" + layers + operations),
            "1: reclaim needs the identity root, and no chroot");
  const std::string before = head + "\"items\": [],\n" + layers + "\"operations\": [{\"path\": \"x\", \"op\": ";
  EXPECT_EQ(error_of(before + "\"cu-init\"}]}"), "4: cu-init is not one operation");
  for (const char* nobody :
       {"\"stat\", \"actor\": \"early-thread\"", "\"ioctl\", \"mode\": \"before\", \"actor\": \"exec\"",
        "\"stat\", \"mode\": \"whiteout\"", "\"mkdir\", \"mode\": \"own-server\"", "\"comm-open\""})
    EXPECT_NE(error_of(before + nobody + "}]}").find("4: there is no such mode or actor"), std::string::npos) << nobody;
}

TEST(FuzzCases, AreWrittenAsTheyAreRead) {
  FuzzCase whole;
  whole.why = "round trip";
  whole.identity = Identity::user;
  whole.chroot = "t";
  whole.finds = {"gain-unchecked"};
  whole.items = {{ItemKind::dir, "t", {}, {}, {}, 0700},
                 {ItemKind::symlink, "t/l", "../x", {}, {}},
                 {ItemKind::hold, "t/m/in", "@0", "t/out", "t/m"}};
  whole.layers = {{{}, {}, {}}, {Right::read_file | Right::refer, {{"@0", Right::refer}, {"/", Right::read_file}}, {}}};
  whole.layers[0].restrictions.scopes = Scope::signal;
  whole.layers[0].restrictions.net = NetRight::bind_tcp;
  whole.layers[0].restrictions.ports = {{NetRight::bind_tcp, 22}};
  whole.peer_layers = 1;
  whole.peer_executed = whole.reclaim = true;
  whole.chroot.clear(), whole.identity = Identity::root;  // which reclaim needs
  whole.plan_abi = 3;
  whole.layers[1].rules[0].pinned = true;
  whole.layers.push_back({});
  whole.layers[2].restrictions.scopes = Scope::signal;
  whole.layers[2].policy = PolicySpec{
      {"t"}, {"/proc"}, {{"t/a", Right::read_file, false}}, {"/usr"}, "t/w", true, true, true, 2, ConflictMode::keep};
  whole.operations = {{Operation::bind_tcp, Mode::plain, Actor::self, {}, {}, 4101},
                      {Operation::signal, Mode::plain, Actor::self, "peer", {}},
                      {Operation::stat, Mode::plain, Actor::exec, "t", {}},
                      {Operation::rename, Mode::whiteout, Actor::child, "t/a", "@0/b"}};
  const testing::TemporaryDirectory dir;
  const Result<FuzzCase> again = read_fuzz_case(dir.write("case.json", to_json(whole)));
  ASSERT_TRUE(again.ok()) << again.error().to_string();
  EXPECT_EQ(to_json(*again), to_json(whole));
}

TEST(Program, SaysByItsExitCodeWhatHappened) {
  const std::string kept = LOCKSTEP_SOURCE_DIR "/fixtures/fuzz/exchange-one-way.json";
  EXPECT_EQ(exit_of("--help"), 0);
  EXPECT_EQ(exit_of("--list-faults"), 0);
  for (const char* bad : {"--seed x", "--seed", "--operations 0", "--layers 17", "--nonsense", "--plant nothing",
                          "--replay /missing.json", "--seconds -1", "--plant all --replay x", "--replay /dev/null"})
    EXPECT_EQ(exit_of(bad), 2) << bad;
  if (exit_of("--replay " + kept) == 3) GTEST_SKIP() << "this host cannot run it";
  EXPECT_EQ(exit_of("--replay " + kept), 0);
  EXPECT_EQ(exit_of("--replay " + kept + " --plant exchange-one-way"), 1);
  EXPECT_EQ(exit_of("--operations 500 --workers 1 --thread-tier"), 0);
  EXPECT_EQ(exit_of("--operations 5000 --plant only-the-object"), 1);
  EXPECT_EQ(exit_of("--operations 500 --save /missing/file"), 2);
  const testing::TemporaryDirectory dir;
  const std::string file = dir.at("report.json");
  EXPECT_EQ(exit_of("--operations 5000 --plant only-the-object --save " + file), 1);
  const Json report = read_json(file);
  EXPECT_EQ(report.at("schema"), "lockstep.fuzz-report/1");
  EXPECT_EQ(report.at("disagreements"), 1);
  EXPECT_EQ(report.at("case").at("schema"), "lockstep.fuzz/1");
}

}  // namespace
}  // namespace lockstep::conformance::fuzz
