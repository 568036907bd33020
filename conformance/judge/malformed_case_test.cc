// What a case file may not say: one row each, with the line and a distinctive part of the answer.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "conformance/judge/row.h"
#include "testing/run_program.h"

namespace lockstep::conformance::judge {
namespace {

using namespace std::string_literals;
using lockstep::testing::TemporaryDirectory;

struct BadCase {
  std::string text;
  int line;
  std::string_view says;
};

constexpr char head[] = "{\"schema\": \"lockstep.case/1\",\n\"name\": \"x\",\n\"why\": \"w\",\n";
constexpr char context[] = "\"policy\": \"policies/p.yaml\",\n\"host\": \"hosts/h.json\"";

// The keys of a case that is right up to here stand on lines 1 to 5; what is wrong, on 6.
std::string with(const std::string& more) {
  return head + (context + (",\n" + more)) + "}";
}
std::string expecting(const std::string& more) {
  return with("\"expect\": [{" + more + "}]");
}

const std::vector<BadCase>& bad_cases() {
  static const std::vector<BadCase> table = {
      // The text itself.
      {"", 1, "not valid JSON"},
      {"null", 0, "empty"},
      {"[]", 1, "a case must be a mapping"},
      {"\"case\"", 1, "a case must be a mapping"},
      {head, 3, "not valid JSON"},
      {head + (context + ",\n\"expect\": ["s), 6, "not valid JSON"},
      {std::string(head) + "\"why\0\": 1}"s, 4, "NUL"},
      {std::string(head) + "\"why2\": \"\xff\"}", 4, "UTF-8"},
      {std::string(head) + "\"why\": \"again\"}", 4, "twice"},
      {with("\"source\": \"user\",\n\"source\": \"user\""), 7, "twice"},
      {"{\"name\": \"x\"}", 1, "\"schema\": \"lockstep.case/1\""},
      {"{\"schema\": \"lockstep.case/2\"}", 1, "\"schema\": \"lockstep.case/1\""},
      {"{\"schema\": [\"lockstep.case/1\"]}", 1, "\"schema\": \"lockstep.case/1\""},
      // The top.
      {"{\"schema\": \"lockstep.case/1\", \"why\": \"w\"}", 1, "needs \"name\" and \"why\""},
      {"{\"schema\": \"lockstep.case/1\", \"name\": \"x\"}", 1, "needs \"name\" and \"why\""},
      {"{\"schema\": \"lockstep.case/1\",\n\"name\": [\"x\"], \"why\": \"w\"}", 2, "name must be a string"},
      {"{\"schema\": \"lockstep.case/1\",\n\"name\": \"y\", \"why\": \"w\"}", 2, "the file's name"},
      {"{\"schema\": \"lockstep.case/1\",\n\"name\": \"x\",\n\"why\": {}}", 3, "why must be a string"},
      {std::string(head) + "\"policy\": \"policies/p.yaml\"}", 1, "needs \"policy\" and \"host\""},
      {std::string(head) + "\"host\": \"hosts/h.json\"}", 1, "needs \"policy\" and \"host\""},
      {std::string(head) + "\"policy\": [], \"host\": \"hosts/h.json\"}", 4, "policy must be a string"},
      {std::string(head) + "\"policy\": \"policies/p.yaml\",\n\"host\": {}}", 5, "host must be a string"},
      {expecting("\"op\": \"connect-unix\", \"path\": \"/a\", \"server\": \"datagram\", \"result\": \"allow\""), 6,
       "stream, seqpacket or dgram"},
      {expecting("\"op\": \"mksock\", \"path\": \"/a\", \"server\": \"dgram\", \"result\": \"allow\""), 6,
       "server: of connect-unix"},
      {expecting("\"op\": \"connect-unix\", \"mode\": \"own-server\", \"path\": \"/a\", \"server\": \"dgram\", "
                 "\"result\": \"allow\""),
       6, "server: of connect-unix"},
      {expecting("\"op\": \"mksock\", \"mode\": \"dgram\", \"path\": \"/a\", \"result\": \"allow\""), 6,
       "is no mode of mksock"},
      {with("\"stacked\": []"), 6, "from 1 to 15 policies"},
      {with("\"stacked\": \"policies/p.yaml\""), 6, "stacked must be a list"},
      {with("\"expects\": []"), 6, "did you mean expect?"},
      {with("\"plan_abi\": \"1-\""), 6, "did you mean plan_abis?"},
      {with("\"source\": \"root\""), 6, "default, gateway, image or user"},
      {with("\"source\": []"), 6, "source must be a string"},
      {with("\"gpu\": \"yes\""), 6, "auto, on or off"},
      {with("\"gpu\": {}"), 6, "gpu must be a string"},
      {with("\"proxy\": true"), 6, "auto, on or off"},
      {with("\"proxy\": []"), 6, "proxy must be a string"},
      {with("\"workdir\": []"), 6, "workdir must be a string"},
      {with("\"administrator_conflicts\": []"), 6, "administrator_conflicts must be a string"},
      {with("\"identities\": \"user\""), 6, "identities must be a list"},
      {with("\"identities\": []"), 6, "identities"},
      {with("\"identities\": [\"nobody\"]"), 6, "user, container-root, root or self"},
      {with("\"identities\": [\"user\", \"user\"]"), 6, "twice"},
      {with("\"identities\": [{}]"), 6, "identities must be a string"},
      {with("\"plan_abis\": \"\""), 6, "write ABIs as"},
      {with("\"plan_abis\": []"), 6, "write ABIs as"},
      {with("\"plan_abis\": \"0-3\""), 6, "write ABIs as"},
      {with("\"plan_abis\": \"3-1\""), 6, "write ABIs as"},
      {with("\"plan_abis\": \"7-12\""), 6, "write ABIs as"},
      {with("\"plan_abis\": \"1,,3\""), 6, "write ABIs as"},
      {with("\"plan_abis\": \"1-2-3\""), 6, "write ABIs as"},
      {with("\"plan_abis\": \"one\""), 6, "write ABIs as"},
      {with("\"plan_abis\": {}"), 6, "plan_abis must be a string"},
      {with("\"plan_abis\": [{}]"), 6, "plan_abis must be a string"},
      // What the case claims.
      {with("\"expect_effective\": []"), 6, "expect_effective must be a mapping"},
      {with("\"expect_effective\": {\"read\": []}"), 6, "no key \"read\""},
      {with("\"expect_effective\": {\"read_only\": \"/usr\"}"), 6, "read_only must be a list"},
      {with("\"expect_effective\": {\"read_write\": {}}"), 6, "read_write must be a list"},
      {with("\"expect_effective\": {\"read_only\": [[]]}"), 6, "read_only must be a string"},
      {with("\"expect_notices\": \"proc-promoted\""), 6, "expect_notices must be a list"},
      {with("\"expect_error\": []"), 6, "expect_error must be a string"},
      {with("\"readiness\": \"fine\""), 6, "ready, degraded, blocked or blocked-elsewhere"},
      {with("\"readiness\": {}"), 6, "readiness must be a string"},
      {with("\"readiness\": [\"ready\"]"), 6, "readiness must be a mapping"},
      {with("\"readiness\": [{\"abi\": \"1-\"}]"), 6, "needs \"abi\" and \"is\""},
      {with("\"readiness\": [{\"abi\": \"x\", \"is\": \"ready\"}]"), 6, "readiness.abi: write ABIs as"},
      {with("\"readiness\": [{\"abi\": \"1-\", \"is\": 1}]"), 6, "ready, degraded"},
      {with("\"expect\": {}"), 6, "expect must be a list"},
      {with("\"expect\": [\"open-r\"]"), 6, "expect must be a mapping"},
      {expecting("\"op\": \"open-r\""), 6, "needs \"op\" and \"result\""},
      {expecting("\"result\": \"allow\""), 6, "needs \"op\" and \"result\""},
      {expecting("\"op\": \"open\", \"path\": \"/a\", \"result\": \"allow\""), 6, "no operation is called"},
      {expecting("\"op\": [], \"path\": \"/a\", \"result\": \"allow\""), 6, "op must be a string"},
      {expecting("\"op\": \"open-r\", \"path\": \"/a\", \"result\": \"EFOO\""), 6, "allow or an errno"},
      {expecting("\"op\": \"open-r\", \"path\": \"/a\", \"result\": \"eacces\""), 6, "allow or an errno"},
      {expecting("\"op\": \"open-r\", \"path\": \"/a\", \"result\": 13"), 6, "allow or an errno"},
      {expecting("\"op\": \"open-r\", \"path\": \"/a\", \"result\": []"), 6, "result must be a string"},
      {expecting("\"op\": \"open-r\", \"path\": \"/a\", \"mode\": \"rdwr\", \"result\": \"allow\""), 6,
       "is no mode of open-r"},
      {expecting("\"op\": \"comm-open\", \"mode\": \"plain\", \"result\": \"allow\""), 6, "is no mode of comm-open"},
      {expecting("\"op\": \"comm-open\", \"mode\": {}, \"result\": \"allow\""), 6, "mode must be a string"},
      {expecting("\"op\": \"open-r\", \"path\": \"/a\", \"actor\": \"father\", \"result\": \"allow\""), 6,
       "actor: write"},
      {expecting("\"op\": \"open-r\", \"path\": \"/a\", \"target\": \"own\", \"result\": \"allow\""), 6,
       "of comm-open alone"},
      {expecting("\"op\": \"comm-open\", \"target\": \"mine\", \"result\": \"allow\""), 6, "own, other-thread"},
      {expecting("\"op\": \"comm-open\", \"path\": \"/a\", \"result\": \"allow\""), 6, "no path"},
      {expecting("\"op\": \"open-r\", \"result\": \"allow\""), 6, "needs \"path\""},
      {expecting("\"op\": \"rename\", \"path\": \"/a\", \"result\": \"allow\""), 6, "needs \"path2\""},
      {expecting("\"op\": \"open-r\", \"path\": \"/a\", \"path2\": \"/b\", \"result\": \"allow\""), 6, "path2"},
      {expecting("\"op\": \"open-r\", \"path\": \"etc\", \"result\": \"allow\""), 6, "absolute path"},
      {expecting("\"op\": \"open-r\", \"path\": \"\", \"result\": \"allow\""), 6, "absolute path"},
      {expecting("\"op\": \"open-r\", \"path\": [], \"result\": \"allow\""), 6, "path must be a string"},
      {expecting("\"op\": \"unlink\", \"path\": \"$scratchy\", \"result\": \"allow\""), 6, "$scratch"},
      {expecting("\"op\": \"unlink\", \"path\": \"$scratch/../../etc/passwd\", \"result\": \"allow\""), 6, ".."},
      {expecting("\"op\": \"rename\", \"path\": \"$scratch/a\", \"path2\": \"/a/..\", \"result\": \"allow\""), 6, ".."},
      {expecting("\"op\": \"open-r\", \"path\": \"/a\", \"identity\": \"nobody\", \"result\": \"allow\""), 6,
       "identity: write"},
      {expecting("\"op\": \"open-r\", \"path\": \"/a\", \"identity\": \"root\", \"result\": \"allow\""), 6,
       "matches no cell"},
      {expecting("\"op\": \"open-r\", \"path\": \"/a\", \"abi\": \"0\", \"result\": \"allow\""), 6,
       "expect.abi: write ABIs as"},
      {with("\"plan_abis\": \"1-3\",\n\"expect\": [\n{\"op\": \"open-r\", \"path\": \"/a\", \"abi\": \"4-\", "
            "\"result\": \"allow\"}]"),
       8, "matches no cell"},
      {with("\"expect\": [{\"op\": \"open-r\", \"path\": \"/a\", \"result\": \"allow\"},\n"
            "{\"op\": \"open-r\", \"path\": \"/a\", \"abi\": \"2\", \"result\": \"EACCES\"}]"),
       7, "earlier"},
      {with("\"expect\": [{\"op\": \"unlink\", \"path\": \"$scratch/a\", \"result\": \"allow\"},\n"
            "{\"op\": \"truncate\", \"path\": \"$scratch/a\", \"result\": \"allow\"}]"),
       7, "a path of its own"},
      {with("\"expect\": [{\"op\": \"open-r\", \"path\": \"$scratch/a\", \"result\": \"allow\"},\n"
            "{\"op\": \"unlink\", \"path\": \"$scratch/a\", \"result\": \"allow\"}]"),
       7, "a path of its own"},
      {with("\"expect_error\": \"no\", \"expect\": [{\"op\": \"open-r\", \"path\": \"/a\", \"result\": \"allow\"}]"), 6,
       "expect_error"},
  };
  return table;
}

class MalformedCase : public ::testing::Test {
 protected:
  MalformedCase() {
    dir_.write("policies/p.yaml", "version: 1\nfilesystem_policy: {read_only: [/usr]}\n");
    dir_.write("policies/bad.yaml", "version: 1\nfilesystem_policy:\n  read_onyl: []\n");
    dir_.write("hosts/h.json", R"({"schema": "lockstep.host/1", "gpu": "none", "present": ["/usr"]})");
    dir_.write("hosts/real.json", R"({"schema": "lockstep.host/1", "gpu": "none", "present": "real"})");
    dir_.write("hosts/bad.json", "{\"schema\": \"lockstep.host/1\",\n\"gpu\": \"AMD\", \"present\": []}");
  }
  // Of a case that was read and made ready, as the suite does both.
  std::optional<Error> error_of(const std::string& file) {
    Result<Case> read = load_case(file, dir_.path());
    if (!read.ok()) return read.error();
    const Result<CaseRun> run = prepare_case(std::move(read).value());
    return run.ok() ? std::nullopt : std::optional<Error>(run.error());
  }
  void expect_refused(const std::string& text, const std::string& file, int line, std::string_view says) {
    SCOPED_TRACE(printable(text.substr(0, 160)));
    const std::optional<Error> error = error_of(dir_.write("cases/x.json", text));
    ASSERT_TRUE(error.has_value()) << "was accepted";
    EXPECT_EQ(error->kind, ErrorKind::input) << error->to_string();
    EXPECT_EQ(error->file, dir_.at(file)) << error->to_string();
    EXPECT_EQ(error->line, line) << error->to_string();
    EXPECT_NE(error->message.find(says), std::string::npos) << error->message;
    EXPECT_LT(error->message.size(), 600U);
  }

