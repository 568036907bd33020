// A plan comes out of a request as it went in, whole.
#include <gtest/gtest.h>

#include "compiled/plan_fields.h"
#include "conformance/wire/wire.h"

namespace lockstep::conformance::wire {
namespace {

using namespace bytes;

// No member is what a new Plan has.
Plan full_plan() {
  Plan out;
  out.file = "p.yaml";
  out.abi = 7;
  out.handled = Right::read_file | Right::truncate;
  out.handled_net = NetRight::connect_tcp;
  out.scoped = Scope::signal;
  out.compatibility = Compatibility::hard_requirement;
  out.rules = {{"/usr", Right::read_file, true, 4, true}, {"/srv", Right::truncate, false, 5, false}};
  out.ports = {{NetRight::connect_tcp, 443}};
  out.log = RestrictFlag::log_new_exec_on;
  out.all_threads = true;
  out.promotions = {{"/proc", Right::truncate, "34 files", 6}};
  out.dropped = {{&feature_info(Right::ioctl_dev), "/dev"}, {&feature_info(NetRight::bind_udp), ""}};
  out.not_yet_protected = {{&feature_info(Scope::abstract_unix_socket), ""}, {&feature_info(Extra::quiet), "/srv"}};
  return out;
}

std::string bytes_of(Plan plan) {
  Writer writer;
  fields(writer, plan);
  return std::move(writer.bytes);
}

TEST(PlanFields, ARequestHoldsItsPlansWhole) {
  RowRequest request;
  request.plans = {full_plan(), Plan{}};
  const std::optional<RowRequest> decoded = decode_row_request(encode(request));
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->plans.size(), 2U);
  const Plan plan = full_plan(), &out = decoded->plans[0];
  EXPECT_EQ(bytes_of(out), bytes_of(plan));
  EXPECT_EQ(bytes_of(decoded->plans[1]), bytes_of(Plan{}));
  EXPECT_EQ(out.handled, plan.handled);
  EXPECT_EQ(out.handled_net, plan.handled_net);
  EXPECT_EQ(out.scoped, plan.scoped);
  EXPECT_EQ(out.compatibility, plan.compatibility);
  EXPECT_EQ(out.ports, plan.ports);
  EXPECT_EQ(out.log, plan.log);
  EXPECT_TRUE(out.all_threads);
  ASSERT_EQ(out.rules.size(), 2U);
  EXPECT_EQ(out.rules[0].path, "/usr");
  EXPECT_EQ(out.rules[0].rights, AccessSet(Right::read_file));
  EXPECT_TRUE(out.rules[0].from_baseline);
  EXPECT_TRUE(out.rules[0].quiet);
  EXPECT_EQ(out.dropped[1].feature, plan.dropped[1].feature);
  EXPECT_EQ(out.not_yet_protected[1].feature, plan.not_yet_protected[1].feature);
}

// A member that the codec passed over would leave the bytes as they are.
TEST(PlanFields, EveryMemberIsInTheBytes) {
  const auto change = [](auto member) {
    Plan changed = full_plan();
    changed.*member = Plan{}.*member;
    return bytes_of(changed) != bytes_of(full_plan());
  };
  EXPECT_TRUE(change(&Plan::file));
  EXPECT_TRUE(change(&Plan::abi));
  EXPECT_TRUE(change(&Plan::handled));
  EXPECT_TRUE(change(&Plan::handled_net));
  EXPECT_TRUE(change(&Plan::scoped));
  EXPECT_TRUE(change(&Plan::compatibility));
  EXPECT_TRUE(change(&Plan::rules));
  EXPECT_TRUE(change(&Plan::ports));
  EXPECT_TRUE(change(&Plan::log));
  EXPECT_TRUE(change(&Plan::all_threads));
  EXPECT_TRUE(change(&Plan::promotions));
  EXPECT_TRUE(change(&Plan::dropped));
  EXPECT_TRUE(change(&Plan::not_yet_protected));
}

TEST(PlanFields, AFeatureThatNobodyKnowsIsRefused) {
  EXPECT_EQ(find_feature("right", "ioctl_dev"), &feature_info(Right::ioctl_dev));
  EXPECT_EQ(find_feature("right", "signal"), nullptr);
  Plan plan = full_plan();
  std::string bytes = bytes_of(plan);
  bytes.replace(bytes.find("ioctl_dev"), 9, "ioctl_der");
  Reader reader(bytes);
  fields(reader, plan);
  EXPECT_FALSE(reader.done());
}

}  // namespace
}  // namespace lockstep::conformance::wire
