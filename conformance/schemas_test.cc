// Every document that Lockstep reads or writes, held to its JSON Schema by a validator that is not ours (scripts/validate-schemas).
// What the programs write is written here anew. Each document is also broken, one place after the other: a validator or a schema
// that takes anything would pass all the rest.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "cli/testing.h"
#include "landlock/kernel.h"

namespace lockstep::conformance {
namespace {

using lockstep::testing::Ended;
using lockstep::testing::RunOptions;
using lockstep::testing::TemporaryDirectory;
using Words = std::vector<std::string>;
using Set = std::set<std::string>;

const std::string top = LOCKSTEP_SOURCE_DIR;
const std::string fixtures = top + "/fixtures";
const std::string gpu_policies = fixtures + "/policies/gpu/";

Ended run(Words words) {
  RunOptions options;
  options.seconds = 120;
  return lockstep::testing::run_program(words, options);
}

Ended validate(Words words) {
  words.insert(words.begin(), top + "/scripts/validate-schemas");
  return run(std::move(words));
}

Words json_files(const std::string& folder) {
  Words out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(fixtures + "/" + folder))
    if (entry.path().extension() == ".json") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The fields at the document's top that may be missing, as the validator found by leaving each out.
Set optional_at_top(const std::string& said) {
  Set out;
  std::istringstream lines(said);
  const std::string start = "optional /";
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(start) && line.find('/', start.size()) == std::string::npos) out.insert(line.substr(start.size()));
  return out;
}

class Schemas : public ::testing::Test {
 protected:
  void SetUp() override {
    const Ended here = validate({fixtures + "/hosts/none.json"});
    if (here.code == 3) GTEST_SKIP() << here.err;
    if (here.code == 127) GTEST_SKIP() << "needs python3 and python3-jsonschema: " << here.err;
    ASSERT_EQ(here.code, 0) << here.out << here.err;
  }

  // Valid as it is, in no variant that is broken, and with these fields optional, no other.
  static void expect_held(const std::string& file, const Set& optional, const std::string& as = {}) {
    Words words = {"--break", file};
    if (!as.empty()) words.insert(words.begin(), {"--as", as});
    const Ended ended = validate(words);
    EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
    EXPECT_TRUE(std::regex_search(ended.out, std::regex("1 documents, [1-9][0-9]+ broken variants, 0 wrong\n$"))) << ended.out;
    EXPECT_EQ(optional_at_top(ended.out), optional) << file;
  }

  // What a program prints.
  void expect_printed(const Words& words, const Set& codes, const Set& optional, const std::string& as = {}) {
    const Ended ended = run(words);
    EXPECT_TRUE(codes.contains(std::to_string(ended.code))) << words[0] << " " << words[1] << ": " << ended.code << "\n" << ended.err;
    expect_held(dir_.write("printed.json", ended.out), optional, as);
  }

  static bool has_landlock() { return query_kernel().ok(); }

