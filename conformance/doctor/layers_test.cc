#include "conformance/doctor/layers.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include <lockstep/rights.h>

#include "conformance/doctor/remedies.h"

namespace lockstep::conformance::doctor {
namespace {

PathFacts device(unsigned mode = 0666) {
  PathFacts facts;
  facts.path = "/dev/nvidia0";
  facts.kind = 'c';
  facts.mode = mode;
  facts.mount_point = "/dev";
  facts.mount_type = "devtmpfs";
  return facts;
}

// A node that fails without the policy, with nothing around it and nothing wrong with it: each case adds the
// one cause.
Evidence node(int control) {
  Evidence seen;
  seen.step = "node /dev/nvidia0";
  seen.operation = Operation::ioctl;
  seen.path = "/dev/nvidia0";
  seen.control = seen.observed = control;
  seen.failed_step = 1;
  seen.facts = device();
  seen.same_call_worked = true;
  seen.around.outer_layers = 0;
  return seen;
}

struct Case {
  const char* what;
  Evidence seen;
  std::vector<Layer> layers;
  std::string in_sentence, in_remedy;
};

template <typename Change>
Evidence with(Evidence seen, Change change) {
  change(seen);
  return seen;
}

std::vector<Case> cases() {
  using L = Layer;
  const auto denied = [](Evidence seen, AccessSet missing) {
    seen.control = 0;
    seen.observed = EACCES;
    seen.missing = missing;
    seen.decided = "layer 1 lacks it; nearest rule /dev (read_only, line 4)";
    return seen;
  };
  Evidence comm = node(EROFS);
  comm.step = "comm", comm.operation = Operation::comm_open, comm.path = "/proc/<pid>/task/<tid>/comm";
  comm.facts.kind = 'f', comm.facts.read_only = true, comm.facts.mount_point = "/proc", comm.facts.mount_type = "proc";
  Evidence sys = node(0);
  sys.operation = Operation::opendir, sys.path = "/sys/devices/system/node";
  return {
      {"the policy",
       denied(node(0), Right::write_file | Right::ioctl_dev),
       {L::landlock},
       "line 4",
       "filesystem_policy.read_write: [/dev/nvidia0]"},
      {"the policy, a read",
       denied(sys, Right::read_dir),
       {L::landlock},
       "read_dir",
       "filesystem_policy.read_only: [/sys/devices/system/node]"},
      {"the policy, comm",
       denied(comm, Right::write_file),
       {L::landlock},
       "write_file",
       "filesystem_policy.grants: [{path: /proc, access: [write_file, read_file, read_dir, truncate]}]"},
      {"the policy, by the kernel's record",
       with(denied(node(0), Right::write_file),
            [](Evidence& e) {
              e.record = DenialRecord{"fs.write_file", "/dev/nvidia0"};
            }),
       {L::landlock},
       "audit record says fs.write_file on /dev/nvidia0",
       "read_write"},
      {"both",
       with(node(ENOENT),
            [](Evidence& e) { e.facts.err = ENOENT, e.facts.culprit = "/dev/nvidia0", e.missing = Right::write_file; }),
       {L::missing_path},
       "the policy would deny it too",
       "nvidia-modprobe -c 0"},
      {"missing",
       with(node(ENOENT), [](Evidence& e) { e.facts.err = ENOENT, e.facts.culprit = "/dev/nvidia0"; }),
       {L::missing_path},
       "/dev/nvidia0 is not here",
       "nvidia-modprobe -c 0"},
      {"missing in a container",
       with(node(ENOENT), [](Evidence& e) { e.facts.err = ENOENT, e.around.container = true; }),
       {L::missing_path},
       "",
       "--gpus all"},
      {"missing, yet here", node(ENOENT), {L::unknown}, "is here", ""},
      {"mode",
       with(node(EACCES),
            [](Evidence& e) { e.facts.mode = 0600, e.facts.mode_allows = false, e.facts.access = EACCES; }),
       {L::permissions},
       "mode 0600",
       "chmod o+rw /dev/nvidia0"},
      {"group",
       with(node(EACCES),
            [](Evidence& e) {
              e.facts.mode = 0660, e.facts.gid = 44, e.facts.mode_allows = false, e.facts.access = EACCES;
            }),
       {L::permissions},
       "group 44",
       "usermod -aG 44"},
      {"a group that may read, where writing is wanted",
       with(node(EACCES),
            [](Evidence& e) {
              e.facts.mode = 0440, e.facts.gid = 44, e.facts.mode_allows = false, e.facts.access = EACCES;
            }),
       {L::permissions},
       "group 44",
       "sudo chmod g+rw /dev/nvidia0; sudo usermod -aG 44"},
      {"a group that may read, where that is enough",
       with(node(EACCES),
            [](Evidence& e) {
              e.operation = Operation::open_r, e.facts.mode = 0440, e.facts.gid = 44, e.facts.mode_allows = false;
              e.facts.access = EACCES;
            }),
       {L::permissions},
       "group 44",
       "sudo usermod -aG 44"},
      {"a group that is not mapped",
       with(node(EACCES),
            [](Evidence& e) {
              e.facts.mode = 0660, e.facts.gid = 65534, e.facts.mode_allows = false, e.facts.access = EACCES;
              e.around.first_user_namespace = false;
            }),
       {L::permissions},
       "group 65534",
       "keep-groups"},
      {"a group, in a container",
       with(node(EACCES),
            [](Evidence& e) {
              e.facts.mode = 0660, e.facts.gid = 44, e.facts.mode_allows = false, e.facts.access = EACCES;
              e.around.container = true;
            }),
       {L::permissions},
       "group 44",
       "--group-add 44"},
      {"nobody's group",
       with(node(EACCES),
            [](Evidence& e) {
              e.facts.mode = 0660, e.facts.gid = 65534, e.facts.mode_allows = false, e.facts.access = EACCES;
            }),
       {L::permissions},
       "group 65534",
       "chmod o+rw"},
      {"root's group",
       with(node(EACCES),
            [](Evidence& e) { e.facts.mode = 0660, e.facts.mode_allows = false, e.facts.access = EACCES; }),
       {L::permissions},
       "group 0",
       "chmod o+rw"},
      {"a closed directory",
       with(node(EACCES), [](Evidence& e) { e.facts.err = EACCES, e.facts.culprit = "/dev"; }),
       {L::permissions},
       "/dev may not be searched",
       "chmod o+x /dev"},
      {"an ACL",
       with(node(EACCES), [](Evidence& e) { e.facts.access = EACCES, e.facts.has_acl = true; }),
       {L::permissions},
       "ACL",
       "setfacl"},
      {"a read-only mount",
       comm,
       {L::read_only_mount},
       "/proc (proc) is mounted read-only",
       "mount -o remount,rw /proc"},
      {"a read-only mount in a container",
       with(comm, [](Evidence& e) { e.around.container = true; }),
       {L::read_only_mount},
       "",
       "systempaths=unconfined"},
      {"EROFS on a mount that is not",
       with(comm, [](Evidence& e) { e.facts.read_only = false; }),
       {L::unknown},
       "EROFS",
       ""},
      {"nodev",
       with(node(EACCES), [](Evidence& e) { e.facts.nodev = true; }),
       {L::nodev_mount},
       "/dev is mounted nodev",
       "remount,dev /dev"},
      {"a filter, EPERM",
       with(node(EPERM), [](Evidence& e) { e.around.seccomp = 2, e.same_call_worked = false; }),
       {L::seccomp},
       "EPERM",
       "seccomp=PROFILE"},
      {"a filter, ENOSYS",
       with(node(ENOSYS), [](Evidence& e) { e.around.seccomp = 2; }),
       {L::seccomp},
       "ENOSYS",
       "seccomp=PROFILE"},
      {"ENOSYS without a filter", node(ENOSYS), {L::unknown}, "this kernel", ""},
      {"a filter that lets no thread be started",
       with(comm, [](Evidence& e) { e.control = e.observed = EPERM, e.facts.read_only = false, e.around.seccomp = 2; }),
       {L::seccomp},
       "clone3",
       "ENOSYS to clone3"},
      {"EPERM under a filter that lets the call through elsewhere",
       with(node(EPERM), [](Evidence& e) { e.around.seccomp = 2; }),
       {L::capability},
       "",
       ""},
      {"the device controller",
       with(node(EPERM), [](Evidence& e) { e.facts.access = EPERM, e.around.seccomp = 2, e.same_call_worked = false; }),
       {L::device_cgroup},
       "access()",
       "--device /dev/nvidia0"},
      {"the driver, EPERM",
       with(node(EPERM), [](Evidence& e) { e.failed_step = 2; }),
       {L::driver},
       "answers EPERM",
       ""},
      {"the driver, gone", node(ENXIO), {L::driver}, "no driver is behind it", "modprobe nvidia"},
      {"a stale number",
       with(node(ENXIO),
            [](Evidence& e) {
              e.path = "/dev/nvidia-uvm", e.facts.major = 510, e.around.numbers = {{"mem", 1}, {"nvidia-uvm", 511}};
            }),
       {L::driver},
       "number 510:0, and its driver has 511 now: a stale node",
       "sudo rm /dev/nvidia-uvm; sudo nvidia-modprobe -u -c 0"},
      {"the right number",
       with(node(ENXIO),
            [](Evidence& e) {
              e.path = "/dev/nvidia-uvm", e.facts.major = 511, e.around.numbers = {{"nvidia-uvm", 511}};
            }),
       {L::driver},
       "no driver is behind it",
       "modprobe nvidia"},
      {"made by a root's cuInit",
       with(node(ENXIO), [](Evidence& e) { e.path = "/dev/nvidiactl"; }),
       {L::driver},
       "of a root make this node by themselves",
       "modprobe nvidia"},
      {"the driver, EIO", node(EIO), {L::driver}, "EIO", "nvrm"},
      {"a layer around us",
       with(node(EACCES), [](Evidence& e) { e.around.outer_layers = 2; }),
       {L::outer_landlock},
       "one of the 2 Landlock layers",
       "grant /dev/nvidia0"},
      {"AppArmor",
       with(node(EACCES), [](Evidence& e) { e.around.confined_by = "AppArmor docker-default (enforce)"; }),
       {L::security_module},
       "docker-default",
       "journalctl"},
      {"a module that access() asks",
       with(node(EACCES), [](Evidence& e) { e.facts.access = EACCES; }),
       {L::security_module},
       "access()",
       "journalctl"},
      {"two that fit alike",
       with(node(EACCES),
            [](Evidence& e) { e.around.outer_layers = 1, e.around.confined_by = "AppArmor x (enforce)"; }),
       {L::outer_landlock, L::security_module},
       ", or ",
       "; or "},
      {"layers that could not be counted",
       with(node(EACCES), [](Evidence& e) { e.around.outer_layers.reset(); }),
       {L::outer_landlock},
       "if there is one",
       ""},
      {"nothing explains it", node(EACCES), {L::unknown}, "nothing that was looked at", ""},
      {"an errno nobody expects", node(E2BIG), {L::unknown}, "E2BIG", ""},
      {"denied, and the model knows nothing",
       with(node(0), [](Evidence& e) { e.observed = EACCES; }),
       {L::unknown},
       "the model does not explain",
       ""},
  };
}

TEST(Attribute, EachLayerHasItsEvidence) {
  std::set<Layer> named;
  for (const Case& each : cases()) {
    SCOPED_TRACE(each.what);
    const Finding found = attribute(each.seen);
    EXPECT_EQ(found.layers, each.layers) << found.sentence;
    EXPECT_NE(found.sentence.find(each.in_sentence), std::string::npos) << found.sentence;
    EXPECT_NE(found.remedy.find(each.in_remedy), std::string::npos) << found.remedy;
    EXPECT_FALSE(found.by.empty());
    if (found.layers[0] == Layer::unknown) {
      EXPECT_EQ(found.remedy, "");
    }
    named.insert(found.layers.begin(), found.layers.end());
  }
  for (int i = 0; i <= static_cast<int>(Layer::unknown); ++i)
    EXPECT_EQ(named.count(static_cast<Layer>(i)), 1U) << name(static_cast<Layer>(i));
}

TEST(Attribute, AMissingNodeNamesTheCommandThatMakesIt) {
  const auto remedy = [](const std::string& path) {
    Evidence seen = node(ENOENT);
    seen.path = seen.facts.culprit = path;
    seen.facts.err = ENOENT;
    return attribute(seen).remedy;
  };
  EXPECT_EQ(remedy("/dev/nvidia12"), "sudo nvidia-modprobe -c 12");
  EXPECT_EQ(remedy("/dev/nvidiactl"), "sudo nvidia-modprobe -c 0");
  EXPECT_EQ(remedy("/dev/nvidia-uvm"), "sudo nvidia-modprobe -u -c 0");
  EXPECT_EQ(remedy("/dev/nvidia-uvm-tools"), "sudo nvidia-modprobe -u -c 0");
  EXPECT_EQ(remedy("/dev/nvidia-modeset"), "sudo nvidia-modprobe -m");
  EXPECT_EQ(remedy("/proc/driver/nvidia/params"), "sudo modprobe nvidia");
  EXPECT_EQ(remedy("/sys/devices/system/node"), "") << "no command brings that";
}

TEST(Attribute, EachPlatformHasItsOwnRemedies) {
  const auto remedy = [](int control, const std::string& path, GpuKind gpu, bool container) {
    Evidence seen = node(control);
    seen.path = seen.facts.culprit = path;
    seen.facts.err = control == ENOENT ? ENOENT : 0;
    seen.around.gpu = gpu;
    seen.around.container = container;
    return attribute(seen).remedy;
  };
  const struct {
    const char* path;
    GpuKind gpu;
    const char *load, *container;
  } cases[] = {{"/dev/kfd", GpuKind::amd, "modprobe amdgpu", "--device /dev/kfd --device /dev/dri"},
               {"/dev/dri/renderD128", GpuKind::amd, "modprobe amdgpu", "--device /dev/kfd"},
               {"/dev/dri/renderD128", GpuKind::intel, "modprobe xe", "docker run --device /dev/dri"},
               {"/dev/dxg", GpuKind::wsl2, "wsl --update", "--gpus all"},
               {"/dev/nvmap", GpuKind::nvidia, "modprobe nvgpu", "--runtime nvidia"},
               {"/dev/nvhost-gpu", GpuKind::nvidia, "modprobe nvgpu", "--runtime nvidia"}};
  for (const auto& each : cases) {
    SCOPED_TRACE(each.path);
    for (const int control : {ENOENT, ENXIO, ENODEV}) {
      EXPECT_NE(remedy(control, each.path, each.gpu, false).find(each.load), std::string::npos)
          << remedy(control, each.path, each.gpu, false);
      EXPECT_EQ(remedy(control, each.path, each.gpu, false).find("modprobe nvidia;"), std::string::npos);
    }
    EXPECT_NE(remedy(ENOENT, each.path, each.gpu, true).find(each.container), std::string::npos)
        << remedy(ENOENT, each.path, each.gpu, true);
  }
}

TEST(Attribute, AReadOfProcfsIsProposedAsAGrant) {
  // /proc in read_only is promoted to read-write on a GPU host, and a grant beside it would be joined with that.
  EXPECT_EQ(policy_line("/proc/driver/nvidia/params", Right::read_file, false),
            "filesystem_policy.grants: [{path: /proc, access: [read_file, read_dir]}]");
  EXPECT_EQ(policy_line("/sys/class", Right::read_dir, false), "filesystem_policy.read_only: [/sys/class]");
}

TEST(Attribute, AProcfsThatIsNotOursIsAFindingOfTheMachine) {
  ProcfsFacts procfs;
  procfs.kind = ProcfsKind::own;
  EXPECT_FALSE(of_procfs(procfs));
  procfs.kind = ProcfsKind::stale;
  procfs.why = "NSpid has two numbers";
  const std::optional<Finding> stale = of_procfs(procfs);
  ASSERT_TRUE(stale);
  EXPECT_NE(stale->sentence.find("cuInit() returns 304"), std::string::npos);
  EXPECT_NE(stale->sentence.find(procfs.why), std::string::npos);
  EXPECT_NE(stale->remedy.find("--mount-proc"), std::string::npos);
  for (const ProcfsKind kind : {ProcfsKind::none, ProcfsKind::part, ProcfsKind::unreadable}) {
    procfs.kind = kind;
    EXPECT_TRUE(of_procfs(procfs));
  }
}

TEST(Attribute, LayersHaveNamesOfTheirOwn) {
  std::set<std::string_view> all;
  for (int i = 0; i <= static_cast<int>(Layer::unknown); ++i)
    EXPECT_TRUE(all.insert(name(static_cast<Layer>(i))).second) << i;
}

}  // namespace
}  // namespace lockstep::conformance::doctor
