// Ports, UNIX sockets and signals, free and under a rule set that names them, with servers made before the restriction.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>

#include "conformance/harness/network.h"
#include "conformance/probes/testing.h"

namespace lockstep::conformance::probes {
namespace {

int abi() {
  return static_cast<int>(uapi::create_ruleset(nullptr, 0, uapi::create_ruleset_version));
}

struct Expected {
  const char* name;
  Operation operation;
  Mode mode;
  const char* path;  // below the scratch directory; of abstract sockets a name
  std::uint16_t port;
  int denied_err;  // under all of ABI's rights on ports and both scopes, with nothing allowed
  int needs_abi;
  std::uint64_t step;
};

const Expected table[] = {
    {"BindTcp", Operation::bind_tcp, Mode::plain, "", 4100, EACCES, 4, 2},
    {"BindTcpWhereTheServerListens", Operation::bind_tcp, Mode::plain, "", 4101, EACCES, 4, 2},
    {"ConnectTcp", Operation::connect_tcp, Mode::plain, "", 4101, EACCES, 4, 2},
    {"BindUdp", Operation::bind_udp, Mode::plain, "", 4102, EACCES, 10, 2},
    {"SendUdp", Operation::send_udp, Mode::plain, "", 4102, EACCES, 10, 2},
    {"SendtoUdp", Operation::send_udp, Mode::sendto, "", 4102, EACCES, 10, 2},
    {"ConnectAbstract", Operation::connect_abstract, Mode::plain, "server", 0, EPERM, 6, 4},
    {"ConnectAbstractOwn", Operation::connect_abstract, Mode::own_server, "own", 0, 0, 6, 0},
    {"ConnectUnixOwn", Operation::connect_unix, Mode::own_server, "own", 0, 0, 6, 0},
    {"Signal", Operation::signal, Mode::plain, "", 0, EPERM, 6, 1},
};

class SocketTest : public ::testing::TestWithParam<Expected> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: a network namespace of its own";
    if (abi() < 0) GTEST_SKIP() << "no-landlock";
  }

  static void restrict_all() {
    const int known = abi();
    uapi::RulesetAttr attr;
    attr.handled_access_net = known < 4 ? 0 : known < 10 ? 3 : 15;
    attr.scoped = known < 6 ? 0 : 3;
    const int ruleset = static_cast<int>(uapi::create_ruleset(&attr, known < 6 ? 16 : 24, 0));
    if (ruleset < 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || uapi::restrict_self(ruleset, 0) != 0)
      ::_exit(1);
    ::close(ruleset);
  }

  wire::SlotCell run(bool restricted) {
    const Expected& each = GetParam();
    SharedSlot slot(1);
    std::string path = each.operation == Operation::connect_unix ? scratch_.at(each.path) : each.path;
    if (each.operation == Operation::signal) path = std::to_string(::getpid());
    const Probe probe{each.operation, each.mode, Actor::self, Target::own, false, path.c_str(), "", -1, each.port};
    EXPECT_EQ(in_child([&] {
                if (::unshare(CLONE_NEWNET) != 0 || !harness::open_loopback().ok()) ::_exit(2);
                std::vector<UniqueFd> servers;
                for (const wire::TreeItem& item : {wire::TreeItem{wire::TreeKind::tcp_server, {}, {}, 0, false, 4101},
                                                   {wire::TreeKind::udp_server, {}, {}, 0, false, 4102},
                                                   {wire::TreeKind::abstract_server, "server", {}, 0, false, 0}}) {
                  Result<UniqueFd> server = harness::serve(item, item.path);
                  if (!server.ok() || !*server) ::_exit(3);
                  servers.push_back(std::move(server).value());
                }
                if (restricted) restrict_all();
                run_probe(probe, &slot->cells[0]);
              }),
              42);
    return slot->cells[0];
  }

  Scratch scratch_;
};

TEST_P(SocketTest, IsAllowedWhereNothingRestricts) {
  const wire::SlotCell cell = run(false);
  EXPECT_EQ(cell.err, 0);
  EXPECT_EQ(cell.aux, 0U);
}

TEST_P(SocketTest, GivesLandlocksAnswerWhereNothingIsAllowed) {
  const Expected& each = GetParam();
  if (abi() < 4) GTEST_SKIP() << "needs ABI 4: nothing but files can be restricted";
  const wire::SlotCell cell = run(true);
  const int expected = abi() >= each.needs_abi ? each.denied_err : 0;
  EXPECT_EQ(cell.err, expected);
  EXPECT_EQ(cell.aux, expected == 0 ? 0 : each.step);
}

INSTANTIATE_TEST_SUITE_P(Each, SocketTest, ::testing::ValuesIn(table),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Sockets, AServerOfOnesOwnLeavesItsNameAndSaysSo) {
  const Scratch scratch;
  const std::string path = scratch.at("own"), below = scratch.at("missing/own");
  wire::SlotCell cell{};
  run_probe({Operation::connect_unix, Mode::own_server, Actor::self, Target::own, false, path.c_str(), "", -1}, &cell);
  EXPECT_EQ(cell.err, 0);
  EXPECT_EQ(cell.after, 1U);
  cell = {};
  run_probe({Operation::connect_unix, Mode::own_server, Actor::self, Target::own, false, below.c_str(), "", -1}, &cell);
  EXPECT_EQ(cell.err, ENOENT);
  EXPECT_EQ(cell.after, 0U);
}

TEST(Sockets, ANameOrAProcessThatCannotBeIsUnsupported) {
  const std::string too_long(200, 'x');
  for (const auto& [operation, path] : {std::pair{Operation::connect_abstract, too_long},
                                        {Operation::connect_unix, too_long},
                                        {Operation::signal, std::string("0")},
                                        {Operation::signal, std::string()}}) {
    wire::SlotCell cell{};
    run_probe({operation, Mode::plain, Actor::self, Target::own, false, path.c_str(), "", -1}, &cell);
    EXPECT_EQ(cell.state, static_cast<std::uint32_t>(wire::CellState::unsupported)) << name(operation);
  }
}

}  // namespace
}  // namespace lockstep::conformance::probes
