#include "host/cdi.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <tuple>

#include <lockstep/abi.h>
#include <lockstep/effective.h>
#include <lockstep/plan.h>
#include <lockstep/rights.h>

#include "testing/policy.h"
#include "testing/temporary_directory.h"

namespace lockstep {
namespace {

using lockstep::testing::TemporaryDirectory;

// Everything is there: nodes below /dev (with numbers nobody knows), a socket by its name, else directories.
CdiObject whatever(const std::string& path, bool) {
  CdiObject out;
  out.has_every_device = path == "/" || path == "/dev";
  out.kind = path.ends_with("socket")    ? CdiObject::Kind::socket
             : path.starts_with("/dev/") ? CdiObject::Kind::character
                                         : CdiObject::Kind::directory;
  return out;
}

class CdiTest : public ::testing::Test {
 protected:
  Result<CdiChoice> choose(const std::string& text, const std::string& devices = "all",
                           const std::string& name = "spec.yaml") {
    return choose_cdi({dir_.write(name, text)}, devices, host_);
  }
  // "/dev/a read_file ioctl_dev; ..."
  static std::string summary(const CdiChoice& choice) {
    std::string out;
    for (const CdiPath& each : choice.paths)
      out += (out.empty() ? "" : "; ") + each.path + " " +
             (each.access == abi_info(newest_abi)->fs ? "all" : join_names(each.access));
    return out;
  }
  // One device with these edits.
  static std::string spec(const std::string& edits) {
    return "cdiVersion: 0.5.0\nkind: v.com/gpu\ndevices:\n  - name: \"0\"\n    containerEdits:\n      " + edits + "\n";
  }

