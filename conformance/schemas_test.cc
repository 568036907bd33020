// Every document that Lockstep reads or writes, held to its JSON Schema by a validator that is not ours
// (scripts/validate-schemas). What the programs write is written here anew. Each document is also broken, one
// place after the other: a validator or a schema that takes anything would pass all the rest.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <lockstep/kernel.h>

#include "testing/run_program.h"

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
    if (line.starts_with(start) && line.find('/', start.size()) == std::string::npos)
      out.insert(line.substr(start.size()));
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
    EXPECT_TRUE(std::regex_search(ended.out, std::regex("1 documents, [1-9][0-9]+ broken variants, 0 wrong\n$")))
        << ended.out;
    EXPECT_EQ(optional_at_top(ended.out), optional) << file;
  }

  // What a program prints.
  void expect_printed(const Words& words, const Set& codes, const Set& optional, const std::string& as = {}) {
    const Ended ended = run(words);
    EXPECT_TRUE(codes.contains(std::to_string(ended.code))) << words[0] << " " << words[1] << ": " << ended.code << "\n"
                                                            << ended.err;
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
      for (std::sregex_iterator each(text.begin(), text.end(), name), end; each != end; ++each)
        named.insert((*each)[1]);
    }
  for (const char* no_json : {"golden", "plan"}) named.erase(no_json);  // lines of text, and bytes
  named.insert("allow");                                                // an input that names no schema
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
  expect_held(fixtures + "/observed/550.54.15-no-device/trace.json", {});
}

TEST_F(Schemas, HoldWhatLockstepPrints) {
  expect_printed({LOCKSTEP_CLI, "host", "--format", "json"}, {"0"}, {"absent", "gpu_nodes", "kernel"});
  expect_printed({LOCKSTEP_CLI, "abi", "--format", "json"}, {"0"}, {});
  for (const char* abi : {"1", "7", "11"})
    expect_printed({LOCKSTEP_CLI, "show", fixtures + "/policies/custom/quiet.yaml", "--host",
                    fixtures + "/hosts/nvidia-8.json", "--abi", abi, "--format", "json"},
                   {"0"}, {});
  expect_printed({LOCKSTEP_CLI, "show", fixtures + "/policies/default/restrictive.yaml", "--host",
                  fixtures + "/hosts/missing-baseline.json", "--proxy", "on", "--format", "json"},
                 {"0"}, {});
  const Words traps = {LOCKSTEP_CLI, "lint", gpu_policies + "comm-read-only.yaml",
                       fixtures + "/policies/custom/nested.yaml", "--format"};
  const Words change = {LOCKSTEP_CLI,
                        "diff",
                        fixtures + "/policies/custom/scopes.yaml",
                        gpu_policies + "training.yaml",
                        "--hosts",
                        fixtures + "/hosts",
                        "--format"};
  const auto with = [](Words words, const char* format) {
    words.emplace_back(format);
    return words;
  };
  const auto flagged = [](Words words, const char* flag) {
    words.insert(words.begin() + 2, flag);
    return words;
  };
  const auto snapshot = [&](const std::string& policy) {
    const Ended ended =
        run({LOCKSTEP_CLI, "show", policy, "--host", fixtures + "/hosts/nvidia-1.json", "--format", "json"});
    EXPECT_EQ(ended.code, 0) << ended.err;
    return dir_.write(std::filesystem::path(policy).stem().string() + ".json", ended.out);
  };
  expect_printed(flagged(with(change, "json"), "--as-written"), {"1"}, {});
  expect_printed({LOCKSTEP_CLI, "diff", "--snapshots", snapshot(fixtures + "/policies/custom/scopes.yaml"),
                  snapshot(gpu_policies + "training.yaml"), "--format", "json"},
                 {"1"}, {});
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
  // How many of the faults so few operations find is not asked here.
  ended = run({LOCKSTEP_FUZZ, "--plant", "all", "--operations", "60", "--save", dir_.at("faults.json")});
  ASSERT_TRUE(ended.code == 0 || ended.code == 1) << ended.code << ended.out << ended.err;
  expect_held(dir_.at("faults.json"), {});
  expect_printed({LOCKSTEP_DOCTOR, "--format", "json", gpu_policies + "comm-read-only.yaml"}, {"0", "1", "3"}, {});
}

TEST_F(Schemas, HoldATraceHoweverItEnds) {
  const std::string trace = dir_.at("trace.json");
  for (const char* script : {"exit 7", "kill -9 $$", "sleep 60"}) {
    const Ended ended = run({LOCKSTEP_CUDA_TRACE, "--output", trace, "--timeout", "1", "--", "/bin/sh", "-c", script});
    if (ended.code == 3) GTEST_SKIP() << ended.err;
    ASSERT_TRUE(std::filesystem::exists(trace)) << script << "\n" << ended.out << ended.err;
    expect_held(trace, {});
    std::filesystem::remove(trace);
  }
}

