// Ports, scopes, log flags, threads and quiet grants: from the policy file to the plan of each ABI, and printed.
#include <gtest/gtest.h>

#include <lockstep/effective.h>
#include <lockstep/plan.h>
#include <lockstep/restrictions.h>
#include <lockstep/rights.h>

#include "render/show.h"
#include "syntax/json.h"
#include "testing/policy.h"

namespace lockstep {
namespace {

constexpr char full[] = R"(version: 1
filesystem_policy:
  read_only: [/usr]
  grants:
    - {path: /srv, access: [read], quiet: true}
landlock:
  scopes: [signal, abstract_unix_socket]
  ports:
    bind_tcp: [8443, 8080, 8443]
    bind_udp: []
    connect_send_udp: [53]
  log: {same_exec: false, new_exec: true}
  threads: all
)";

EffectivePolicy effective_of(const std::string& text) {
  Result<EffectivePolicy> out = enrich(testing::policy(text), Context{});
  EXPECT_TRUE(out.ok());
  return *out;
}

std::vector<std::string> dropped_of(const Plan& plan) {
  std::vector<std::string> out;
  for (const Missing& each : plan.dropped)
    out.push_back(std::string(each.feature->kind) + " " + std::string(each.feature->name) + each.path);
  return out;
}

TEST(Restrictions, AreReadSortedAndWithoutDuplicates) {
  const Restrictions got = effective_of(full).restrictions;
  EXPECT_EQ(got.scopes, ScopeSet(Scope::signal) | Scope::abstract_unix_socket);
  EXPECT_EQ(got.net, NetSet::from_bits(0xd));
  EXPECT_EQ(got.ports, (std::vector<PortRule>{
                           {NetRight::bind_tcp, 8080}, {NetRight::bind_tcp, 8443}, {NetRight::connect_send_udp, 53}}));
  EXPECT_EQ(got.ports_of(NetRight::bind_tcp), "8080 8443");
  EXPECT_EQ(got.ports_of(NetRight::connect_tcp), "any");
  EXPECT_EQ(got.ports_of(NetRight::bind_udp), "none");
  EXPECT_EQ(got.log.flags(), RestrictFlags(RestrictFlag::log_same_exec_off) | RestrictFlag::log_new_exec_on);
  EXPECT_TRUE(got.all_threads);
}

TEST(Restrictions, NothingIsRestrictedUnasked) {
  for (const char* landlock : {"{}", "{ports: {}}", "{scopes: []}",
                               "{log: {same_exec: true, new_exec: false, subdomains: true}}", "{threads: one}"}) {
    const EffectivePolicy effective =
        effective_of("version: 1\nfilesystem_policy: {read_only: [/usr]}\nlandlock: " + std::string(landlock) + "\n");
    EXPECT_EQ(effective.restrictions, Restrictions{}) << landlock;
    const Plan plan = *compile(effective, newest_abi);
    EXPECT_TRUE(plan.handled_net.empty() && plan.scoped.empty() && plan.ports.empty() && plan.log.empty() &&
                !plan.quiet())
        << landlock;
  }
}

TEST(Restrictions, SendingUdpWithoutPortZeroToBindIsAWarning) {
  const auto warns = [](const std::string& ports) {
    return !testing::policy("version: 1\nlandlock:\n  ports: " + ports + "\n").warnings.empty();
  };
  EXPECT_TRUE(warns("{bind_udp: [], connect_send_udp: [53]}"));
  EXPECT_TRUE(warns("{bind_udp: [5000]}"));
  EXPECT_FALSE(warns("{bind_udp: [0], connect_send_udp: [53]}"));
  EXPECT_FALSE(warns("{bind_udp: [], connect_send_udp: []}"));
  EXPECT_FALSE(warns("{connect_send_udp: [53]}"));
}

TEST(Restrictions, EachAbiHasWhatItCanAndTheRestIsDropped) {
  const EffectivePolicy effective = effective_of(full);
  const struct {
    int abi;
    std::uint64_t net, scoped, log;
    bool quiet;
    std::vector<std::string> dropped;
  } rows[] = {
      {3,
       0,
       0,
       0,
       false,
       {"quiet quiet/srv", "port bind_tcp", "port bind_udp", "port connect_send_udp", "scope abstract_unix_socket",
        "scope signal", "log log"}},
      {4,
       1,
       0,
       0,
       false,
       {"quiet quiet/srv", "port bind_udp", "port connect_send_udp", "scope abstract_unix_socket", "scope signal",
        "log log"}},
      {6, 1, 3, 0, false, {"quiet quiet/srv", "port bind_udp", "port connect_send_udp", "log log"}},
      {9, 1, 3, 3, false, {"quiet quiet/srv", "port bind_udp", "port connect_send_udp"}},
      {10, 0xd, 3, 3, true, {}},
      {11, 0xd, 3, 3, true, {}},
  };
  for (const auto& row : rows) {
    const Result<Plan> plan = compile(effective, row.abi);
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ(plan->handled_net.bits(), row.net) << row.abi;
    EXPECT_EQ(plan->scoped.bits(), row.scoped) << row.abi;
    EXPECT_EQ(plan->log.bits(), row.log) << row.abi;
    EXPECT_EQ(plan->quiet(), row.quiet) << row.abi;
    EXPECT_EQ(dropped_of(*plan), row.dropped) << row.abi;
    for (const PortRule& rule : plan->ports) EXPECT_TRUE(plan->handled_net.contains(rule.right)) << row.abi;
  }
}

TEST(Restrictions, HardRequirementRefusesWhatWouldBeDropped) {
  for (const auto& [landlock, abi] : {std::pair{"ports: {connect_tcp: []}", 4},
                                      {"ports: {bind_udp: []}", 10},
                                      {"scopes: [signal]", 6},
                                      {"log: {subdomains: false}", 7}}) {
    const EffectivePolicy effective = effective_of(
        "version: 1\nfilesystem_policy: {read_only: [/usr]}\nlandlock:\n  compatibility: hard_requirement\n  " +
        std::string(landlock) + "\n");
    EXPECT_TRUE(compile(effective, abi).ok()) << landlock;
    const Result<Plan> below = compile(effective, abi - 1);
    ASSERT_FALSE(below.ok()) << landlock;
    EXPECT_EQ(below.error().kind, ErrorKind::unsupported);
    EXPECT_NE(below.error().message.find("from ABI " + std::to_string(abi)), std::string::npos)
        << below.error().message;
  }
}

TEST(Restrictions, ArePrintedByEveryFormatAndReadBackTheSame) {
  const EffectivePolicy effective = effective_of(full);
  const EffectivePolicy again = effective_of(render::show_yaml(effective));
  EXPECT_EQ(again.restrictions, effective.restrictions) << render::show_yaml(effective);
  ASSERT_EQ(again.rules.size(), effective.rules.size());
  for (std::size_t i = 0; i < again.rules.size(); ++i) EXPECT_EQ(again.rules[i].quiet, effective.rules[i].quiet);
  EXPECT_EQ(enrich(as_policy(effective), Context{})->restrictions, effective.restrictions);

  const std::string text = render::show_text(effective, *compile(effective, 9));
  for (const char* part :
       {"bind_tcp: 8080 8443;", "connect_tcp: any;", "bind_udp: none;", "scopes abstract_unix_socket signal\n",
        "log_new_exec_on", "threads all", "denials not logged",
        "dropped: connect_send_udp (ABI 10): datagrams can be sent to any UDP port"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;

  const auto json = Json::parse(render::show_json(effective, *compile(effective, 10)));
  EXPECT_EQ(json["effective"]["ports"],
            Json::parse(R"({"bind_tcp":[8080,8443],"connect_tcp":null,"bind_udp":[],"connect_send_udp":[53]})"));
  EXPECT_EQ(json["effective"]["threads"], "all");
  EXPECT_EQ(json["effective"]["grants"][0]["quiet"], true);
  EXPECT_EQ(json["plan"]["ports"].size(), 3U);
  EXPECT_EQ(json["plan"]["handled_ports"], Json({"bind_tcp", "bind_udp", "connect_send_udp"}));
  EXPECT_EQ(json["plan"]["flags"], Json({"log_same_exec_off", "log_new_exec_on"}));
  const auto below = Json::parse(render::show_json(effective, *compile(effective, 3)));
  EXPECT_EQ(below["plan"]["dropped"][1]["port"], "bind_tcp");
  EXPECT_EQ(below["plan"]["dropped"][1]["first_abi"], 4);
}

TEST(Restrictions, WhatIsUnrestrictedIsSaidInTheText) {
  const EffectivePolicy effective = effective_of("version: 1\nfilesystem_policy: {read_only: [/usr]}\n");
  const std::string text = render::show_text(effective, *compile(effective, 7));
  EXPECT_NE(text.find("ports  bind_tcp: any; connect_tcp: any; bind_udp: any; connect_send_udp: any\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("scopes none; not restricted: abstract_unix_socket signal\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace lockstep