  TemporaryDirectory dir_;
};

TEST(SchemaFiles, AreThoseOfTheDocumentsThatTheSourcesName) {
  Set named, there;
  const std::regex name("lockstep\\.([a-z-]+)/1");
  for (const char* folder : {"/src", "/conformance"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(top + folder)) {
      const std::string file = entry.path();
      if (!file.ends_with(".h") && (!file.ends_with(".cc") || file.ends_with("_test.cc"))) continue;
      const std::string text = text_of(entry.path());
      for (std::sregex_iterator each(text.begin(), text.end(), name), end; each != end; ++each) named.insert((*each)[1]);
    }
  named.erase("golden");  // lines of text, no JSON
  named.insert("allow");  // an input that names no schema
  for (const std::string& file : json_files("schemas")) {
    const std::string stem = std::filesystem::path(file).stem();
    if (stem != "sarif.subset") there.insert(stem.substr(9, stem.size() - 11));  // lockstep.NAME.1
  }
  EXPECT_EQ(named, there);
}

TEST_F(Schemas, HoldEveryFixture) {
  Words files;
  for (const char* folder : {"hosts", "cases", "fuzz", "observed"}) {
    const Words some = json_files(folder);
    EXPECT_GT(some.size(), 5U) << folder;
    files.insert(files.end(), some.begin(), some.end());
  }
  const Ended ended = validate(files);
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  EXPECT_EQ(ended.out, std::to_string(files.size()) + " documents, 0 wrong\n");
}

TEST_F(Schemas, TakeNoBrokenFixture) {
  expect_held(fixtures + "/cases/ports-are-those-named.json", {"expect", "identities", "plan_abis"});
  expect_held(fixtures + "/hosts/mig.json", {"gpu_nodes"});
  expect_held(fixtures + "/fuzz/unlink-follows.json", {"finds", "identity", "why"});
  expect_held(fixtures + "/observed/kernel-matrix.json", {});
  expect_held(fixtures + "/observed/planted-faults.json", {});
  expect_held(fixtures + "/observed/procfs-surface.json", {});
  expect_held(fixtures + "/observed/procfs-reclaim.json", {});
  expect_held(fixtures + "/observed/procfs-soak.json", {});
  expect_held(fixtures + "/observed/550.54.15-no-device/trace.json", {"exit"});
}

TEST_F(Schemas, HoldWhatLockstepPrints) {
  expect_printed({LOCKSTEP_CLI, "host", "--format", "json"}, {"0"}, {"absent", "gpu_nodes", "kernel"});
  expect_printed({LOCKSTEP_CLI, "abi", "--format", "json"}, {"0"}, {});
  for (const char* abi : {"1", "7", "11"})
    expect_printed({LOCKSTEP_CLI, "show", fixtures + "/policies/custom/quiet.yaml", "--host", fixtures + "/hosts/nvidia-8.json", "--abi", abi,
                    "--format", "json"},
                   {"0"}, {});
  expect_printed({LOCKSTEP_CLI, "show", fixtures + "/policies/default/restrictive.yaml", "--host", fixtures + "/hosts/missing-baseline.json",
                  "--proxy", "on", "--format", "json"},
                 {"0"}, {});
  const Words traps = {LOCKSTEP_CLI, "lint", gpu_policies + "comm-read-only.yaml", fixtures + "/policies/custom/nested.yaml", "--format"};
  const Words change = {LOCKSTEP_CLI, "diff", fixtures + "/policies/custom/scopes.yaml", gpu_policies + "training.yaml",
                        "--hosts",    fixtures + "/hosts", "--format"};
  const auto with = [](Words words, const char* format) {
    words.emplace_back(format);
    return words;
  };
  expect_printed(with(traps, "json"), {"1"}, {});
  expect_printed({LOCKSTEP_CLI, "lint", "--list", "--format", "json"}, {"0"}, {});
  expect_printed(with(change, "json"), {"1"}, {});
  expect_printed(with(traps, "sarif"), {"1"}, {}, "sarif.subset");
  expect_printed(with(change, "sarif"), {"1"}, {}, "sarif.subset");
}

TEST_F(Schemas, HoldWhatTheSuiteWrites) {
  if (!has_landlock()) GTEST_SKIP() << "needs Landlock";
  const std::string report = dir_.at("report.json"), fuzz = dir_.at("fuzz.json");
  Ended ended = run({LOCKSTEP_CONFORMANCE, "--gtest_filter=*gpu_node_by_grant_without_ioctl*", "--report", report});
  ASSERT_EQ(ended.code, 0) << ended.out << ended.err;
  expect_held(report, {});
  ended = run({LOCKSTEP_FUZZ, "--operations", "2000", "--save", fuzz});
  ASSERT_EQ(ended.code, 0) << ended.out << ended.err;
  expect_held(fuzz, {});
  expect_printed({LOCKSTEP_DOCTOR, "--format", "json", gpu_policies + "comm-read-only.yaml"}, {"0", "1", "3"}, {});
}

TEST_F(Schemas, HoldATrace) {
  const std::string trace = dir_.at("trace.json");
  const Ended ended = run({LOCKSTEP_CUDA_TRACE, "--output", trace, "--", "/bin/true"});
  if (ended.code == 3) GTEST_SKIP() << ended.err;
  ASSERT_EQ(ended.code, 0) << ended.out << ended.err;
  expect_held(trace, {"exit"});
}

TEST_F(Schemas, HoldBootsAndTheMatrixOfThem) {
  Words show = {LOCKSTEP_MATRIX, "show", "--output", dir_.at("matrix.json")};
  for (const auto& [label, fact] : {std::pair<std::string, std::string>{"6.1", "unavailable=no network"}, {"6.12", "expected=ABI 6"}}) {
    dir_.write(label + "/console.txt", "[    0.000000] Linux version\n[    1.0] Kernel panic - not syncing: no init\n");
    const Ended ended = run({LOCKSTEP_MATRIX, "record", dir_.at(label), "label=" + label, fact});
    ASSERT_EQ(ended.code, 0) << ended.out << ended.err;
    expect_held(dir_.at(label + "/boot.json"), {});
    show.push_back(dir_.at(label));
  }
  const Ended ended = run(show);
  EXPECT_EQ(ended.code, 4) << ended.out << ended.err;  // a kernel that panicked
  expect_held(dir_.at("matrix.json"), {});
}

// The file of accepted changes is read by hand elsewhere: the schema and that reader must take and refuse the same
// (but for the 31st of a month that has none, which a pattern does not know).
TEST_F(Schemas, OfAcceptedChangesSaysWhatItsReaderSays) {
  const std::string good = R"({"path": "/proc", "rights": ["write_file"], "reason": "CUDA names its threads", "expires": "2999-03-31"})";
  const std::string setting =
      R"({"change": "min-abi", "is": "min_abi 3 before, 2 now", "reason": "an old fleet", "expires": "2999-01-15"})";
  const auto file_of = [&](const std::string& entry) { return dir_.write("allow.json", "{\"accepted\": [" + entry + "]}"); };
  expect_held(file_of(good + ", " + setting), {}, "lockstep.allow/1");
  const std::vector<std::pair<std::string, bool>> table = {
      {good, true},
      {setting, true},
      {R"({"path": "*", "rights": ["all", "refer"], "reason": "r", "expires": "2999-01-15"})", true},
      {R"({"path": "/proc", "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"path": "/proc", "rights": "all", "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"path": "/proc", "rights": [], "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"path": "proc", "rights": ["all"], "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"path": "/proc", "rights": ["some"], "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"path": "/proc", "rights": ["all"], "change": "log", "is": "m", "reason": "r", "expires": "2999-01-15"})",
       false},
      {R"({"path": "/srv/**", "rights": ["all"], "reason": "r", "expires": "2999-01-15"})", true},
      {R"({"path": "/**", "rights": ["all"], "reason": "r", "expires": "2999-01-15"})", true},
      {R"({"path": "/**/a", "rights": ["all"], "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"path": "/a**", "rights": ["all"], "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"path": "/a/***", "rights": ["all"], "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"path": "/proc", "rights": ["all"], "is": "m", "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"path": "/proc", "rights": ["all"], "reason": " ", "expires": "2999-01-15"})", false},
      {R"({"change": "log", "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"change": "log", "is": "\t", "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"rights": ["all"], "change": "log", "is": "m", "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"change": "no-such", "is": "m", "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"change": "log", "is": "m", "reason": "", "expires": "2999-01-15"})", false},
      {R"({"change": "log", "is": "m", "reason": "r", "expires": "2999-13-15"})", false},
      {R"({"change": "log", "is": "m", "reason": "r"})", false}};
  for (const auto& [entry, taken] : table) {
    const std::string file = file_of(entry);
    EXPECT_EQ(validate({"--as", "lockstep.allow/1", file}).code, taken ? 0 : 1) << entry;
    const Ended read = run({LOCKSTEP_CLI, "diff", gpu_policies + "comm-read-only.yaml", gpu_policies + "comm-read-only.yaml", "--host",
                            fixtures + "/hosts/none.json", "--allow", file});
    EXPECT_EQ(read.code, taken ? 0 : 2) << entry << "\n" << read.err;
  }
}

TEST_F(Schemas, AreAskedForAndBadInputIsSaid) {
  EXPECT_EQ(validate({dir_.write("a.json", R"({"schema": "lockstep.host/2"})")}).code, 1);
  EXPECT_EQ(validate({dir_.write("b.json", "{}")}).code, 1);
  EXPECT_EQ(validate({dir_.write("c.json", R"({"schema": "lockstep.host/1", "gpu": "none", "gpu": "none", "present": []})")}).code, 2);
  EXPECT_EQ(validate({dir_.write("d.json", "{")}).code, 2);
  EXPECT_EQ(validate({dir_.at("missing.json")}).code, 2);
  EXPECT_EQ(validate({}).code, 2);
  EXPECT_EQ(validate({"--nosuch", fixtures + "/hosts/none.json"}).code, 2);
}

}  // namespace
}  // namespace lockstep::conformance