TEST_F(Schemas, TakeNoTraceThatEndedTwiceOrNotAtAll) {
  std::string text = text_of(fixtures + "/observed/550.54.15-no-device/trace.json");
  const auto code_with = [&](const std::string& how) {
    return validate({dir_.write("trace.json", std::regex_replace(text, std::regex(R"("exit": [0-9]+,)"), how))}).code;
  };
  EXPECT_EQ(code_with(R"("exit": 0,)"), 0);
  EXPECT_EQ(code_with(R"("signal": 9,)"), 0);
  EXPECT_EQ(code_with(R"("exit": 0, "signal": 9,)"), 1);
  EXPECT_EQ(code_with(""), 1);
  text = std::regex_replace(text, std::regex(R"("timed_out": false)"), R"("timed_out": true)");
  EXPECT_EQ(code_with(""), 0);
  EXPECT_EQ(code_with(R"("signal": 9,)"), 1) << "it was ended by the time, and that is not its signal";
}

// Without privileges it reclaims by lookups alone: the machine's caches are left as they are.
TEST_F(Schemas, HoldASoakAndASurface) {
  if (!has_landlock()) GTEST_SKIP() << "needs Landlock";
  Words words = {LOCKSTEP_CONFORMANCE, "--soak", "1", "--soak-report", dir_.at("soak.json")};
  if (::geteuid() == 0) {
    std::filesystem::permissions(dir_.path(), std::filesystem::perms::all);
    words.insert(words.begin(), {"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
  }
  Ended ended = run(words);
  if (ended.code == 127 || ended.code == 126)
    GTEST_SKIP() << "an ordinary user cannot start the suite here: " << ended.err;
  ASSERT_TRUE(std::filesystem::exists(dir_.at("soak.json"))) << ended.code << "\n" << ended.out << ended.err;
  expect_held(dir_.at("soak.json"), {});
  ended = run({LOCKSTEP_CONFORMANCE, "--surface", dir_.at("surface.json")});
  if (ended.code == 3) GTEST_SKIP() << ended.err;
  ASSERT_EQ(ended.code, 0) << ended.out << ended.err;
  expect_held(dir_.at("surface.json"), {});
}

TEST_F(Schemas, HoldAReclaim) {
  if (std::getenv("LOCKSTEP_RECLAIM") == nullptr)
    GTEST_SKIP() << "set LOCKSTEP_RECLAIM=1: it drops the dentry cache of the whole machine";
  const Ended ended = run({LOCKSTEP_CONFORMANCE, "--reclaim", dir_.at("reclaim.json")});
  if (ended.code == 3) GTEST_SKIP() << ended.err;
  ASSERT_EQ(ended.code, 0) << ended.out << ended.err;
  expect_held(dir_.at("reclaim.json"), {});
}

// OASIS's own schema is not ours to keep here: whoever has the file names it. Ours is for what we write
// alone, and must not take there what the official one refuses.
TEST_F(Schemas, HoldSarifToTheOfficialOneWhereItIsAtHand) {
  const char* official = std::getenv("LOCKSTEP_SARIF_SCHEMA");
  if (official == nullptr)
    GTEST_SKIP() << "set LOCKSTEP_SARIF_SCHEMA to OASIS's sarif-schema-2.1.0.json "
                    "(https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/)";
  const std::string training = gpu_policies + "training.yaml";
  const std::vector<std::pair<Words, int>> writers = {
      {{LOCKSTEP_CLI, "lint", gpu_policies + "comm-read-only.yaml", fixtures + "/policies/custom/nested.yaml"}, 1},
      {{LOCKSTEP_CLI, "diff", fixtures + "/policies/custom/scopes.yaml", training, "--hosts", fixtures + "/hosts"}, 1},
      {{LOCKSTEP_CLI, "diff", training, training, "--hosts", fixtures + "/hosts"}, 0}};
  for (auto [words, code] : writers) {
    words.insert(words.end(), {"--format", "sarif"});
    const Ended written = run(words);
    ASSERT_EQ(written.code, code) << written.err;
    const std::string file = dir_.write("printed.sarif", written.out);
    const Ended held = validate({"--schema", official, file});
    EXPECT_EQ(held.code, 0) << held.out << held.err;
    const Ended broken =
        validate({"--schema", official,
                  dir_.write("broken.sarif", std::regex_replace(written.out, std::regex("\"runs\""), "\"run\""))});
    EXPECT_EQ(broken.code, 1) << "a schema that takes anything: " << broken.out << broken.err;
    const Ended against = validate({"--as", "sarif.subset", "--against", official, file});
    EXPECT_EQ(against.code, 0) << against.out << against.err;
    EXPECT_TRUE(std::regex_search(against.out, std::regex(": [1-9][0-9]+ variants are refused by the other schema\n")))
        << against.out;
  }
}

TEST_F(Schemas, HoldBootsAndTheMatrixOfThem) {
  Words show = {LOCKSTEP_MATRIX, "show", "--output", dir_.at("matrix.json")};
  for (const auto& [label, fact] :
       {std::pair<std::string, std::string>{"6.1", "unavailable=no network"}, {"6.12", "expected=ABI 6"}}) {
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

// The file of accepted changes is read by hand elsewhere: the schema and that reader must take and refuse the
// same.
TEST_F(Schemas, OfAcceptedChangesSaysWhatItsReaderSays) {
  const std::string good =
      R"({"path": "/proc", "rights": ["write_file"], "reason": "CUDA names its threads", "expires": "2999-03-31"})";
  const std::string setting =
      R"({"change": "min-abi", "is": "min_abi 3 before, 2 now", "reason": "an old fleet", "expires": "2999-01-15"})";
  const auto file_of = [&](const std::string& entry) {
    return dir_.write("allow.json", "{\"accepted\": [" + entry + "]}");
  };
  expect_held(file_of(good + ", " + setting), {}, "lockstep.allow/1");
  std::vector<std::pair<std::string, bool>> table = {
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
      {R"({"path": "/proc", "rights": ["all"], "is": "m", "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"path": "/proc", "rights": ["all"], "reason": " ", "expires": "2999-01-15"})", false},
      {R"({"change": "log", "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"change": "log", "is": "\t", "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"rights": ["all"], "change": "log", "is": "m", "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"change": "no-such", "is": "m", "reason": "r", "expires": "2999-01-15"})", false},
      {R"({"change": "log", "is": "m", "reason": "", "expires": "2999-01-15"})", false},
      {R"({"change": "log", "is": "m", "reason": "r", "expires": "2999-13-15"})", false},
      {R"({"change": "log", "is": "m", "reason": "r"})", false}};
  for (const auto& [day, taken] : {std::pair{"2999-02-28", true},
                                   {"2999-02-29", false},
                                   {"2999-02-30", false},
                                   {"2996-02-29", true},
                                   {"2900-02-29", false},
                                   {"2800-02-29", true},
                                   {"2999-04-30", true},
                                   {"2999-04-31", false},
                                   {"2999-11-31", false},
                                   {"2999-12-31", true},
                                   {"2999-12-32", false},
                                   {"2999-12-00", false}})
    table.emplace_back(std::string(R"({"change": "log", "is": "m", "reason": "r", "expires": ")") + day + "\"}", taken);
  for (const auto& [path, taken] : {std::pair{"/srv/**", true},
                                    {"/**", true},
                                    {"/srv/*/**", true},
                                    {"/srv/a*b*/c", true},
                                    {"**", false},
                                    {"/srv/**/a", false},
                                    {"/srv/***", false},
                                    {"/srv**", false},
                                    {"/**/**", false}})
    table.emplace_back(
        std::string(R"({"rights": ["all"], "reason": "r", "expires": "2999-01-15", "path": ")") + path + "\"}", taken);
  Words files = {"--as", "lockstep.allow/1"};
  for (std::size_t i = 0; i < table.size(); ++i)
    files.push_back(dir_.write("allow" + std::to_string(i) + ".json", "{\"accepted\": [" + table[i].first + "]}"));
  const Ended said = validate(files);
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto& [entry, taken] = table[i];
    EXPECT_EQ(said.out.find(files[i + 2] + ": ") == std::string::npos, taken) << entry << "\n" << said.out << said.err;
    const Ended read =
        run({LOCKSTEP_CLI, "diff", gpu_policies + "comm-read-only.yaml", gpu_policies + "comm-read-only.yaml", "--host",
             fixtures + "/hosts/none.json", "--allow", files[i + 2]});
    EXPECT_EQ(read.code, taken ? 0 : 2) << entry << "\n" << read.err;
  }
}

TEST_F(Schemas, AreAskedForAndBadInputIsSaid) {
  EXPECT_EQ(validate({dir_.write("a.json", R"({"schema": "lockstep.host/2"})")}).code, 1);
  EXPECT_EQ(validate({dir_.write("b.json", "{}")}).code, 1);
  EXPECT_EQ(
      validate({dir_.write("c.json", R"({"schema": "lockstep.host/1", "gpu": "none", "gpu": "none", "present": []})")})
          .code,
      2);
  EXPECT_EQ(validate({dir_.write("d.json", "{")}).code, 2);
  EXPECT_EQ(validate({dir_.at("missing.json")}).code, 2);
  EXPECT_EQ(validate({}).code, 2);
  EXPECT_EQ(validate({"--schema", dir_.write("e.json", "{}"), fixtures + "/hosts/none.json"}).code, 2) << "of no draft";
  EXPECT_EQ(validate({"--schema",
                      dir_.write("f.json", R"({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": 7})"),
                      fixtures + "/hosts/none.json"})
                .code,
            2);
  EXPECT_EQ(validate({"--nosuch", fixtures + "/hosts/none.json"}).code, 2);
}

}  // namespace
}  // namespace lockstep::conformance
