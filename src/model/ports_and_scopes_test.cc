// Ports, scopes and sockets inside a domain: by hand-made layers, and against the running kernel.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <lockstep/rights.h>

#include "base/unique_fd.h"
#include "landlock/uapi.h"
#include "model/kernel_tree_testing.h"

namespace lockstep::model {
namespace {

using kernel_tree::ModelKernel;
using kernel_tree::say;

Restrictions only(NetSet net, std::vector<PortRule> ports) {
  Restrictions out;
  out.net = net;
  out.ports = std::move(ports);
  return out;
}

Restrictions scoped(ScopeSet scopes) {
  Restrictions out;
  out.scopes = scopes;
  return out;
}

Query port_query(Operation operation, std::uint16_t port) {
  Query query;
  query.operation = operation;
  query.port = port;
  return query;
}

Query other_side(Operation operation, std::size_t shared_layers, Mode mode = Mode::plain) {
  Query query;
  query.operation = operation;
  query.mode = mode;
  query.shared_layers = shared_layers;
  return query;
}

TEST(Ports, ALayerAllowsThePortsItNamesAndWhatItDoesNotHandle) {
  Model model({.abi = 11, .kernel_abi = 11, .errata = 0});
  model.add_layer({}, {}, only(NetSet(NetRight::bind_tcp), {{NetRight::bind_tcp, 8080}}));
  EXPECT_EQ(model.decide(port_query(Operation::bind_tcp, 8080)).err, 0);
  EXPECT_EQ(model.decide(port_query(Operation::bind_tcp, 8081)).err, EACCES);
  EXPECT_EQ(model.decide(port_query(Operation::connect_tcp, 8081)).err, 0);
  EXPECT_EQ(model.describe(model.decide(port_query(Operation::bind_tcp, 8081))),
            "layer 1 lacks bind_tcp on port 8081; its bind_tcp ports: 8080");
  EXPECT_EQ(model.describe(model.decide(port_query(Operation::connect_tcp, 1))), "Landlock does not restrict this");
}

TEST(Ports, EveryLayerMustNameThePort) {
  Model model({.abi = 11, .kernel_abi = 11, .errata = 0});
  model.add_layer({}, {},
                  only(NetSet(NetRight::connect_tcp), {{NetRight::connect_tcp, 80}, {NetRight::connect_tcp, 443}}));
  model.add_layer({}, {}, only(NetSet(NetRight::connect_tcp), {{NetRight::connect_tcp, 443}}));
  EXPECT_EQ(model.decide(port_query(Operation::connect_tcp, 443)).err, 0);
  EXPECT_EQ(model.decide(port_query(Operation::connect_tcp, 80)).layer, 2);
  EXPECT_EQ(model.decide(port_query(Operation::connect_tcp, 81)).layer, 1);
}

TEST(Ports, SendingFromASocketThatIsNotBoundNeedsPortZero) {
  const auto send = [](const Restrictions& restrictions) {
    Model model({.abi = 11, .kernel_abi = 11, .errata = 0});
    model.add_layer({}, {}, restrictions);
    return model.decide(port_query(Operation::send_udp, 53));
  };
  const NetSet both = NetSet(NetRight::bind_udp) | NetRight::connect_send_udp;
  EXPECT_EQ(send(only(both, {{NetRight::connect_send_udp, 53}})).port, (PortRule{NetRight::bind_udp, 0}));
  EXPECT_EQ(send(only(both, {{NetRight::connect_send_udp, 53}})).err, EACCES);
  EXPECT_EQ(send(only(both, {{NetRight::bind_udp, 0}, {NetRight::connect_send_udp, 53}})).err, 0);
  EXPECT_EQ(send(only(both, {{NetRight::bind_udp, 0}})).port, (PortRule{NetRight::connect_send_udp, 53}));
  EXPECT_EQ(send(only(NetSet(NetRight::bind_udp), {})).err, EACCES);
  EXPECT_EQ(send(only(NetSet(NetRight::connect_send_udp), {{NetRight::connect_send_udp, 53}})).err, 0);
}

TEST(Scopes, DenyWhatLeadsOutAndNothingInside) {
  Model model({.abi = 11, .kernel_abi = 11, .errata = 0});
  model.add_layer({}, {}, scoped(Scope::signal));
  model.add_layer({}, {}, scoped(Scope::abstract_unix_socket));
  EXPECT_EQ(model.decide(other_side(Operation::signal, 0)).err, EPERM);
  EXPECT_EQ(model.decide(other_side(Operation::signal, 1)).err, 0);
  EXPECT_EQ(model.decide(other_side(Operation::connect_abstract, 1)).layer, 2);
  EXPECT_EQ(model.decide(other_side(Operation::connect_abstract, 2)).err, 0);
  EXPECT_EQ(model.decide(other_side(Operation::connect_abstract, 0, Mode::own_server)).err, 0);
  EXPECT_EQ(model.describe(model.decide(other_side(Operation::signal, 0))),
            "layer 1 has the scope signal, and the other side stands outside");
}

TEST(Scopes, AreThoseOfThePlansAbi) {
  EffectivePolicy effective;
  effective.restrictions = only(NetSet::from_bits(0xf), {});
  effective.restrictions.scopes = ScopeSet::from_bits(3);
  const struct {
    int abi, tcp, udp, signal;
  } rows[] = {
      {3, 0, 0, 0}, {4, EACCES, 0, 0}, {6, EACCES, 0, EPERM}, {9, EACCES, 0, EPERM}, {10, EACCES, EACCES, EPERM}};
  for (const auto& row : rows) {
    Model model({.abi = row.abi, .kernel_abi = 11, .errata = 0});
    model.add_layer(effective, {});
    EXPECT_EQ(model.decide(port_query(Operation::bind_tcp, 80)).err, row.tcp) << row.abi;
    EXPECT_EQ(model.decide(port_query(Operation::send_udp, 80)).err, row.udp) << row.abi;
    EXPECT_EQ(model.decide(other_side(Operation::signal, 0)).err, row.signal) << row.abi;
  }
}

TEST(ResolveUnix, IsAskedLayerByLayerAndOnlyOfLayersTheServerIsOutsideOf) {
  const Object socket{1, 9, FileType::socket}, directory{1, 2, FileType::directory};
  const Walk walk{{socket, directory}, false, false, 0};
  Model model({.abi = 11, .kernel_abi = 11, .errata = 0});
  model.add_layer(Right::resolve_unix, {});
  model.add_layer(Right::resolve_unix, {{directory, Right::resolve_unix}});
  Query query{Operation::connect_unix, Mode::plain, &walk};
  EXPECT_EQ(model.decide(query).layer, 1);
  query.shared_layers = 1;  // the server is inside the first: the second grants by path
  EXPECT_EQ(model.decide(query).err, 0);
  model.add_layer(Right::resolve_unix, {});
  EXPECT_EQ(model.decide(query).layer, 3);
  query.shared_layers = 3;
  EXPECT_EQ(model.decide(query).err, 0);
}

TEST(ResolveUnix, AServerOfOnesOwnOnlyNeedsToBeMade) {
  const Object directory{1, 2, FileType::directory};
  const Walk walk{{directory}, true, false, 0};
  Model model({.abi = 11, .kernel_abi = 11, .errata = 0});
  model.add_layer(Right::resolve_unix | Right::make_sock, {{directory, Right::make_sock}});
  EXPECT_EQ(model.decide({Operation::connect_unix, Mode::own_server, &walk}).err, 0);
  Model denies({.abi = 11, .kernel_abi = 11, .errata = 0});
  denies.add_layer(Right::resolve_unix | Right::make_sock, {{directory, Right::resolve_unix}});
  EXPECT_EQ(denies.decide({Operation::connect_unix, Mode::own_server, &walk}).missing, AccessSet(Right::make_sock));
}

// Against the kernel: the loopback of a network namespace of its own, a server made before each layer, a process
// outside.
bool loopback_up() {
  if (::unshare(CLONE_NEWNET) != 0) return false;
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  return ::ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int try_port(Operation operation, Mode mode, std::uint16_t port) {
  const bool tcp = operation == Operation::bind_tcp || operation == Operation::connect_tcp;
  const UniqueFd fd(::socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  if (operation == Operation::bind_tcp || operation == Operation::bind_udp)
    return kernel_tree::to_errno(::bind(fd.get(), to, sizeof(address)));
  if (mode == Mode::sendto) return kernel_tree::to_errno(::sendto(fd.get(), "", 0, 0, to, sizeof(address)));
  const int err = kernel_tree::to_errno(::connect(fd.get(), to, sizeof(address)));
  return err == ECONNREFUSED ? 0 : err;  // nobody listens: it was allowed to try
}

int try_abstract(const std::string& name, UniqueFd* serve) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, sizeof(address.sun_path) - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  if (serve == nullptr) return kernel_tree::to_errno(::connect(fd.get(), to, size));
  const int err = ::bind(fd.get(), to, size) == 0 && ::listen(fd.get(), 4) == 0 ? 0 : errno;
  *serve = std::move(fd);
  return err;
}

int enforce(const Restrictions& restrictions) {
  uapi::RulesetAttr attr;
  attr.handled_access_net = restrictions.net.bits();
  attr.scoped = restrictions.scopes.bits();
  const UniqueFd ruleset(static_cast<int>(uapi::create_ruleset(&attr, restrictions.scopes.empty() ? 16 : 24, 0)));
  if (!ruleset) return errno;
  for (const PortRule& rule : restrictions.ports) {
    uapi::NetPortAttr port;
    port.allowed_access = NetSet(rule.right).bits();
    port.port = rule.port;
    if (uapi::add_rule(ruleset.get(), uapi::rule_net_port, &port, 0) != 0) return errno;
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  return kernel_tree::to_errno(uapi::restrict_self(ruleset.get(), 0));
}

class ModelKernelBesideFiles : public ModelKernel {
 protected:
  void expect(const Model& model, const Query& query, int observed) {
    const Decision decision = model.decide(query);
    ++shared_->decisions;
    if (decision.err != 0) ++shared_->denials;
    if (decision.err != observed)
      say(shared_, std::string(name(query.operation)) + " " + std::string(name(query.mode)) + " " +
                       std::to_string(query.port) + " shared " + std::to_string(query.shared_layers) + ": kernel " +
                       errno_name(observed) + ", model " + model.describe(decision) + "\n");
  }

  // Stacks the layers one after another, with an abstract server made before the first and after each; then tries it
  // all.
  void compare_layers(const std::vector<Restrictions>& layers) {
    kernel_tree::in_child(shared_, [&] {
      if (!loopback_up()) return say(shared_, "no network namespace: " + errno_name(errno) + "\n");
      const pid_t outside = ::getppid();
      Model model({.abi = abi_, .kernel_abi = abi_, .errata = 0});
      std::vector<UniqueFd> servers(layers.size() + 1);
      for (std::size_t i = 0; i <= layers.size(); ++i) {
        if (try_abstract("server" + std::to_string(i), &servers[i]) != 0) return say(shared_, "no server\n");
        if (i == layers.size()) break;
        model.add_layer({}, {}, layers[i]);
        if (const int err = enforce(layers[i]); err != 0)
          return say(shared_, "restricting failed: " + errno_name(err) + "\n");
      }
      for (Operation operation :
           {Operation::bind_tcp, Operation::connect_tcp, Operation::bind_udp, Operation::send_udp})
        for (const std::uint16_t port : std::initializer_list<std::uint16_t>{0, 4001, 4002})
          if (port != 0 || operation == Operation::bind_tcp || operation == Operation::bind_udp)
            expect(model, port_query(operation, port), try_port(operation, Mode::plain, port));
      Query datagram = port_query(Operation::send_udp, 4001);
      datagram.mode = Mode::sendto;
      expect(model, datagram, try_port(Operation::send_udp, Mode::sendto, 4001));
      for (std::size_t i = 0; i < servers.size(); ++i)
        expect(model, other_side(Operation::connect_abstract, i), try_abstract("server" + std::to_string(i), nullptr));
      expect(model, other_side(Operation::signal, 0), kernel_tree::to_errno(::kill(outside, 0)));
    });
  }
};

TEST_F(ModelKernelBesideFiles, PortsScopesAndServersMadeBetweenLayers) {
  if (abi_ < 4) GTEST_SKIP() << "needs ABI 4";
  const int rights = abi_ >= 10 ? 4 : 2;
  std::vector<Restrictions> variants = {only(NetSet::from_bits((1U << rights) - 1), {})};
  for (int bit = 0; bit < rights; ++bit) {
    const auto right = static_cast<NetRight>(bit);
    for (const std::vector<std::uint16_t>& ports : {std::vector<std::uint16_t>{}, {0}, {4001}, {0, 4002}}) {
      Restrictions each = only(NetSet(right), {});
      for (const std::uint16_t port : ports) each.ports.push_back({right, port});
      variants.push_back(each);
    }
  }
  if (abi_ >= 10)
    variants.push_back(only(NetSet::from_bits(0xc), {{NetRight::bind_udp, 0}, {NetRight::connect_send_udp, 4001}}));
  if (abi_ >= 6)
    for (std::uint64_t bits = 1; bits < 4; ++bits) variants.push_back(scoped(ScopeSet::from_bits(bits)));
  for (const Restrictions& first : variants) {
    compare_layers({first});
    for (const Restrictions& second : variants) compare_layers({first, second});
  }
  EXPECT_GT(shared_->denials, 100U);
}

}  // namespace
}  // namespace lockstep::model
