// The gate never passes what it did not compare: refusals, moves that less allows, values whose type changed,
// lists that must be one.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <random>
#include <set>

#include <lockstep/abi.h>
#include <lockstep/rights.h>

#include "diff/diff.h"
#include "diff/moves.h"
#include "diff/settings.h"
#include "syntax/json.h"
#include "testing/run_program.h"

namespace lockstep::diff {
namespace {

using lockstep::testing::Ended;
using lockstep::testing::run_program;
using lockstep::testing::TemporaryDirectory;
using Words = std::vector<std::string>;

class Compared : public ::testing::Test {
 protected:
  Ended diff(const std::string& before, const std::string& after, Words flags = {}) {
    Words words{LOCKSTEP_CLI, "diff", dir_.write("before.yaml", "version: 1\n" + before + "\n"),
                dir_.write("after.yaml", "version: 1\n" + after + "\n")};
    words.insert(words.end(), flags.begin(), flags.end());
    return testing::run_program(words, {});
  }
  TemporaryDirectory dir_;
};

// A rule that rejects refuses both where the node is: what they would do on a host without it was not looked
// at.
TEST_F(Compared, WhatARejectRefusesIsComparedWithoutIt) {
  const std::string rejects =
      "\nruntime_baseline_conflicts: [{paths: [/dev/nvidiactl], mode: reject}, {paths: [/proc], mode: keep}]";
  const Ended widened = diff("filesystem_policy: {read_only: [/usr, /proc, /dev/nvidiactl]}" + rejects,
                             "filesystem_policy: {read_only: [/usr, /dev/nvidiactl]}" + rejects);
  EXPECT_EQ(widened.code, 1) << widened.out;
  EXPECT_NE(widened.out.find("\n  /proc\n    + write_file"), std::string::npos) << widened.out;
  EXPECT_EQ(widened.out.find("not compared"), std::string::npos) << widened.out;
  // By one policy alone as well: where the node is not there, both run.
  const Ended now_rejects = diff(
      "filesystem_policy: {read_only: [/usr, /proc, /dev/nvidiactl]}\nruntime_baseline_conflicts: [{paths: "
      "[/proc], mode: keep}]",
      "filesystem_policy: {read_only: [/usr, /dev/nvidiactl]}" + rejects);
  EXPECT_EQ(now_rejects.code, 1) << now_rejects.out;
  EXPECT_NE(now_rejects.out.find("\n  /proc\n    + write_file"), std::string::npos) << now_rejects.out;
  // No false alarm: the same policy is the same, and less is less.
  const std::string same = "filesystem_policy: {read_only: [/usr, /dev/nvidiactl]}" + rejects;
  EXPECT_EQ(diff(same, same).code, 0);
  EXPECT_EQ(diff("filesystem_policy: {read_only: [/usr, /srv, /dev/nvidiactl]}" + rejects, same).code, 0);
}

TEST_F(Compared, WhatCannotBeComparedStops) {
  const std::string before = "filesystem_policy: {include_workdir: true, read_only: [/usr]}",
                    after = "filesystem_policy: {include_workdir: true, read_only: [/usr], read_write: [/etc]}";
  const Ended ended = diff(before, after, {"--workdir", "/"});
  if (ended.code == 2) return;  // the context itself is bad input
  EXPECT_EQ(ended.code, 1) << ended.out;
  EXPECT_NE(ended.out.find("(not-compared)"), std::string::npos) << ended.out;
}

std::string grants(const std::string& a, const std::string& b) {
  return "filesystem_policy: {grants: [{path: /srv/a, access: [" + a + "]}, {path: /srv/b, access: [" + b + "]}]}";
}

TEST_F(Compared, LessAtTheDestinationAllowsAMove) {
  const std::string a = "read_file, refer, make_reg, remove_file", b = "read_file, refer, make_reg";
  const Ended link = diff(grants(a, b + ", execute"), grants(a, b));
  EXPECT_EQ(link.code, 1) << link.out;
  EXPECT_NE(link.out.find("widening (moves): files in /srv/a can be linked and renamed into /srv/b now: "
                          "/srv/b gave execute there"),
            std::string::npos)
      << link.out;
  // No false alarm: the move was allowed before, is not now, or needs what neither gives.
  for (const auto& [old_a, old_b, new_a, new_b] : std::initializer_list<std::array<std::string, 4>>{
           {a + ", execute", b + ", execute", a + ", execute", b},
           {"read_file, make_reg, remove_file", b + ", execute", "read_file, make_reg, remove_file", b},
           {a, "read_file, refer, execute", a, "read_file, refer"},
           {a, b + ", read_dir", a, b}}) {
    const Ended ended = diff(grants(old_a, old_b), grants(new_a, new_b));
    EXPECT_EQ(ended.out.find("(moves)"), std::string::npos)
        << old_a << " | " << old_b << " -> " << new_a << " | " << new_b << "\n"
        << ended.out;
    EXPECT_EQ(ended.code, 0) << ended.out;
  }
  // A place that nobody knows may be above either.
  const std::string unknown = "grants: [{path: /proc/self/fd/99, access: [refer, make_dir, remove_dir]}]";
  EXPECT_EQ(
      diff("filesystem_policy: {read_write: [/srv/a], " + unknown + "}", "filesystem_policy: {" + unknown + "}").code,
      1);
  EXPECT_EQ(diff("filesystem_policy: {read_write: [/srv/a, /proc/self/fd/99]}",
                 "filesystem_policy: {read_write: [/proc/self/fd/99]}")
                .code,
            0);
  // The other way round it is a move less.
  const Ended closed = diff(grants(a, b), grants(a, b + ", execute"));
  EXPECT_NE(closed.out.find("narrowing (moves): files in /srv/a can be linked and renamed into /srv/b no more"),
            std::string::npos)
      << closed.out;
  // Of a directory every right counts.
  const std::string da = "refer, make_dir, remove_dir", db = "refer, make_dir";
  EXPECT_EQ(diff(grants(da, db + ", read_dir"), grants(da, db)).code, 1);
  // At an older ABI truncate is no right, and nothing is gained there any more.
  EXPECT_EQ(diff(grants(a, b + ", execute, truncate"), grants(a, b + ", truncate")).code, 1);
  EXPECT_EQ(diff(grants(a, b + ", execute, truncate"), grants(a, b + ", truncate"), {"--abi", "7"}).code, 0);
  // An entry taken away below a directory that may move things.
  EXPECT_EQ(diff("filesystem_policy: {read_only: [/srv/a/b], grants: [{path: /srv/a, access: [refer, "
                 "make_reg, write_file]}]}",
                 "filesystem_policy: {grants: [{path: /srv/a, access: [refer, make_reg, write_file]}]}")
                .code,
            1);
  // As the class says, and so that it can be accepted.
  const Ended json = diff(grants(a, b + ", execute"), grants(a, b), {"--format", "json"});
  const Json document = Json::parse(json.out);
  EXPECT_EQ(document["class"], "both");
  const std::string is = document["settings"][0]["message"];
  const std::string allow =
      dir_.write("allow.yaml", "accepted:\n  - {change: moves, is: \"" + is + "\", reason: r, expires: 2999-01-01}\n");
  EXPECT_EQ(diff(grants(a, b + ", execute"), grants(a, b), {"--allow", allow}).code, 0);
}

TEST(Moves, ARuleOnTheRootDoesNotCountOnAnotherMount) {
  const AccessSet moves = Right::refer | Right::make_reg;
  OpenedMoves moves_at({abi_info(7)->fs});
  const auto spot = [&](int id, AccessSet before, AccessSet after, AccessSet root) {
    return Spot{id, 1, true, {before | root, after | root}, {before, after}, {root, root}};
  };
  // The root gives read_file to both: what b gives itself is compared all the same.
  const std::vector<Move> opened = moves_at.among(
      {spot(1, moves, moves, Right::read_file), spot(2, moves | Right::read_file, moves, Right::read_file)});
  ASSERT_EQ(opened.size(), 1U);
  EXPECT_EQ(opened[0].to, 2);
  EXPECT_EQ(opened[0].lost, AccessSet(Right::read_file));
  std::vector<Spot> apart{spot(1, moves, moves, {}), spot(2, moves | Right::read_file, moves, {})};
  EXPECT_EQ(moves_at.among(apart).size(), 1U);
  apart[1].mount = 2;
  EXPECT_TRUE(moves_at.among(apart).empty()) << "nothing is moved from one mount to another";
}

// The bitsets against the rule, one pair after another.
TEST(Moves, ManyAreFoundAsOneByOne) {
  std::mt19937 random(20261127);
  const std::vector<AccessSet> abis{abi_info(2)->fs, abi_info(3)->fs, abi_info(5)->fs, abi_info(9)->fs};
  for (int round = 0; round < 20; ++round) {
    std::vector<Spot> spots;
    const auto any = [&] { return (AccessSet::from_bits(random()) | AccessSet::from_bits(random())) & abis.back(); };
    for (int id = 0; id < 90; ++id) {
      const AccessSet moves = Right::refer | Right::make_reg | Right::make_dir | AccessSet(Right::remove_dir);
      const bool whole = random() % 8 == 0;
      const Both rights{whole ? abis.back() : any() | moves, whole ? abis.back() : any() | moves};
      spots.push_back({id, random() % 2, random() % 4 != 0, rights, {any(), any()}, {any() | moves, any() | moves}});
    }
    OpenedMoves all(abis);
    std::map<int, int> found;
    for (const Move& move : all.among(spots)) found[move.to] = move.from;
    EXPECT_EQ(all.among(spots).size(), found.size()) << "the same question again";
    EXPECT_GT(found.size(), 5U);
    for (const Spot& to : spots) {
      bool any_source = false;
      for (const Spot& from : spots) {
        if (from.id == to.id) continue;
        for (const Move& move : OpenedMoves(abis).among({from, to})) any_source = any_source || move.to == to.id;
      }
      EXPECT_EQ(found.contains(to.id), any_source) << "round " << round << ", " << to.id;
    }
  }
}

TEST_F(Compared, AScalarsTypeIsItsMeaning) {
  const auto with = [](const std::string& value) { return "network_policies: {a: {tls: " + value + "}}"; };
  for (const auto& [before, after] : std::initializer_list<std::pair<const char*, const char*>>{{"\"True\"", "True"},
                                                                                                {"'yes'", "yes"},
                                                                                                {"\"ON\"", "ON"},
                                                                                                {"'12'", "12"},
                                                                                                {"\"null\"", "null"},
                                                                                                {"'~'", "~"},
                                                                                                {"'.inf'", ".inf"},
                                                                                                {"\"0x1\"", "0x1"},
                                                                                                {"'n'", "n"}}) {
    EXPECT_EQ(diff(with(before), with(after)).code, 1) << before << " to " << after;
    EXPECT_EQ(diff(with(after), with(before)).code, 1) << after << " to " << before;
    EXPECT_EQ(diff(with(after), with(after)).code, 0);
  }
  // A key's as well.
  const auto keyed = [](const std::string& key) { return "network_policies: {a: {" + key + ": 1}}"; };
  for (const auto& [before, after] :
       std::initializer_list<std::pair<const char*, const char*>>{{"true", "\"true\""}, {"1", "'1'"}, {"no", "'no'"}}) {
    EXPECT_EQ(diff(keyed(before), keyed(after)).code, 1) << before << " to " << after;
    EXPECT_EQ(diff(keyed(after), keyed(before)).code, 1) << after << " to " << before;
    EXPECT_EQ(diff(keyed(before), keyed(before)).code, 0);
  }
  EXPECT_EQ(diff(keyed("web"), keyed("'web'")).code, 0) << "text either way";
  EXPECT_EQ(diff(with("web"), with("'web'")).code, 0) << "text either way";
}

std::set<std::string> codes_in(const std::string& schema, const std::vector<std::string>& way) {
  std::ifstream in(std::string(LOCKSTEP_SOURCE_DIR) + "/fixtures/schemas/" + schema);
  Json at = Json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
  for (const std::string& key : way) at = Json(at.at(key));
  return at.get<std::set<std::string>>();
}

TEST(Settings, CodesAndSchemasAreOneList) {
  const std::set<std::string> codes(setting_codes.begin(), setting_codes.end());
  EXPECT_EQ(codes.size(), setting_codes.size());
  EXPECT_EQ(codes_in("lockstep.diff.1.json", {"properties", "settings", "items", "properties", "code", "enum"}), codes);
  EXPECT_EQ(codes_in("lockstep.allow.1.json", {"properties", "accepted", "items", "properties", "change", "enum"}),
            codes);
}

}  // namespace
}  // namespace lockstep::diff