  TemporaryDirectory dir_;
};

TEST_F(MalformedCase, OneThatIsRightIsRead) {
  const std::optional<Error> error = error_of(dir_.write("cases/x.json", with("\"source\": \"user\"")));
  EXPECT_FALSE(error.has_value()) << error->to_string();
}

TEST_F(MalformedCase, EveryOneIsRefusedWithItsLineAndReason) {
  ASSERT_GE(bad_cases().size(), 80U);
  for (const BadCase& each : bad_cases()) expect_refused(each.text, "cases/x.json", each.line, each.says);
}

TEST_F(MalformedCase, WhatItNamesIsAtFaultByItsOwnName) {
  const auto naming = [](const std::string& policy, const std::string& host) {
    return std::string(head) + "\"policy\": \"" + policy + "\", \"host\": \"" + host + "\"}";
  };
  expect_refused(naming("policies/none.yaml", "hosts/h.json"), "policies/none.yaml", 0, "ENOENT");
  expect_refused(naming("policies", "hosts/h.json"), "policies", 0, "directory");
  expect_refused(naming("policies/bad.yaml", "hosts/h.json"), "policies/bad.yaml", 3, "did you mean read_only?");
  expect_refused(naming("policies/p.yaml", "hosts/none.json"), "hosts/none.json", 0, "ENOENT");
  expect_refused(naming("policies/p.yaml", "hosts/bad.json"), "hosts/bad.json", 2, "none, nvidia, wsl2, amd or intel");
  expect_refused(with("\"administrator_conflicts\": \"conflicts/none.yaml\""), "conflicts/none.yaml", 0, "ENOENT");
}

TEST_F(MalformedCase, OnTheRealHostNothingOutsideScratchIsChanged) {
  const std::string real =
      std::string(head) + "\"policy\": \"policies/p.yaml\",\n\"host\": \"hosts/real.json\",\n\"expect\": [{";
  expect_refused(real + "\"op\": \"unlink\", \"path\": \"/usr/x\", \"result\": \"EACCES\"}]}", "cases/x.json", 6,
                 "below $scratch");
  expect_refused(
      real + "\"op\": \"rename\", \"path\": \"$scratch/x\", \"path2\": \"/usr/x\", \"result\": \"EACCES\"}]}",
      "cases/x.json", 6, "below $scratch");
}

TEST_F(MalformedCase, HugeAndBinaryOnesAreRefusedQuickly) {
  std::string random(1U << 20, '\0');
  for (std::size_t i = 0, state = 1; i < random.size(); ++i)
    random[i] = static_cast<char>((state = state * 6364136223846793005U + 1) >> 56U);
  const auto start = std::chrono::steady_clock::now();
  expect_refused(std::string(10U << 20, '['), "cases/x.json", 0, "larger");
  expect_refused(std::string(4U << 20, '['), "cases/x.json", 1, "64 levels");
  expect_refused(random, "cases/x.json", 1, "UTF-8");
  expect_refused(
      "\x7f"
      "ELF\x02\x01\x01\0\0\0"s,
      "cases/x.json", 1, "NUL");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST_F(MalformedCase, ANameThatIsNoTestNameIsRefused) {
  for (const std::string name : {"a_b", "a.b", "a b", "A", "*"}) {
    SCOPED_TRACE(name);
    const std::string text =
        "{\"schema\": \"lockstep.case/1\",\n\"name\": \"" + name + "\",\n\"why\": \"w\",\n" + context + "}";
    const std::optional<Error> error = error_of(dir_.write("cases/" + name + ".json", text));
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->line, 2);
    EXPECT_NE(error->message.find("hyphens"), std::string::npos) << error->message;
  }
}

// Files that are none: refused in time, by name.
TEST_F(MalformedCase, WhatIsNoFileDoesNotHang) {
  const auto fresh = [&] {
    std::filesystem::remove_all(dir_.at("cases"));
    std::filesystem::create_directories(dir_.at("cases"));
    return dir_.at("cases/x.json");
  };
  const auto expect_says = [&](const std::string& file, const char* says) {
    const Result<std::vector<Case>> cases = load_cases(dir_.path());
    ASSERT_FALSE(cases.ok()) << says;
    EXPECT_EQ(cases.error().kind, ErrorKind::input);
    EXPECT_EQ(cases.error().file, file);
    EXPECT_NE(cases.error().message.find(says), std::string::npos) << cases.error().message;
  };
  std::filesystem::remove_all(dir_.at("cases"));
  expect_says(dir_.at("cases"), "ENOENT");
  fresh();
  expect_says(dir_.at("cases"), "holds no case");
  ASSERT_EQ(::mkdir(fresh().c_str(), 0700), 0);
  expect_says(dir_.at("cases/x.json"), "directory");
  ASSERT_EQ(::mkfifo(fresh().c_str(), 0600), 0);
  expect_says(dir_.at("cases/x.json"), "no regular file");
  ASSERT_EQ(::symlink("x.json", fresh().c_str()), 0);
  expect_says(dir_.at("cases/x.json"), "ELOOP");
  ASSERT_EQ(::symlink("missing", fresh().c_str()), 0);
  expect_says(dir_.at("cases/x.json"), "ENOENT");
  std::filesystem::remove_all(dir_.at("cases"));
  dir_.write("cases", "a file");
  expect_says(dir_.at("cases"), "ENOTDIR");
}

}  // namespace
}  // namespace lockstep::conformance::judge
