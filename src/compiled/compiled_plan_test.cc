// A compiled plan says what its policy said, and a file that is not what encode() wrote is refused.
#include "compiled/compiled_plan.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>

#include <lockstep/abi.h>
#include <lockstep/effective.h>
#include <lockstep/rights.h>

#include "compiled/plan_fields.h"

namespace lockstep {
namespace {

constexpr std::size_t head_size = 32;  // the magic line, the size, the checksum

Plan small_plan() {
  Plan out;
  out.file = "p.yaml";
  out.abi = 10;
  out.handled = abi_info(10)->fs;
  out.handled_net = NetSet(NetRight::connect_tcp) | NetRight::bind_udp;
  out.scoped = Scope::signal;
  out.rules = {{"/dev/null", Right::read_file | Right::write_file, true, 0, false},
               {"/tmp", out.handled, false, 5, true},
               {"/usr", access_read_only, false, 4, false}};
  out.ports = {{NetRight::connect_tcp, 443}, {NetRight::bind_udp, 0}};
  out.log = RestrictFlag::log_new_exec_on;
  out.promotions = {{"/proc", Right::truncate, "34 files", 6}};
  out.dropped = {{&feature_info(Scope::signal), "/dev"}};
  return out;
}

CompiledPlan small() {
  return {"p.yaml",
          "nobody",
          "65534",
          {{Notice::Level::warning, "both-lists", "/usr", "/usr stands twice"}},
          {small_plan()}};
}

std::string encoded(const CompiledPlan& compiled) {
  const Result<std::string> bytes = encode(compiled);
  EXPECT_TRUE(bytes.ok()) << bytes.error().to_string();
  return bytes.ok() ? *bytes : "";
}

// As encode() does it, of any body.
std::string with_head(const std::string& body) {
  std::uint64_t checksum = 0xcbf29ce484222325;
  for (const char c : body) checksum = (checksum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  const std::uint64_t head[] = {body.size(), checksum};
  return "lockstep.plan/1\n" + std::string(reinterpret_cast<const char*>(head), sizeof(head)) + body;
}

// What encode() would write if it refused nothing.
std::string body_of(CompiledPlan compiled) {
  bytes::Writer writer;
  for (std::string* each : {&compiled.policy, &compiled.run_as_user, &compiled.run_as_group}) writer.text(*each);
  writer.list(compiled.notices, [&](Notice& notice) {
    writer.scalar(notice.level);
    for (std::string* each : {&notice.code, &notice.path, &notice.message}) writer.text(*each);
  });
  writer.list(compiled.layers, [&](Plan& plan) { fields(writer, plan); });
  return std::move(writer.bytes);
}

std::string error_of(const std::string& bytes) {
  const Result<CompiledPlan> out = decode_compiled_plan(bytes, "x.plan");
  if (out.ok()) return "";
  EXPECT_EQ(out.error().kind, ErrorKind::input);
  return out.error().to_string();
}

// Of every policy of the fixtures, for every ABI, with and without what a GPU host and a proxy add to it.
TEST(CompiledPlan, HoldsEveryPolicyOfTheFixturesWhole) {
  namespace fs = std::filesystem;
  const std::string fixtures = std::string(LOCKSTEP_SOURCE_DIR) + "/fixtures";
  int plans = 0;
  for (const char* host : {"/hosts/none.json", "/hosts/nvidia-8.json"}) {
    Context context;
    const Result<Host> read = load_host(fixtures + host);
    ASSERT_TRUE(read.ok()) << read.error().to_string();
    context.host = *read;
    context.workdir = "/work";
    for (const auto& file : fs::recursive_directory_iterator(fixtures + "/policies")) {
      if (!file.is_regular_file()) continue;
      const Result<Policy> policy = load_policy(file.path());
      if (!policy.ok()) continue;
      for (const Toggle proxy : {Toggle::on, Toggle::off}) {
        context.proxy = proxy;
        const Result<EffectivePolicy> effective = enrich(*policy, context);
        if (!effective.ok()) continue;
        for (int abi = oldest_abi; abi <= newest_abi; ++abi) {
          const Result<Plan> plan = compile(*effective, abi);
          if (!plan.ok()) continue;
          const CompiledPlan compiled{
              effective->file, effective->run_as_user, effective->run_as_group, notices(*effective), {*plan}};
          const std::string bytes = encoded(compiled);
          const Result<CompiledPlan> out = decode_compiled_plan(bytes, "x.plan");
          ASSERT_TRUE(out.ok()) << file.path() << ", ABI " << abi << ": " << out.error().to_string();
          EXPECT_EQ(encoded(*out), bytes) << file.path();
          ASSERT_EQ(out->layers.size(), 1U);
          EXPECT_EQ(out->layers[0].handled, plan->handled);
          ASSERT_EQ(out->layers[0].rules.size(), plan->rules.size());
          for (std::size_t i = 0; i < plan->rules.size(); ++i) {
            EXPECT_EQ(out->layers[0].rules[i].path, plan->rules[i].path);
            EXPECT_EQ(out->layers[0].rules[i].rights, plan->rules[i].rights);
          }
          EXPECT_EQ(notices(out->layers[0]).size(), notices(*plan).size());
          ++plans;
        }
      }
    }
  }
  EXPECT_GT(plans, 1000);
}

TEST(CompiledPlan, HoldsSeveralLayersAndItsOrder) {
  CompiledPlan compiled = small();
  compiled.layers.push_back(small_plan());
  compiled.layers[1].rules.resize(1);
  const Result<CompiledPlan> out = decode_compiled_plan(encoded(compiled), "x.plan");
  ASSERT_TRUE(out.ok()) << out.error().to_string();
  ASSERT_EQ(out->layers.size(), 2U);
  EXPECT_EQ(out->layers[0].rules.size(), 3U);
  EXPECT_EQ(out->layers[1].rules.size(), 1U);
  EXPECT_EQ(out->run_as_user, "nobody");
  EXPECT_EQ(out->run_as_group, "65534");
  ASSERT_EQ(out->notices.size(), 1U);
  EXPECT_EQ(out->notices[0].message, "/usr stands twice");
}

TEST(CompiledPlan, IsTheSameForTheSame) {
  EXPECT_EQ(encoded(small()), encoded(small()));
}

TEST(CompiledPlan, EveryFileThatEndsEarlyIsRefusedAndSaysWhere) {
  const std::string bytes = encoded(small());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string error = error_of(bytes.substr(0, size));
    ASSERT_NE(error, "") << size;
    if (size >= 16) {
      EXPECT_NE(error.find("x.plan: byte " + std::to_string(size) + ": the file ends here"), std::string::npos)
          << error;
    }
  }
  EXPECT_NE(error_of(bytes + "x").find("byte " + std::to_string(bytes.size()) + ": the plan ends here"),
            std::string::npos);
}

TEST(CompiledPlan, EveryByteThatIsAnotherIsRefused) {
  const std::string bytes = encoded(small());
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      ASSERT_NE(error_of(changed), "") << at << ", bit " << bit;
    }
}

// Who writes a checksum of his own gets as far as the fields: what is taken there is a plan as compile() makes them, and
// is written so again.
TEST(CompiledPlan, BehindTheChecksumAByteIsRefusedOrMeansWhatItSays) {
  const std::string bytes = encoded(small());
  int taken = 0, refused = 0;
  for (std::size_t at = head_size; at < bytes.size(); ++at)
    for (const int change : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
      std::string body = bytes.substr(head_size);
      body[at - head_size] = static_cast<char>(body[at - head_size] ^ change);
      const Result<CompiledPlan> out = decode_compiled_plan(with_head(body), "x.plan");
      if (!out.ok()) {
        ++refused;
        continue;
      }
      ++taken;
      EXPECT_EQ(encoded(*out), with_head(body)) << at;
      const Plan& plan = out->layers[0];
      EXPECT_EQ(plan.handled, abi_info(plan.abi)->fs) << at;
      for (const PlanRule& rule : plan.rules) EXPECT_TRUE(rule.path.starts_with('/') && !rule.rights.empty()) << at;
    }
  EXPECT_GT(taken, 0);
  EXPECT_GT(refused, taken / 4);
  for (std::size_t size = 0; size < bytes.size() - head_size; ++size)
    EXPECT_NE(error_of(with_head(bytes.substr(head_size, size))), "") << size;
}

TEST(CompiledPlan, WhatNoPolicyCompilesToIsRefused) {
  struct Fault {
    std::function<void(CompiledPlan&)> make;
    const char* says;
  };
  const std::vector<Fault> faults = {
      {[](CompiledPlan& c) { c.layers.clear(); }, "no layer"},
      {[](CompiledPlan& c) { c.layers[0].abi = newest_abi + 1; }, "there is no ABI"},
      {[](CompiledPlan& c) { c.layers[0].abi = 0; }, "there is no ABI"},
      {[](CompiledPlan& c) { c.layers[0].handled = access_read_only; }, "every right on files"},
      {[](CompiledPlan& c) { c.layers[0].rules.clear(); }, "no rule"},
      {[](CompiledPlan& c) { c.layers[0].rules[0].path = "dev/null"; }, "is not absolute"},
      {[](CompiledPlan& c) { c.layers[0].rules[0].path = "/dev/../etc"; }, "has a .. component"},
      {[](CompiledPlan& c) { c.layers[0].rules[0].path = "/dev//null"; }, "is not normalised"},
      {[](CompiledPlan& c) { c.layers[0].rules[0].path = std::string("/dev\0x", 6); }, "has a NUL"},
      {[](CompiledPlan& c) { c.layers[0].rules[0].path = "/"; }, "root directory"},
      {[](CompiledPlan& c) { c.layers[0].rules[0].rights = {}; }, "no right"},
      {[](CompiledPlan& c) { c.layers[0].rules[0].rights = AccessSet::from_bits(1U << 20); }, "not restricted"},
      {[](CompiledPlan& c) { std::swap(c.layers[0].rules[0], c.layers[0].rules[1]); }, "sorted"},
      {[](CompiledPlan& c) { c.layers[0].rules[1] = c.layers[0].rules[0]; }, "sorted"},
      {[](CompiledPlan& c) { c.layers[0].handled_net = NetRight::bind_udp; }, "not restricted"},
      {[](CompiledPlan& c) { c.layers[0].ports[1] = c.layers[0].ports[0]; }, "ports"},
      {[](CompiledPlan& c) { c.layers[0].scoped = ScopeSet::from_bits(8); }, "does not know"},
      {[](CompiledPlan& c) { c.layers[0].log |= RestrictFlag::tsync; }, "not of the log"},
      {[](CompiledPlan& c) { c.run_as_user = std::string("a\0b", 3); }, "NUL"},
  };
  for (const Fault& fault : faults) {
    CompiledPlan compiled = small();
    fault.make(compiled);
    const std::string file = with_head(body_of(compiled));
    EXPECT_NE(error_of(file).find(fault.says), std::string::npos) << fault.says << ": " << error_of(file);
    EXPECT_FALSE(encode(compiled).ok()) << fault.says;
  }
}

TEST(CompiledPlan, AnotherFileIsNamedForWhatItIs) {
  EXPECT_NE(error_of("version: 1\n").find("no compiled plan, and lockstep exec takes a policy without --plan"),
            std::string::npos);
  EXPECT_NE(error_of("lockstep.plan/2\n").find("of another version"), std::string::npos);
  EXPECT_NE(error_of("").find("no compiled plan"), std::string::npos);
}

}  // namespace
}  // namespace lockstep
