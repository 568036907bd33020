// What stands in network_policies and network_middlewares may be secret: it is in no output, whatever asks
// and whatever goes wrong.
#include <gtest/gtest.h>

#include "testing/run_program.h"

namespace lockstep::cli {
namespace {

using testing::Ended;
using testing::TemporaryDirectory;

constexpr const char* secrets[] = {"s3cr3tHost", "s3cr3tToken", "s3cr3tKey0", "s3cr3tNumber", "8675309"};

const std::string network =
    "network_policies:\n  api:\n    endpoints: [{host: s3cr3tHost.example.org, port: 443}]\n    s3cr3tKey0: "
    "{token: \"s3cr3tToken\", pin: 8675309}\n"
    "network_middlewares: {scan: {config: {bearer: s3cr3tNumber1}}}\n";

class Secrets : public ::testing::Test {
 protected:
  static void expect_none(const std::vector<std::string>& arguments) {
    std::vector<std::string> words = {LOCKSTEP_CLI};
    words.insert(words.end(), arguments.begin(), arguments.end());
    const Ended ended = testing::run_program(words, {});
    std::string said;
    for (const std::string& word : arguments) said += word + " ";
    EXPECT_FALSE(ended.out.empty() && ended.err.empty()) << said;
    for (const char* secret : secrets)
      EXPECT_EQ((ended.out + ended.err).find(secret), std::string::npos) << said << "\n" << ended.out << ended.err;
  }
  std::string policy(const std::string& name, const std::string& text) const {
    return dir_.write(name, "version: 1\n" + text);
  }

  TemporaryDirectory dir_;
};

TEST_F(Secrets, AreInNoOutput) {
  const std::string lists = "filesystem_policy:\n  read_only:\n    - /usr/\n    - /usr\n";
  const std::string p = policy("p.yaml", lists + network),
                    other = policy("o.yaml", lists + "network_policies: {api: {token: s3cr3tToken2}}\n");
  const std::string host = LOCKSTEP_SOURCE_DIR "/fixtures/hosts/none.json";
  for (const char* format : {"text", "json", "yaml", "openshell"})
    expect_none({"show", p, "--host", host, "--abi", "7", "--format", format});
  for (const char* format : {"text", "json", "markdown", "github", "sarif"}) {
    expect_none({"diff", p, other, "--format", format});
    expect_none({"diff", p, policy("none.yaml", lists), "--format", format});
  }
  for (const char* format : {"text", "json", "sarif"}) expect_none({"lint", p, "--format", format});
  expect_none({"explain", p, "--host", host, "--abi", "7", "open-r", "/usr/bin/env"});
  const auto snapshot = [&](const std::string& file) {
    return dir_.write(
        file + ".json",
        testing::run_program({LOCKSTEP_CLI, "show", file, "--host", host, "--abi", "7", "--format", "json"}, {}).out);
  };
  const std::string old_snapshot = snapshot("p.yaml"), new_snapshot = snapshot("o.yaml");
  for (const char* format : {"text", "json", "markdown", "github", "sarif"})
    expect_none({"diff", old_snapshot, new_snapshot, "--snapshots", "--format", format});
}

TEST_F(Secrets, AreNoContextOfAPatch) {
  const std::string p =
      policy("p.yaml", network + "filesystem_policy:\n  read_only:\n    - /usr/\n    - /etc\n# end\n");
  const std::string q = policy("q.yaml", "filesystem_policy:\n  read_only:\n    - /etc\n    - /usr/\n" + network);
  for (const std::string& file : {p, q}) {
    expect_none({"lint", file, "--fix"});
    const std::string patch = dir_.write("patch", testing::run_program({LOCKSTEP_CLI, "lint", "--fix", file}, {}).out);
    const Ended applied = testing::run_program(
        {"/bin/sh", "-c", "command -v patch >/dev/null || exit 77; patch -s " + file + " <" + patch}, {});
    if (applied.code == 77) GTEST_SKIP() << "needs patch(1)";
    EXPECT_EQ(applied.code, 0) << applied.out << applied.err << dir_.read("patch");
    EXPECT_EQ(testing::run_program({LOCKSTEP_CLI, "lint", "--fix", file}, {}).out, "")
        << "what was fixed is found again";
  }
}

TEST_F(Secrets, AreInNoError) {
  const std::string tail = "\"s3cr3tToken\"";
  const std::vector<std::string> yaml = {"network_policies: {a: {token: " + tail + ", token: " + tail + "}}\n",
                                         "network_policies: {s3cr3tKey0: 1, s3cr3tKey0: 2}\n",
                                         "network_policies: {a: !s3cr3tToken}\n",
                                         "network_policies: {a: &s3cr3tToken x}\n",
                                         "network_policies: {a: *s3cr3tToken}\n",
                                         std::string("network_policies: {a: \"s3cr3tToken\\q\"}\n"),
                                         "network_policies: {a: " + tail + " s3cr3tKey0}\n",
                                         std::string("network_policies:\n  a: \"s3cr3tToken\n"),
                                         std::string("network_policies:\n  a: s3cr3tToken: s3cr3tKey0\n"),
                                         std::string("network_policies: s3cr3tToken\n"),
                                         std::string("network_policies: [s3cr3tToken]\n"),
                                         std::string("network_policies:\n\ta: s3cr3tToken\n"),
                                         std::string("network_policies: {a: !!int s3cr3tToken}\n"),
                                         std::string("network_policies: {? s3cr3tToken : 1}\n"),
                                         std::string("network_policies: {a: @s3cr3tToken}\n"),
                                         std::string("network_policies:\n  a: s3cr3tToken\n s3cr3tKey0\n"),
                                         std::string("network_policies: {a: s3cr3tToken\x01}\n"),
                                         "network_policies: {" + tail + "s3cr3tKey0: 1}\n"};
  for (const std::string& broken : yaml) expect_none({"show", policy("broken.yaml", broken)});
  for (const std::string& broken :
       {std::string("{\"version\": 1, \"network_policies\": {\"a\": \"s3cr3tToken\\q\"}}"),
        std::string("{\"version\": 1, \"network_policies\": {\"a\": s3cr3tToken}}"),
        std::string("{\"version\": 1, \"network_policies\": {\"a\": 8675309e99999}}"),
        std::string("{\"version\": 1, \"network_policies\": {\"s3cr3tKey0\": 1, \"s3cr3tKey0\": 2}}"),
        std::string("{\"version\": 1, \"network_policies\": {\"a\": \"s3cr3tToken")})
    expect_none({"show", dir_.write("broken.json", broken)});
}

}  // namespace
}  // namespace lockstep::cli
