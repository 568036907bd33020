// The cells that are about no path: what the sweep makes of a policy, how a case writes them, and what a case may not
// say.
#include <gtest/gtest.h>

#include <algorithm>

#include <lockstep/rights.h>

#include "conformance/judge/cells.h"
#include "testing/temporary_directory.h"

namespace lockstep::conformance::judge {
namespace {

std::vector<std::string> names_of(const std::vector<wire::CellRequest>& cells) {
  std::vector<std::string> out;
  out.reserve(cells.size());
  for (const wire::CellRequest& cell : cells) out.push_back(cell_name(cell));
  return out;
}

TEST(RestrictionCells, ASignalAloneWhereNothingIsRestricted) {
  EXPECT_EQ(names_of(restriction_cells({})), std::vector<std::string>({"signal"}));
}

TEST(RestrictionCells, BothSidesOfAScope) {
  Restrictions restrictions;
  restrictions.scopes = Scope::signal;
  EXPECT_EQ(names_of(restriction_cells(restrictions)),
            std::vector<std::string>({"signal", "connect-abstract", "connect-abstract own-server"}));
}

TEST(RestrictionCells, EachPortNamedAndOneThatIsNotOfEveryRight) {
  Restrictions restrictions;
  restrictions.net = NetSet(NetRight::bind_tcp) | NetRight::connect_send_udp;
  restrictions.ports = {{NetRight::bind_tcp, 0},
                        {NetRight::bind_tcp, 8100},
                        {NetRight::connect_send_udp, 0},
                        {NetRight::connect_send_udp, 53}};
  EXPECT_EQ(names_of(restriction_cells(restrictions)),
            std::vector<std::string>({"signal", "bind-tcp 0", "bind-tcp 8100", "bind-tcp 8101", "connect-tcp 8100",
                                      "bind-udp 8100", "send-udp 53", "send-udp sendto 53", "send-udp 8100",
                                      "send-udp sendto 8100"}));
}

TEST(RestrictionCells, APolicyThatNamesEveryPortHasNoStranger) {
  Restrictions restrictions;
  restrictions.net = NetRight::bind_tcp;
  for (int port = 0; port <= 0xffff; ++port)
    restrictions.ports.push_back({NetRight::bind_tcp, static_cast<std::uint16_t>(port)});
  const std::vector<std::string> names = names_of(restriction_cells(restrictions));
  EXPECT_EQ(
      std::count_if(names.begin(), names.end(), [](const std::string& name) { return name.starts_with("bind-tcp "); }),
      8);
}

class CaseWithPorts : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_.write("p.yaml", "version: 1\nfilesystem_policy: {read_only: [/usr]}\nlandlock: {ports: {bind_tcp: [80]}}\n");
    dir_.write("none.json", R"({"schema": "lockstep.host/1", "gpu": "none", "gpu_nodes": [], "present": ["/usr"]})");
    dir_.write("real.json", R"({"schema": "lockstep.host/1", "gpu": "none", "gpu_nodes": [], "present": "real"})");
  }

  Result<Case> load(const std::string& expectation, const std::string& host = "none.json") const {
    dir_.write(
        "cases/c.json",
        "{\"schema\": \"lockstep.case/1\", \"name\": \"c\", \"why\": \"w\", \"policy\": \"p.yaml\", \"host\": \"" +
            host + "\",\n\"expect\": [\n" + expectation + "]}");
    return load_case(dir_.at("cases/c.json"), dir_.path());
  }

  const testing::TemporaryDirectory dir_;
};

