#include "policy/cdi.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <tuple>

#include "cli/testing.h"
#include "host/read_host.h"
#include "landlock/abi.h"
#include "policy/effective.h"
#include "policy/plan.h"

namespace lockstep {
namespace {

using lockstep::testing::TemporaryDirectory;

class CdiTest : public ::testing::Test {
 protected:
  Result<CdiChoice> choose(const std::string& text, const std::string& devices = "all", const std::string& name = "spec.yaml") {
    return choose_cdi({dir_.write(name, text)}, devices);
  }
  // "/dev/a read_file ioctl_dev; ..."
  static std::string summary(const CdiChoice& choice) {
    std::string out;
    for (const CdiPath& each : choice.paths)
      out += (out.empty() ? "" : "; ") + each.path + " " + (each.access == abi_info(newest_abi)->fs ? "all" : join_names(each.access));
    return out;
  }
  // One device with these edits.
  static std::string spec(const std::string& edits) {
    return "cdiVersion: 0.5.0\nkind: v.com/gpu\ndevices:\n  - name: \"0\"\n    containerEdits:\n      " + edits + "\n";
  }

  TemporaryDirectory dir_;
};

TEST_F(CdiTest, NodesMountsAndSocketsBecomePaths) {
  const Result<CdiChoice> out = choose(
      spec("deviceNodes: [{path: /dev/a}, {path: /dev/x, hostPath: //dev/b/, permissions: rw}, {path: /dev/r, permissions: r}, {path: /dev/w, permissions: wm}, {path: /dev/m, "
           "permissions: m}, {path: /dev/none, permissions: none}, {path: /dev/e, permissions: \"\"}]\n      mounts: [{hostPath: /lib/l.so, containerPath: /l.so, options: [ro]}, {hostPath: "
           "/srv/w, containerPath: /w, options: [rw]}, {hostPath: /run/d/socket, containerPath: /s}, {hostPath: /t, containerPath: /t, type: tmpfs}]"));
  ASSERT_TRUE(out.ok()) << out.error().to_string();
  EXPECT_EQ(summary(*out),
            "/dev/a all; /dev/b all; /dev/e all; /dev/r read_file ioctl_dev; /dev/w write_file ioctl_dev; /lib/l.so execute read_file read_dir; "
            "/run/d/socket execute read_file read_dir resolve_unix; /srv/w all");
  EXPECT_EQ(out->paths[0].device, "v.com/gpu=0");
  EXPECT_EQ(out->paths[0].spec, dir_.at("spec.yaml") + ":6");
  EXPECT_TRUE(out->warnings.empty());
}

TEST_F(CdiTest, SyntaxesMeanTheSame) {
  const std::string json = R"({"cdiVersion": "0.5.0", "kind": "v.com/gpu", "devices": [{"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/a"}]}}]})";
  const Result<CdiChoice> a = choose(json, "all", "spec.json"), b = choose(spec("deviceNodes: [{path: /dev/a}]"));
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(summary(*a), summary(*b));
}

TEST_F(CdiTest, DevicesAreChosenByNameUuidAndKind) {
  const std::string text =
      "cdiVersion: 0.5.0\nkind: v.com/gpu\ncontainerEdits: {deviceNodes: [{path: /dev/ctl}]}\ndevices:\n"
      "  - {name: \"0\", containerEdits: {deviceNodes: [{path: /dev/g0}]}}\n  - {name: \"1:0\", containerEdits: {deviceNodes: [{path: /dev/g1}]}}\n"
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

TEST_F(CdiTest, ASpecsOwnAllIsAll) {
  const Result<CdiChoice> out = choose(
      "cdiVersion: 0.5.0\nkind: v.com/gpu\ndevices:\n  - {name: \"0\", containerEdits: {deviceNodes: [{path: /dev/g0}]}}\n  - {name: all, containerEdits: {deviceNodes: [{path: /dev/both}]}}\n");
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(summary(*out), "/dev/both all");
}

TEST_F(CdiTest, ADirectoryIsReadWholeAndNamesMustBeClear) {
  dir_.write("cdi/a.yaml", spec("deviceNodes: [{path: /dev/a}]"));
  std::string other = spec("deviceNodes: [{path: /dev/b}]");
  dir_.write("cdi/readme.txt", "not a spec");
  EXPECT_TRUE(choose_cdi({dir_.at("cdi")}, "0").ok());
  dir_.write("cdi/b.yml", other);
  const Result<CdiChoice> twice = choose_cdi({dir_.at("cdi")}, "0");
  ASSERT_FALSE(twice.ok());
  EXPECT_NE(twice.error().to_string().find("cdi/b.yml: the device 0 stands in " + dir_.at("cdi/a.yaml") + " as well: take one"), std::string::npos) << twice.error().to_string();
  other.replace(other.find("v.com"), 5, "w.com");
  dir_.write("cdi/b.yml", other);
  EXPECT_NE(choose_cdi({dir_.at("cdi")}, "0").error().message.find("write it with its kind"), std::string::npos);
  const Result<CdiChoice> clear = choose_cdi({dir_.at("cdi")}, "w.com/gpu=0");
  ASSERT_TRUE(clear.ok());
  EXPECT_EQ(summary(*clear), "/dev/b all");
  EXPECT_FALSE(choose_cdi({dir_.at("nowhere")}, "0").ok());
  dir_.write("empty/x", "");
  EXPECT_FALSE(choose_cdi({dir_.at("empty")}, "0").ok());
}

TEST_F(CdiTest, WhatIsNotKnownIsNamedAndGrantsNothing) {
  const Result<CdiChoice> out = choose(spec("deviceNodes: [{path: /dev/a, shape: round}]\n      wormholes: [{path: /dev/z}]"));
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(summary(*out), "/dev/a all");
  ASSERT_EQ(out->warnings.size(), 2U);
  EXPECT_NE(out->warnings[0].find("spec.yaml:7: containerEdits: the field wormholes is not known"), std::string::npos) << out->warnings[0];
  const Result<CdiChoice> newer = choose("cdiVersion: 2.0.0\nkind: v.com/gpu\ndevices: [{name: a}]\n");
  ASSERT_TRUE(newer.ok());
  EXPECT_EQ(newer->warnings.size(), 1U);
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
           {"kind: v.com/gpu\ndevices: [{name: a}]\n", 1, "cdiVersion"},
           {"cdiVersion: 1\nkind: v.com/gpu\ndevices: [{name: a}]\n", 1, "three numbers"},
           {"cdiVersion: 0.5\nkind: v.com/gpu\ndevices: [{name: a}]\n", 1, "three numbers"},
           {"cdiVersion: 0.-5.0\nkind: v.com/gpu\ndevices: [{name: a}]\n", 1, "three numbers"},
           {"cdiVersion: 0.5.0x\nkind: v.com/gpu\ndevices: [{name: a}]\n", 1, "three numbers"},
           {"cdiVersion: [0]\nkind: v.com/gpu\ndevices: [{name: a}]\n", 1, "cdiVersion"},
           {"cdiVersion: 0.5.0\ndevices: [{name: a}]\n", 1, "kind"},
           {"cdiVersion: 0.5.0\nkind: gpu\ndevices: [{name: a}]\n", 2, "vendor/class"},
           {head, 1, "at least one of devices"},
           {head + "devices: []\n", 1, "at least one of devices"},
           {head + "devices: {a: b}\n", 3, "must be a list"},
           {head + "devices: [a]\n", 3, "must be a mapping"},
           {head + "devices: [{containerEdits: {}}]\n", 3, "needs name"},
           {head + "devices: [{name: \"\"}]\n", 3, "is empty"},
           {head + "devices: [{name: \"a,b\"}]\n", 3, "no comma"},
           {head + "devices:\n  - {name: a}\n  - {name: a}\n", 5, "twice"},
           {device + "[]\n", 5, "must be a mapping"},
           {device + "{deviceNodes: {}}\n", 5, "must be a list"},
           {device + "{deviceNodes: [/dev/a]}\n", 5, "must be a mapping"},
           {device + "{deviceNodes: [{type: c}]}\n", 5, "needs path"},
           {device + "{deviceNodes: [{path: dev/a}]}\n", 5, "absolute path"},
           {device + "{deviceNodes: [{path: /dev/../etc}]}\n", 5, "absolute path"},
           {device + "{deviceNodes: [{path: \"/dev/a\\x01\"}]}\n", 5, "absolute path"},
           {device + "{deviceNodes: [{path: \"/dev/a\\0\"}]}\n", 5, ""},
           {device + "{deviceNodes: [{path: /" + std::string(4200, 'a') + "}]}\n", 5, "absolute path"},
           {device + "{deviceNodes: [{path: //}]}\n", 5, "every device"},
           {device + "{deviceNodes: [{path: /dev}]}\n", 5, "every device"},
           {device + "{deviceNodes: [{path: /dev/a, hostPath: /./}]}\n", 5, "every device"},
           {device + "{mounts: [{hostPath: /dev/, containerPath: /dev}]}\n", 5, "every device"},
           {device + "{hooks: 7}\n", 5, "must be a list"},
           {device + "{env: x}\n", 5, "must be a list"},
           {device + "{deviceNodes: [{path: /dev/a, permissions: rx}]}\n", 5, "letters of rwm"},
           {device + "{deviceNodes: [{path: /dev/a, permissions: [r]}]}\n", 5, "permissions"},
           {device + "{mounts: [{containerPath: /a}]}\n", 5, "needs hostPath"},
           {device + "{mounts: [{hostPath: /a}]}\n", 5, "containerPath"},
           {device + "{mounts: [{hostPath: /, containerPath: /a}]}\n", 5, "every device"},
           {device + "{mounts: [{hostPath: /a, containerPath: /a, options: ro}]}\n", 5, "must be a list"},
           {device + "&x {}\n", 5, "anchor"},
           {head + "kind: w.com/gpu\ndevices: [{name: a}]\n", 3, ""},
           {head + "devices: [{name: a}]\n---\nx: 1\n", 0, "document"},
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

TEST_F(CdiTest, TwoSpecsOfOneDeviceAreNotJoinedByAll) {
  dir_.write("cdi/a.yaml", spec("deviceNodes: [{path: /dev/a}]"));
  dir_.write("cdi/b.yaml", spec("deviceNodes: [{path: /dev/b}]"));
  EXPECT_NE(choose_cdi({dir_.at("cdi")}, "all").error().message.find("stands in"), std::string::npos);
}

TEST_F(CdiTest, ReadOnlyWinsOverReadWriteAndAFieldIsNamedOnce) {
  const Result<CdiChoice> out = choose("cdiVersion: 0.5.0\nkind: v.com/gpu\ndevices:\n  - {name: a, new: 1, containerEdits: {mounts: [{hostPath: /x, containerPath: /x, options: [rw, ro]}]}}\n  - {name: b, new: 1}\n");
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(summary(*out), "/x execute read_file read_dir");
  EXPECT_EQ(out->warnings.size(), 1U);
}

// choose_devices(), on simulated hosts.
class CdiHostTest : public CdiTest {
 protected:
  Context context() const {
    Context out;
    out.host.gpu_nodes = {"/dev/nvidia0", "/dev/nvidia1"};
    for (const char* path : {"/dev/nvidia0", "/dev/nvidia1", "/dev/nvidiactl"}) out.host.present.push_back({path, NodeKind::character});
    out.host.present.push_back({"/tmp/nvidia-mps/control", NodeKind::socket});
    return out;
  }
  std::string refusal(const std::string& edits, const std::function<void(Context&)>& change = [](Context&) {}) {
    Context out = context();
    change(out);
    const Result<void> chosen = choose_devices({dir_.write("s.yaml", spec(edits))}, "0", &out);
    return chosen.ok() ? "" : chosen.error().to_string();
  }
};

TEST_F(CdiHostTest, ASocketIsForConnectingWhateverItIsCalled) {
  Context out = context();
  ASSERT_TRUE(choose_devices({dir_.write("s.yaml", spec("mounts: [{hostPath: /tmp/nvidia-mps/control, containerPath: /c}]"))}, "0", &out).ok());
  EXPECT_TRUE(out.cdi->paths[0].access.contains(Right::resolve_unix));
}

TEST_F(CdiHostTest, WhatWouldOpenMoreThanWasChosenIsRefused) {
  EXPECT_EQ(refusal("deviceNodes: [{path: /dev/nvidia0}]"), "");
  EXPECT_NE(refusal("deviceNodes: [{path: /dev/nvidia5}]").find("is not here"), std::string::npos);
  EXPECT_NE(refusal("deviceNodes: [{path: /dev/nvidia0}]", [](Context& c) { c.gpu = Toggle::off; }).find("the GPU baseline is off"), std::string::npos);
  const std::string above = refusal("mounts: [{hostPath: /dev/gpus, containerPath: /g}]", [](Context& c) { c.host.gpu_nodes.push_back("/dev/gpus/nvidia7"); });
  EXPECT_NE(above.find("s.yaml:6: /dev/gpus would open /dev/gpus/nvidia7, which was not chosen"), std::string::npos) << above;
}

TEST(CdiNodes, WithoutASpecAreChosenByNumber) {
  const std::vector<std::string> nodes = {"/dev/nvidia0", "/dev/nvidia1"};
  EXPECT_EQ(*choose_nodes(nodes, "all"), nodes);
  EXPECT_EQ(*choose_nodes(nodes, "1,1"), std::vector<std::string>{"/dev/nvidia1"});
  for (const char* bad : {"2", "", "GPU-5", "0,", "-1", "0x0", "../0"}) EXPECT_FALSE(choose_nodes(nodes, bad).ok()) << bad;
  EXPECT_NE(choose_nodes(nodes, "GPU-5").error().message.find("without a CDI spec"), std::string::npos);
}

TEST(CdiEnrich, WhatTheAuthorWroteStandsAndTwiceChangesNothing) {
  const Result<Policy> policy = decode_policy("version: 1\nfilesystem_policy: {read_only: [/usr], read_write: [/dev/a]}\nlandlock: {compatibility: hard_requirement}\n", "p.yaml");
  ASSERT_TRUE(policy.ok());
  Context context;
  context.host.gpu_nodes = {"/dev/nvidia0"};
  for (const char* path : {"/usr", "/proc", "/dev/a", "/dev/b", "/dev/nvidia0", "/run/s.sock", "/dev/nvidiactl"}) context.host.present.push_back({path, NodeKind::character});
  context.cdi = CdiChoice{{{"/dev/a", Right::read_file | Right::ioctl_dev, "v/g=0", "s:1"},
                           {"/dev/b", abi_info(newest_abi)->fs, "v/g=0", "s:2"},
                           {"/dev/gone", abi_info(newest_abi)->fs, "v/g=0", "s:3"},
                           {"/run/s.sock", access_read_only | Right::resolve_unix, "v/g", "s:4"}},
                          {}};
  const Result<EffectivePolicy> out = enrich(*policy, context);
  ASSERT_TRUE(out.ok()) << out.error().to_string();
  EXPECT_EQ(out->read_write(), (std::vector<std::string>{"/dev/a", "/dev/b", "/dev/nvidiactl", "/proc"})) << "no GPU that was not chosen";
  std::string origins;
  for (const EffectiveRule& rule : out->rules) origins += rule.path + ":" + std::string(name(rule.origin)) + (rule.spec.empty() ? "" : "@" + rule.spec) + " ";
  EXPECT_EQ(origins, "/dev/a:policy /dev/b:cdi@s:2 /dev/nvidiactl:gpu-baseline /proc:gpu-baseline /run/s.sock:cdi@s:4 /usr:policy ");
  EXPECT_TRUE(std::any_of(out->skipped.begin(), out->skipped.end(), [](const SkippedPath& each) { return each.path == "/dev/gone" && each.origin == Origin::cdi; }));
  const Result<EffectivePolicy> again = enrich(as_policy(*out), context);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->read_write(), out->read_write());
  EXPECT_EQ(again->rules.size(), out->rules.size());
  // The socket's resolve_unix is nothing the author relied on: a hard requirement does not fail for it.
  EXPECT_TRUE(compile(*out, 3).ok()) << compile(*out, 3).error().to_string();
}

}  // namespace
}  // namespace lockstep