  TemporaryDirectory dir_;
  CdiHost host_{whatever, [](const std::string&) { return std::optional(std::vector<std::string>()); }, false};
};

TEST_F(CdiTest, EveryPathSaysWhoseItIsAndWhereItStands) {
  const Result<CdiChoice> out =
      choose(spec("deviceNodes: [{path: /dev/a}, {path: /dev/x, hostPath: //dev/b}]\n      mounts: "
                  "[{hostPath: /run/d/socket, containerPath: /s, options: [bind]}]") +
             "containerEdits: {deviceNodes: [{path: /dev/ctl}]}\n");
  ASSERT_TRUE(out.ok()) << out.error().to_string();
  EXPECT_EQ(summary(*out), "/dev/a all; /dev/b all; /dev/ctl all; /run/d/socket write_file read_file resolve_unix");
  EXPECT_EQ(out->paths[0].device, "v.com/gpu=0");
  EXPECT_EQ(out->paths[0].spec, dir_.at("spec.yaml") + ":6");
  EXPECT_EQ(out->paths[2].device, "v.com/gpu");
  EXPECT_TRUE(out->warnings.empty());
  EXPECT_FALSE(out->nvidia);
}

TEST_F(CdiTest, FilesOfOneDirectoryStandSideBySide) {
  const std::string a = dir_.write("cdi/a.yaml", spec("deviceNodes: [{path: /dev/a}]")),
                    b = dir_.write("cdi/b.yml", spec("deviceNodes: [{path: /dev/b}]"));
  const std::string c = dir_.write("other/c.yaml", spec("deviceNodes: [{path: /dev/c}]"));
  const auto chosen = [&](const std::vector<std::string>& places) {
    const Result<CdiChoice> out = choose_cdi(places, "0", host_);
    return out.ok() ? summary(*out) : out.error().to_string();
  };
  EXPECT_NE(chosen({a, b}).find("of one directory"), std::string::npos) << chosen({a, b});
  EXPECT_EQ(chosen({a, a}), "/dev/a all");
  EXPECT_EQ(chosen({a, c}), "/dev/c all");
  EXPECT_EQ(chosen({c, a}), "/dev/a all");
  EXPECT_EQ(chosen({dir_.at("other"), dir_.at("cdi")}), "/dev/a all") << "a .yml that nobody named is no spec";
  EXPECT_EQ(chosen({a, dir_.at("other")}), "/dev/c all");
  EXPECT_NE(chosen({dir_.at("missing.yaml")}).find("ENOENT"), std::string::npos)
      << "a file that is named must be there";
}

TEST_F(CdiTest, ANameOfTwoKindsIsWrittenWithItsKind) {
  dir_.write("cdi/a.yaml", spec("deviceNodes: [{path: /dev/a}]"));
  std::string other = spec("deviceNodes: [{path: /dev/b}]");
  dir_.write("cdi/b.yaml", other.replace(other.find("v.com"), 5, "w.com"));
  EXPECT_NE(choose_cdi({dir_.at("cdi")}, "0", host_).error().message.find("with its kind"), std::string::npos);
  const Result<CdiChoice> clear = choose_cdi({dir_.at("cdi")}, "w.com/gpu=0", host_);
  ASSERT_TRUE(clear.ok());
  EXPECT_EQ(summary(*clear), "/dev/b all");
}

TEST_F(CdiTest, NvidiasNodesAreKnownByTheHostsPath) {
  for (const auto& [node, nvidia] : std::vector<std::pair<std::string, bool>>{{"/dev/nvidia0", true},
                                                                              {"/dev/nvidia-caps/nvidia-cap1", true},
                                                                              {"/dev/dxg", true},
                                                                              {"/dev/nvhost-gpu", true},
                                                                              {"/dev/nvmap", true},
                                                                              {"/dev/dri/renderD128", false},
                                                                              {"/dev/kfd", false},
                                                                              {"/dev/infiniband/uverbs0", false}}) {
    for (const std::string& edit : {"{path: " + node + "}", "{path: /dev/odd, hostPath: " + node + "}"}) {
      const Result<CdiChoice> out = choose(spec("deviceNodes: [" + edit + "]"));
      ASSERT_TRUE(out.ok()) << out.error().to_string();
      EXPECT_EQ(out->nvidia, nvidia) << edit;
    }
  }
}

TEST_F(CdiTest, SyntaxesMeanTheSame) {
  const std::string json =
      R"({"cdiVersion": "0.5.0", "kind": "v.com/gpu", "devices": [{"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/a"}]}}]})";
  const Result<CdiChoice> a = choose(json, "all", "spec.json"), b = choose(spec("deviceNodes: [{path: /dev/a}]"));
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(summary(*a), summary(*b));
}

TEST_F(CdiTest, DevicesAreChosenByNameUuidAndKind) {
  const std::string text =
      "cdiVersion: 0.5.0\nkind: v.com/gpu\ncontainerEdits: {deviceNodes: [{path: /dev/ctl}]}\ndevices:\n"
      "  - {name: \"0\", containerEdits: {deviceNodes: [{path: /dev/g0}]}}\n  - {name: \"1:0\", "
      "containerEdits: {deviceNodes: [{path: /dev/g1}]}}\n"
      "  - {name: GPU-5, containerEdits: {deviceNodes: [{path: /dev/g0, permissions: r}]}}\n";
  const auto chosen = [&](const std::string& devices) {
    const Result<CdiChoice> out = choose(text, devices);
    return out.ok() ? summary(*out) : out.error().message;
  };
  EXPECT_EQ(chosen("0"), "/dev/ctl all; /dev/g0 all");
  EXPECT_EQ(chosen("1:0"), "/dev/ctl all; /dev/g1 all");
  EXPECT_EQ(chosen("GPU-5"), "/dev/ctl all; /dev/g0 read_file ioctl_dev");
  EXPECT_EQ(chosen("GPU-5,0"), "/dev/ctl all; /dev/g0 all") << "rights are joined";
  EXPECT_EQ(chosen("v.com/gpu=1:0"), "/dev/ctl all; /dev/g1 all");
  EXPECT_EQ(chosen("all"), "/dev/ctl all; /dev/g0 all; /dev/g1 all");
  EXPECT_EQ(chosen("7"), "no device is called 7; the specs have v.com/gpu=0, v.com/gpu=1:0, v.com/gpu=GPU-5");
  EXPECT_NE(chosen("0,").find("an empty name"), std::string::npos);
  EXPECT_NE(chosen("").find("an empty name"), std::string::npos);
}

TEST_F(CdiTest, ThreeHundredNodesWork) {
  std::string nodes;
  for (int i = 0; i < 301; ++i) nodes += (i > 0 ? ", " : "") + ("{path: /dev/n" + std::to_string(i) + "}");
  const Result<CdiChoice> out = choose(spec("deviceNodes: [" + nodes + "]"));
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(out->paths.size(), 301U);
}

TEST_F(CdiTest, BadSpecsAreErrorsWithFileAndLine) {
  const std::string head = "cdiVersion: 0.5.0\nkind: v.com/gpu\n";
  const std::string device = head + "devices:\n  - name: a\n    containerEdits: ";
  int checked = 0;
  for (const auto& [text, line, part] : std::vector<std::tuple<std::string, int, std::string>>{
           {"", 0, ""},
           {"[]\n", 1, "must be a mapping"},
           {"kind: v.com/gpu\ndevices: [{name: a, containerEdits: {env: [A=b]}}]\n", 1, "cdiVersion"},
           {"cdiVersion: 1\nkind: v.com/gpu\ndevices: [{name: a, containerEdits: {env: [A=b]}}]\n", 1,
            "was never released"},
           {"cdiVersion: 0.5\nkind: v.com/gpu\ndevices: [{name: a, containerEdits: {env: [A=b]}}]\n", 1,
            "was never released"},
           {"cdiVersion: 0.-5.0\nkind: v.com/gpu\ndevices: [{name: a, containerEdits: {env: [A=b]}}]\n", 1,
            "was never released"},
           {"cdiVersion: 0.5.0x\nkind: v.com/gpu\ndevices: [{name: a, containerEdits: {env: [A=b]}}]\n", 1,
            "was never released"},
           {"cdiVersion: [0]\nkind: v.com/gpu\ndevices: [{name: a, containerEdits: {env: [A=b]}}]\n", 1, "cdiVersion"},
           {"cdiVersion: 0.5.0\ndevices: [{name: a, containerEdits: {env: [A=b]}}]\n", 1, "kind"},
           {"cdiVersion: 0.5.0\nkind: gpu\ndevices: [{name: a, containerEdits: {env: [A=b]}}]\n", 2, "vendor/class"},
           {head, 1, "at least one of devices"},
           {head + "devices: []\n", 3, "at least one of devices"},
           {head + "devices: {a: b}\n", 3, "must be a list"},
           {head + "devices: [a]\n", 3, "must be a mapping"},
           {head + "devices: [{containerEdits: {}}]\n", 3, "needs name"},
           {head + "devices: [{name: \"\"}]\n", 3, "is empty"},
           {head + "devices: [{name: \"a,b\"}]\n", 3, "no device name"},
           {head + "devices:\n  - {name: a, containerEdits: {env: [A=b]}}\n  - {name: a, containerEdits: "
                   "{env: [A=b]}}\n",
            5, "twice"},
           {device + "[]\n", 5, "must be a mapping"},
           {device + "{deviceNodes: {}}\n", 5, "must be a list"},
           {device + "{deviceNodes: [/dev/a]}\n", 5, "must be a mapping"},
           {device + "{deviceNodes: [{type: c}]}\n", 5, "needs path"},
           {device + "{deviceNodes: [{path: dev/a}]}\n", 5, "absolute path"},
           {device + "{deviceNodes: [{path: /dev/../etc}]}\n", 5, "absolute path"},
           {device + "{deviceNodes: [{path: \"/dev/a\\x01\"}]}\n", 5, "absolute path"},
           {device + "{deviceNodes: [{path: \"/dev/a\\0\"}]}\n", 5, ""},
           {device + "{deviceNodes: [{path: /" + std::string(4200, 'a') + "}]}\n", 5, "absolute path"},
           {device + "{deviceNodes: [{path: //}]}\n", 5, "no name for a node"},
           {device + "{deviceNodes: [{path: /dev}]}\n", 5, "is no device node"},
           {device + "{deviceNodes: [{path: /dev/a, hostPath: /./}]}\n", 5, "is no device node"},
           {device + "{hooks: 7}\n", 5, "must be a list"},
           {device + "{env: x}\n", 5, "must be a list"},
           {device + "{deviceNodes: [{path: /dev/a, permissions: rx}]}\n", 5, "letters of rwm"},
           {device + "{deviceNodes: [{path: /dev/a, permissions: [r]}]}\n", 5, "permissions"},
           {device + "{mounts: [{containerPath: /a}]}\n", 5, "needs hostPath"},
           {device + "{mounts: [{hostPath: /a}]}\n", 5, "containerPath"},
           {device + "{mounts: [{hostPath: /a, containerPath: /a, options: ro}]}\n", 5, "must be a list"},
           {head + "kind: w.com/gpu\ndevices: [{name: a, containerEdits: {env: [A=b]}}]\n", 3, ""},
           {device + std::string(200, '[') + "\n", 0, ""},
       }) {
    const Result<CdiChoice> out = choose(text);
    ASSERT_FALSE(out.ok()) << text.substr(0, 120);
    EXPECT_EQ(out.error().kind, ErrorKind::input);
    EXPECT_NE(out.error().to_string().find("spec.yaml"), std::string::npos) << out.error().to_string();
    EXPECT_TRUE(line == 0 || out.error().line == line) << out.error().to_string();
    EXPECT_NE(out.error().message.find(part), std::string::npos) << out.error().message;
    ++checked;
  }
  EXPECT_GT(checked, 35);
}

// choose_devices(), on simulated hosts.
class CdiHostTest : public CdiTest {
 protected:
  Context context() const {
    Context out;
    out.host.gpu_nodes = {"/dev/nvidia0", "/dev/nvidia1"};
    for (const char* path : {"/dev/nvidia0", "/dev/nvidia1", "/dev/nvidiactl"})
      out.host.present.push_back({path, NodeKind::character});
    out.host.present.push_back({"/tmp/nvidia-mps/control", NodeKind::socket});
    return out;
  }
  std::string refusal(
      const std::string& edits, const std::function<void(Context&)>& change = [](Context&) {}) {
    Context out = context();
    change(out);
    const Result<void> chosen = choose_devices({dir_.write("s.yaml", spec(edits))}, "0", &out);
    return chosen.ok() ? "" : chosen.error().to_string();
  }
};

TEST_F(CdiHostTest, ASocketIsForConnectingWhateverItIsCalled) {
  Context out = context();
  ASSERT_TRUE(
      choose_devices(
          {dir_.write("s.yaml",
                      spec("mounts: [{hostPath: /tmp/nvidia-mps/control, containerPath: /c, options: [bind]}]"))},
          "0", &out)
          .ok());
  EXPECT_TRUE(out.cdi->paths[0].access.contains(Right::resolve_unix));
}

TEST_F(CdiHostTest, WhatWouldOpenMoreThanWasChosenIsLeftOut) {
  EXPECT_EQ(refusal("deviceNodes: [{path: /dev/nvidia0}]"), "");
  EXPECT_NE(refusal("deviceNodes: [{path: /dev/nvidia5}]").find("is not here"), std::string::npos);
  EXPECT_NE(refusal("deviceNodes: [{path: /dev/nvidia0}]", [](Context& c) { c.gpu = Toggle::off; })
                .find("the GPU baseline is off"),
            std::string::npos);
  Context out = context();
  out.host.gpu_nodes.push_back("/dev/gpus/nvidia7");
  out.host.present.push_back({"/dev/gpus/nvidia7", NodeKind::character});
  ASSERT_TRUE(choose_devices(
                  {dir_.write("s.yaml", spec("mounts: [{hostPath: /dev/gpus, containerPath: /g, options: [rbind]}]"))},
                  "0", &out)
                  .ok());
  EXPECT_TRUE(out.cdi->paths.empty());
  ASSERT_EQ(out.cdi->warnings.size(), 1U);
  EXPECT_NE(out.cdi->warnings[0].find(
                "s.yaml:6: the mount of /dev/gpus is left out: it would open /dev/gpus/nvidia7, which no device node "
                "here names"),
            std::string::npos)
      << out.cdi->warnings[0];
}

TEST_F(CdiHostTest, ASimulatedHostsLinksAreFollowedForMountsAlone) {
  const auto change = [](Context& c) {
    c.host.present.push_back({"/srv/real", NodeKind::directory});
    c.host.present.push_back({"/srv/link", NodeKind::link, "real"});
    c.host.present.push_back({"/srv/loop", NodeKind::link, "/srv/loop"});
    c.host.present.push_back({"/dev/link", NodeKind::link, "nvidia0"});
  };
  EXPECT_EQ(refusal("mounts: [{hostPath: /srv/link, containerPath: /g, options: [rbind]}]", change), "");
  EXPECT_NE(refusal("mounts: [{hostPath: /srv/loop, containerPath: /g, options: [rbind]}]", change).find("is not here"),
            std::string::npos);
  EXPECT_NE(refusal("deviceNodes: [{path: /dev/link}]", change).find("a symbolic link"), std::string::npos);
}

// An AMD GPU or a network card on a host with NVIDIA's driver: no node of NVIDIA's, no promoted /proc.
TEST_F(CdiHostTest, TheBaselineIsThatOfWhatWasChosen) {
  const Policy policy = testing::policy("version: 1\nfilesystem_policy: {read_only: [/proc]}\n");
  for (const auto& [node, nvidia] : std::vector<std::pair<std::string, bool>>{
           {"/dev/kfd", false}, {"/dev/infiniband/uverbs0", false}, {"/dev/nvidia0", true}}) {
    for (const Toggle gpu : {Toggle::automatic, Toggle::off}) {
      if (nvidia && gpu == Toggle::off) continue;
      Context out = context();
      out.gpu = gpu;
      for (const std::string& path : {node, std::string("/proc")})
        if (!out.host.exists(path))
          out.host.present.push_back({path, path == "/proc" ? NodeKind::directory : NodeKind::character});
      ASSERT_TRUE(choose_devices({dir_.write("s.yaml", spec("deviceNodes: [{path: " + node + "}]"))}, "0", &out).ok());
      const Result<EffectivePolicy> effective = enrich(policy, out);
      ASSERT_TRUE(effective.ok());
      EXPECT_EQ(effective->gpu, nvidia) << node;
      EXPECT_EQ(effective->read_write(),
                nvidia ? (std::vector<std::string>{node, "/dev/nvidiactl", "/proc"}) : std::vector<std::string>{node});
    }
  }
}

TEST(CdiNodes, WithoutASpecAreChosenByNumber) {
  const std::vector<std::string> nodes = {"/dev/nvidia0", "/dev/nvidia1"};
  EXPECT_EQ(*choose_nodes(nodes, "all"), nodes);
  EXPECT_EQ(*choose_nodes(nodes, "1,1"), std::vector<std::string>{"/dev/nvidia1"});
  for (const char* bad : {"2", "", "GPU-5", "0,", "-1", "0x0", "../0"})
    EXPECT_FALSE(choose_nodes(nodes, bad).ok()) << bad;
  EXPECT_NE(choose_nodes(nodes, "GPU-5").error().message.find("without a CDI spec"), std::string::npos);
}

TEST(CdiEnrich, WhatTheAuthorWroteStandsAndTwiceChangesNothing) {
  const Policy policy = testing::policy(
      "version: 1\nfilesystem_policy: {read_only: [/usr], read_write: [/dev/a]}\nlandlock: {compatibility: "
      "hard_requirement}\n");
  Context context;
  context.host.gpu_nodes = {"/dev/nvidia0"};
  for (const char* path : {"/usr", "/proc", "/dev/a", "/dev/b", "/dev/nvidia0", "/run/s.sock", "/dev/nvidiactl"})
    context.host.present.push_back({path, NodeKind::character});
  context.cdi = CdiChoice{{{"/dev/a", Right::read_file | Right::ioctl_dev, "v/g=0", "s:1"},
                           {"/dev/b", abi_info(newest_abi)->fs, "v/g=0", "s:2"},
                           {"/dev/gone", abi_info(newest_abi)->fs, "v/g=0", "s:3"},
                           {"/run/s.sock", access_read_only | Right::resolve_unix, "v/g", "s:4"}},
                          {},
                          true};
  const Result<EffectivePolicy> out = enrich(policy, context);
  ASSERT_TRUE(out.ok()) << out.error().to_string();
  EXPECT_EQ(out->read_write(), (std::vector<std::string>{"/dev/a", "/dev/b", "/dev/nvidiactl", "/proc"}))
      << "no GPU that was not chosen";
  std::string origins;
  for (const EffectiveRule& rule : out->rules)
    origins += rule.path + ":" + std::string(name(rule.origin)) + (rule.spec.empty() ? "" : "@" + rule.spec) + " ";
  EXPECT_EQ(origins,
            "/dev/a:policy /dev/b:cdi@s:2 /dev/nvidiactl:gpu-baseline /proc:gpu-baseline /run/s.sock:cdi@s:4 "
            "/usr:policy ");
  EXPECT_TRUE(std::any_of(out->skipped.begin(), out->skipped.end(), [](const SkippedPath& each) {
    return each.path == "/dev/gone" && each.origin == Origin::cdi;
  }));
  const Result<EffectivePolicy> again = enrich(as_policy(*out), context);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->read_write(), out->read_write());
  EXPECT_EQ(again->rules.size(), out->rules.size());
  // The socket's resolve_unix is nothing the author relied on: a hard requirement does not fail for it.
  EXPECT_TRUE(compile(*out, 3).ok()) << compile(*out, 3).error().to_string();
}

}  // namespace
}  // namespace lockstep