TEST_F(CaseWithPorts, OperandsAreThoseOfTheOperation) {
  for (const auto& [expectation, says] :
       {std::pair{R"({"op": "bind-tcp", "result": "allow"})", "needs \"port\""},
        {R"({"op": "bind-tcp", "port": 65536, "result": "allow"})", "from 0 to 65535"},
        {R"({"op": "bind-tcp", "port": "80", "result": "allow"})", "whole number"},
        {R"({"op": "bind-tcp", "port": 80, "path": "/usr", "result": "allow"})", "takes no path"},
        {R"({"op": "signal", "path": "/usr", "result": "allow"})", "takes no path"},
        {R"({"op": "signal", "port": 1, "result": "allow"})", "takes no port"},
        {R"({"op": "open-r", "path": "/usr", "port": 1, "result": "allow"})", "takes no port"},
        {R"({"op": "open-r", "path": "/usr", "mode": "own-server", "result": "allow"})", "no mode of open-r"},
        {R"({"op": "bind-udp", "port": 80, "mode": "sendto", "result": "allow"})", "no mode of bind-udp"},
        {R"({"op": "comm-open", "mode": "sendto", "result": "allow"})", "no mode of comm-open"}}) {
    const Result<Case> got = load(expectation);
    ASSERT_FALSE(got.ok()) << expectation;
    EXPECT_EQ(got.error().kind, ErrorKind::input);
    EXPECT_EQ(got.error().line, 3) << expectation;
    EXPECT_NE(got.error().message.find(says), std::string::npos) << got.error().message;
  }
}

TEST_F(CaseWithPorts, ARowWithPortsHasServersAndANetworkOfItsOwn) {
  const Result<Case> got = load(
      R"({"op": "connect-tcp", "port": 443, "result": "allow"}, {"op": "send-udp", "port": 53, "mode": "sendto", "result": "allow"})");
  ASSERT_TRUE(got.ok()) << got.error().to_string();
  const Result<CellPlan> plan = plan_cells(*got, *enrich(got->policy, got->context));
  ASSERT_TRUE(plan.ok()) << plan.error().to_string();
  EXPECT_TRUE(plan->network);
  const auto served = [&](wire::TreeKind kind, std::uint16_t port) {
    return std::count_if(plan->tree.begin(), plan->tree.end(),
                         [&](const wire::TreeItem& item) { return item.kind == kind && item.port == port; });
  };
  EXPECT_EQ(served(wire::TreeKind::tcp_server, 443), 1);
  EXPECT_EQ(served(wire::TreeKind::udp_server, 53), 1);
  EXPECT_EQ(served(wire::TreeKind::tcp_server, 80), 0);  // bound by the probe, not by a server
}

TEST_F(CaseWithPorts, ARowThatAsksForNoneStaysInTheMachines) {
  dir_.write("p.yaml", "version: 1\nfilesystem_policy: {read_only: [/usr]}\n");
  const Result<Case> got = load(R"({"op": "signal", "result": "allow"})");
  EXPECT_FALSE(plan_cells(*got, *enrich(got->policy, got->context))->network);
}

TEST_F(CaseWithPorts, OnARealHostNothingListensForARow) {
  const Result<Case> got = load(R"({"op": "connect-tcp", "port": 443, "result": "allow"})", "real.json");
  ASSERT_TRUE(got.ok()) << got.error().to_string();
  const Result<CellPlan> plan = plan_cells(*got, *enrich(got->policy, got->context));
  EXPECT_FALSE(plan->network);
  for (const wire::TreeItem& item : plan->tree)
    EXPECT_LT(static_cast<int>(item.kind), static_cast<int>(wire::TreeKind::tcp_server));
}

TEST_F(CaseWithPorts, AServerOfOnesOwnNeedsAPathOfItsOwn) {
  const Result<Case> got =
      load(R"({"op": "connect-unix", "mode": "own-server", "path": "$scratch/s", "result": "allow"},
                                   {"op": "connect-unix", "path": "$scratch/s", "result": "allow"})");
  ASSERT_TRUE(got.ok());
  const Result<CellPlan> plan = plan_cells(*got, *enrich(got->policy, got->context));
  ASSERT_FALSE(plan.ok());
  EXPECT_NE(plan.error().message.find("path of its own"), std::string::npos);
}

}  // namespace
}  // namespace lockstep::conformance::judge
