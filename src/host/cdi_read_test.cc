// Every case of fixtures/cdi/read: the specs, and what they give, written by hand after what runtimes were
// seen to do.
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include <lockstep/abi.h>

#include "host/cdi.h"
#include "host/cdi_testing.h"
#include "testing/temporary_directory.h"

namespace lockstep {
namespace {

using testing::TemporaryDirectory;

using Kind = CdiObject::Kind;

// The host that the cases are about.
CdiObject look(const std::string& path, bool follow) {
  static const std::map<std::string, CdiObject> host = {
      {"/", {Kind::directory, false, 0, 0, true}},
      {"/dev", {Kind::directory, false, 0, 0, true}},
      {"/srv/lockstep/gpu0", {Kind::character, true, 10, 229, false}},
      {"/srv/lockstep/gpu0-too", {Kind::character, true, 10, 229, false}},
      {"/srv/lockstep/gpu1", {Kind::character, true, 10, 200, false}},
      {"/srv/lockstep/fifo", {Kind::fifo, false, 0, 0, false}},
      {"/srv/lockstep/sock", {Kind::socket, false, 0, 0, false}},
      {"/srv/lockstep/named.sock", {Kind::file, false, 0, 0, false}},
      {"/srv/lockstep/file", {Kind::file, false, 0, 0, false}},
      {"/srv/lockstep/m", {Kind::directory, false, 0, 0, false}},
      {"/srv/lockstep/n", {Kind::directory, false, 0, 0, false}},
      {"/srv/lockstep/d", {Kind::directory, false, 0, 0, false}},
      {"/srv/lockstep/d/gpu0", {Kind::character, true, 10, 229, false}},
      {"/srv/lockstep/d/gpu1", {Kind::character, true, 10, 200, false}},
      {"/srv/lockstep/driver/nvidia0", {Kind::character, true, 195, 0, false}},
      {"/dev/nvidia0", {Kind::character, true, 195, 0, false}},
      {"/dev/zero", {Kind::character, true, 1, 5, false}},
      {"/srv/lockstep/link", {Kind::link, false, 0, 0, false}},
  };
  const auto found = host.find(follow && path == "/srv/lockstep/link" ? "/srv/lockstep/m" : path);
  return found == host.end() ? CdiObject() : found->second;
}

std::optional<std::vector<std::string>> devices_below(const std::string& path) {
  if (path != "/srv/lockstep/d") return std::vector<std::string>();
  return std::vector<std::string>{"/srv/lockstep/d/gpu0", "/srv/lockstep/d/gpu1"};
}

std::string expected_rules(const CdiExpectation& expect) {
  std::map<std::string, std::string> by_path;
  for (const CdiExpectation::Rule& rule : expect.rules)
    if (rule.rights != "none") by_path[rule.host] = rule.rights;
  std::string out;
  for (const auto& [path, rights] : by_path) out += path + " " + rights + "\n";
  return out;
}

std::string rules_of(const CdiChoice& choice) {
  std::string out;
  for (const CdiPath& each : choice.paths)
    out += each.path + " " + (each.access == abi_info(newest_abi)->fs ? "all" : join_names(each.access)) + "\n";
  return out;
}

TEST(CdiRead, EveryCaseGivesWhatAContainerWouldGet) {
  const CdiHost host{look, devices_below, true};
  int asked = 0;
  for (const std::filesystem::path& file : cdi_cases(LOCKSTEP_SOURCE_DIR "/fixtures/cdi/read")) {
    TemporaryDirectory dir;
    const CdiCase each = lay_out_cdi_case(file, dir.path());
    EXPECT_TRUE(each.odd.empty()) << each.name << ": " << each.odd.front();
    EXPECT_FALSE(each.expectations.empty()) << each.name;
    for (const CdiExpectation& expect : each.expectations) {
      SCOPED_TRACE(each.name + ": " + expect.devices);
      ++asked;
      const Result<CdiChoice> choice = choose_cdi({dir.at("etc"), dir.at("run")}, expect.devices, host);
      if (!expect.refused.empty()) {
        if (choice.ok()) {
          ADD_FAILURE() << "not refused, and gives " << rules_of(*choice);
          continue;
        }
        EXPECT_EQ(choice.error().kind, ErrorKind::input);
        EXPECT_NE(choice.error().to_string().find(expect.refused), std::string::npos) << choice.error().to_string();
        continue;
      }
      if (!choice.ok()) {
        ADD_FAILURE() << choice.error().to_string();
        continue;
      }
      EXPECT_EQ(rules_of(*choice), expected_rules(expect));
      EXPECT_TRUE(expect.nvidia.empty() || expect.nvidia == (choice->nvidia ? "yes" : "no")) << expect.nvidia;
      EXPECT_EQ(choice->warnings.empty(), expect.warnings.empty())
          << (choice->warnings.empty() ? "" : choice->warnings.front());
      for (const std::string& part : expect.warnings)
        EXPECT_TRUE(std::any_of(choice->warnings.begin(), choice->warnings.end(),
                                [&](const std::string& warning) { return warning.find(part) != std::string::npos; }))
            << part << " is not among the warnings, as "
            << (choice->warnings.empty() ? "(none)" : choice->warnings.front());
    }
  }
  EXPECT_GE(asked, 200);
}

}  // namespace
}  // namespace lockstep
