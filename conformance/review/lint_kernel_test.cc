// The traps of lockstep lint that the kernel can show: each is real under the policy that falls into it, and
// gone under the one that follows the advice. Enforced by the library, tried in a child, beside the same
// child without the restriction.
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "conformance/judge/cuda.h"
#include "conformance/probes/testing.h"
#include "enforce/prepare.h"
#include "enforce/restrict.h"
#include "host/read_host.h"
#include "landlock/abi.h"
#include "review/lint.h"

namespace lockstep::conformance {
namespace {

using testing::Scratch;

constexpr int refused = 2000;  // before anything runs: by enrichment, the plan, or preparing
constexpr int broken = 2001;   // the test itself

// Files of one run:  d/f  e/f  rw/inner/f  rw/other/  prog/true  bin/tool  link -> d  root -> /
struct Tree : Scratch {
  Tree() {
    for (const char* each : {"d", "e", "rw", "rw/inner", "rw/other", "prog", "bin"}) directory(each);
    for (const char* each : {"d/f", "e/f", "rw/inner/f", "bin/tool"}) file(each);
    std::ifstream in("/bin/true", std::ios::binary);
    std::ofstream(at("prog/true"), std::ios::binary) << in.rdbuf();
    ::chmod(at("prog/true").c_str(), 0755);
    ::chmod(path.c_str(), 0755);
    if (::symlink("d", at("link").c_str()) != 0 || ::symlink("/", at("root").c_str()) != 0) std::abort();
  }
};

int open_as(const std::string& path, int flags) {
  const UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY));
  return fd ? 0 : errno;
}

// In a child of the restricted process.
int in_grandchild(const std::function<int()>& work) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(work());
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return broken;
  return WEXITSTATUS(status);
}

int name_another_thread() {
  std::atomic<pid_t> id{0};
  std::atomic<bool> done{false};
  std::thread other([&] {
    id = ::gettid();
    while (!done) ::usleep(100);
  });
  while (id == 0) ::usleep(100);
  const int err = open_as("/proc/self/task/" + std::to_string(id) + "/comm", O_RDWR);
  done = true;
  other.join();
  return err;
}

struct Row {
  const char* id;
  const char* falls;    // below filesystem_policy; $B is the tree, $NODE a GPU node (to the kernel: a device
                        // that takes ioctls)
  const char* follows;  // the advice
  int (*operation)(const Tree& tree);
  int trapped;  // errno of the operation; 0 allowed
  int followed;
  int abi = 1;                                  // that the proof needs
  int plan_abi = 0;                             // 0: the kernel's
  void (*between)(const Tree& tree) = nullptr;  // what happens between preparing and restricting
  Toggle gpu = Toggle::off;
  const char* workdir = nullptr;
  bool as_root = false;
};

int write_inner(const Tree& tree) {
  return open_as(tree.at("rw/inner/f"), O_WRONLY);
}
int write_d(const Tree& tree) {
  return open_as(tree.at("d/f"), O_WRONLY);
}
int read_d(const Tree& tree) {
  return open_as(tree.at("d/f"), O_RDONLY);
}
int read_e(const Tree& tree) {
  return open_as(tree.at("e/f"), O_RDONLY);
}
int read_link(const Tree& tree) {
  return open_as(tree.at("link/f"), O_RDONLY);
}
int read_late(const Tree& tree) {
  return open_as(tree.at("late/f"), O_RDONLY);
}
int read_status_in_a_child(const Tree&) {
  return in_grandchild([] { return open_as("/proc/self/status", O_RDONLY); });
}
int run_program(const Tree& tree) {
  return in_grandchild([&] {
    char name[] = "true";
    char* const words[] = {name, nullptr};
    ::execv(tree.at("prog/true").c_str(), words);
    return errno;
  });
}
int ioctl_node(const Tree&) {
  const UniqueFd fd(::open("/dev/ptmx", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!fd) return broken;
  unsigned number = 0;
  return ::ioctl(fd.get(), TIOCGPTN, &number) == 0 ? 0 : errno;
}
int connect_socket(const Tree& tree) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  tree.at("x.sock").copy(address.sun_path, sizeof(address.sun_path) - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
}

void turn_link(const Tree& tree) {
  ::unlink(tree.at("link").c_str());
  if (::symlink("e", tree.at("link").c_str()) != 0) std::abort();
}
// For the processes that are forked from here: /proc/self/fd/200.
void keep_d_open(const Tree& tree) {
  const UniqueFd fd(::open(tree.at("d/f").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd || ::dup3(fd.get(), 200, O_CLOEXEC) != 200) std::abort();
}
void make_late(const Tree& tree) {
  (void)tree.directory("late");
  (void)tree.file("late/f");
}

const std::vector<Row> rows = {
    {"procfs-self", "  read_only: [$B, /proc/self]", "  read_only: [$B, /proc]", read_status_in_a_child,
     EACCES, 0},
    {"procfs-link", "  read_only: [/usr, /proc, /proc/self/root]", "  read_only: [/usr, /proc]", read_d, 0,
     EACCES},
    {"procfs-link", "  read_only: [/proc, /proc/thread-self/root$B/d]", "  read_only: [/proc]", read_d, 0,
     EACCES},
    {"procfs-link", "  read_only: [/proc, /proc/self/cwd]", "  read_only: [/proc]",
     [](const Tree&) { return open_as(".", O_RDONLY | O_DIRECTORY); }, 0, EACCES},
    {"procfs-link", "  read_only: [/proc, /proc/self/exe]", "  read_only: [/proc]",
     [](const Tree&) { return open_as("/proc/self/exe", O_RDONLY); }, 0, EACCES},
    {"procfs-link", "  read_only: [/proc, /proc/self/fd/200]", "  read_only: [/proc, /proc/self/fd]", read_d,
     0, EACCES, 1, 0, keep_d_open},
    {"root-read-only", "  read_only: [$B/root]", "  read_only: [$B/d]", read_e, 0, EACCES},
    {"read-only-below-write", "  read_only: [$B/rw/inner]\n  read_write: [$B/rw]",
     "  read_only: [$B/rw/inner]\n  read_write: [$B/rw/other]", write_inner, 0, EACCES},
    {"both-lists", "  read_only: [$B/d]\n  read_write: [$B/d]", "  read_only: [$B/d]", write_d, 0, EACCES},
    {"redundant", "  read_only: [$B, $B/d]", "  read_only: [$B]", read_d, 0, 0},
    {"redundant", "  read_only: [$B, $B/d]", "  read_only: [$B]", write_d, EACCES, EACCES},
    {"pattern", "  read_only: [/usr, '$B/*']", "  read_only: [/usr, $B/d]", read_d, EACCES, 0},
    {"variable", "  read_only: [/usr, '$B/${NAME}']", "  read_only: [/usr, $B/d]", read_d, EACCES, 0},
    {"symlink", "  read_only: [$B/link]", "  read_only: [$B/d, $B/e]", read_link, EACCES, 0, 1, 0, turn_link},
    {"root-by-link", "  read_write: [$B/root]", "  read_write: [$B/d]", write_d, refused, 0},
    {"missing-path", "  read_only: [/usr, $B/late]", "  read_only: [/usr, $B]", read_late, EACCES, 0, 1, 0,
     make_late},
    {"same-object", "  read_only: [$B/d]\n  read_write: [$B/link]", "  read_only: [$B/d]", write_d, 0,
     EACCES},
    {"gpu-read-only", "  read_only: [$NODE]", "  read_write: [$NODE]",
     [](const Tree&) { return open_as("/dev/ptmx", O_RDWR); }, EACCES, 0},
    {"gpu-without-ioctl", "  grants: [{path: $NODE, access: [read_file, write_file]}]",
     "  grants: [{path: $NODE, access: [read_file, write_file, ioctl_dev]}]", ioctl_node, EACCES, 0, 5},
    {"socket-by-path", "  read_only: [$B/x.sock]",
     "  grants: [{path: $B/x.sock, access: [read_file, resolve_unix]}]", connect_socket, EACCES, 0, 9},
    {"no-truncate", "  grants: [{path: $B/d, access: [read_file, write_file]}]",
     "  grants: [{path: $B/d, access: [read_file, write_file, truncate]}]",
     [](const Tree& tree) { return open_as(tree.at("d/f"), O_WRONLY | O_TRUNC); }, EACCES, 0, 3},
    {"proc-write-only", "  grants: [{path: /proc, access: [write_file]}]",
     "  grants: [{path: /proc, access: [read_file, write_file]}]",
     [](const Tree&) { return name_another_thread(); }, EACCES, 0},
    {"cuda-blocked", "  read_only: [/proc]\nruntime_baseline_conflicts: [{paths: [/proc], mode: keep}]",
     "  read_only: [/proc]\nruntime_baseline_conflicts: [{paths: [/proc], mode: promote}]",
     [](const Tree&) { return name_another_thread(); }, EACCES, 0, 1, 0, nullptr, Toggle::on},
    {"execute-without-read",
     "  read_only: [/usr, /lib, /lib64]\n  grants: [{path: $B/prog, access: [execute]}]",
     "  read_only: [/usr, /lib, /lib64]\n  grants: [{path: $B/prog, access: [execute, read_file]}]",
     run_program, EACCES, 0},
    {"directory-rights", "  grants: [{path: $B/d/f, access: [make_reg]}]",
     "  grants: [{path: $B/d, access: [make_reg]}]",
     [](const Tree& tree) { return ::link(tree.at("d/f").c_str(), tree.at("d/g").c_str()) == 0 ? 0 : errno; },
     refused, 0},
    {"null-missing", "  read_only: [/usr]", "  read_only: [/usr]\n  read_write: [/dev/null]",
     [](const Tree&) { return open_as("/dev/null", O_WRONLY); }, EACCES, 0},
    {"urandom-missing", "  read_only: [/usr]", "  read_only: [/usr, /dev/urandom]",
     [](const Tree&) { return open_as("/dev/urandom", O_RDONLY); }, EACCES, 0},
    {"root-read-only", "  read_only: [/]", "  read_only: [/usr]", read_d, 0, EACCES},
    {"dev-writable", "  read_write: [/dev]", "  read_write: [/dev/null]",
     [](const Tree&) { return open_as("/dev/zero", O_WRONLY); }, 0, EACCES},
    {"write-and-execute", "  read_write: [$B/bin]", "  read_only: [$B/bin]",
     [](const Tree& tree) { return open_as(tree.at("bin/tool"), O_WRONLY); }, 0, EACCES},
    {"rights-dropped", "  read_only: [$B/d]\nlandlock: {min_abi: 3}",
     "  read_only: [$B/d]\nlandlock: {min_abi: 3, compatibility: hard_requirement}",
     [](const Tree& tree) { return ::truncate(tree.at("d/f").c_str(), 0) == 0 ? 0 : errno; }, 0, refused, 2,
     2},
    {"no-path", "  read_only: []", "  read_only: [$B]", read_d, refused, 0},
    {"workdir-root", "  include_workdir: true\n  read_only: [$B]",
     "  include_workdir: false\n  read_only: [$B]", read_d, refused, 0, 1, 0, nullptr, Toggle::off, "/"},
    {"root-user", "  read_only: [/usr]\nprocess: {run_as_user: root}",
     "  read_only: [/usr]\nprocess: {run_as_user: '65534'}",
     [](const Tree& tree) { return ::chmod(tree.at("d/f").c_str(), 0700) == 0 ? 0 : errno; }, 0, EPERM, 1, 0,
     nullptr, Toggle::off, nullptr, true},
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.id << ": " << row.falls;
}

std::string with(std::string text, const std::string& name, const std::string& value) {
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size()))
    text.replace(at, name.size(), value);
  return text;
}

Result<Policy> policy_of(const char* lists, const Tree& tree, const char* node) {
  std::string text = std::string("version: 1\nfilesystem_policy:\n") + lists + "\n";
  return decode_policy(with(with(std::move(text), "$B", tree.path), "$NODE", node), "p.yaml");
}

Context context_of(const Row& row) {
  Context out;
  out.host.real = true;
  out.host.present = {{"/proc"}};
  out.gpu = row.gpu;
  if (row.workdir != nullptr) out.workdir = row.workdir;
  return out;
}

bool falls_into(const Row& row, const char* lists) {
  const Tree tree;
  const Result<Policy> policy = policy_of(lists, tree, "/dev/nvidia0");
  if (!policy.ok()) ADD_FAILURE() << policy.error().to_string();
  review::LintOptions options;
  options.context = context_of(row);
  options.only = {row.id};
  const Result<std::vector<review::Finding>> found =
      policy.ok() ? review::lint(*policy, options) : policy.error();
  if (!found.ok()) ADD_FAILURE() << found.error().to_string();
  return found.ok() && !found->empty();
}

// The errno of the operation in a child: under the policy, or, with none, as its control.
int tried(const Row& row, const char* lists, int kernel_abi) {
  const Tree tree;
  UniqueFd server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  tree.at("x.sock").copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (::bind(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(server.get(), 4) != 0)
    return broken;
  std::optional<Prepared> prepared;
  bool drops = false;
  if (lists != nullptr) {
    const Result<Policy> policy = policy_of(lists, tree, "/dev/ptmx");
    if (!policy.ok()) return broken;
    drops = !policy->run_as_user.empty() && policy->run_as_user != "root";
    const Result<EffectivePolicy> effective = enrich(*policy, context_of(row));
    if (!effective.ok()) return refused;
    const Result<Plan> plan =
        compile(*effective, row.plan_abi != 0 ? row.plan_abi : std::min(kernel_abi, newest_abi));
    if (!plan.ok()) return refused;
    // In this process, for one that it forks: rules on /proc/self are this one's. See the child below.
    if (!std::string_view(row.id).starts_with("procfs-")) {
      Result<Prepared> made = prepare(*plan, {});
      if (!made.ok()) return made.error().kind == ErrorKind::input ? refused : broken;
      prepared = std::move(made).value();
    }
    if (row.between != nullptr) row.between(tree);
    int result = broken;
    testing::SharedSlot slot(1);
    if (testing::in_child([&] {
          if (!prepared) {
            Result<Prepared> own = prepare(*plan, {});
            if (!own.ok()) ::_exit(1);
            prepared = std::move(own).value();
          }
          if (drops && (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0))
            ::_exit(1);
          if (!restrict_self(*prepared).ok()) ::_exit(1);
          slot->cells[0].err = row.operation(tree);
        }) == 42)
      result = slot->cells[0].err;
    return result;
  }
  if (row.between != nullptr) row.between(tree);
  testing::SharedSlot slot(1);
  return testing::in_child([&] { slot->cells[0].err = row.operation(tree); }) == 42 ? slot->cells[0].err
                                                                                    : broken;
}

class LintOnTheKernel : public ::testing::TestWithParam<Row> {};

TEST_P(LintOnTheKernel, TheTrapIsRealAndTheAdviceGetsOutOfIt) {
  const Row& row = GetParam();
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) GTEST_SKIP() << kernel.error().message;
  if (kernel->abi < row.abi) GTEST_SKIP() << "needs ABI " << row.abi << ", this kernel has " << kernel->abi;
  if (row.as_root && ::geteuid() != 0)
    GTEST_SKIP() << "needs root: an ordinary user can change the mode of its own files alone";
  EXPECT_TRUE(falls_into(row, row.falls));
  EXPECT_FALSE(falls_into(row, row.follows));
  EXPECT_EQ(tried(row, nullptr, kernel->abi), 0) << "the control";
  EXPECT_EQ(tried(row, row.falls, kernel->abi), row.trapped);
  EXPECT_EQ(tried(row, row.follows, kernel->abi), row.followed);
}

INSTANTIATE_TEST_SUITE_P(Lint, LintOnTheKernel, ::testing::ValuesIn(rows));

// The steps that lint names are the fatal ones of the suite's own probe, on every kind of host.
TEST(LintCuda, NamesTheStepsAsTheProbeDoes) {
  for (const char* name : {"nvidia-1", "nvidia-8", "wsl2", "jetson"}) {
    const Result<Host> host = load_host(std::string(LOCKSTEP_SOURCE_DIR "/fixtures/hosts/") + name + ".json");
    ASSERT_TRUE(host.ok());
    const Result<Policy> policy = decode_policy(
        "version: 1\nfilesystem_policy:\n  read_only: [/proc, /dev]\n  grants: []\n"
        "runtime_baseline_conflicts: [{paths: [/proc, '/dev/*'], mode: keep}]\n",
        "p.yaml");
    ASSERT_TRUE(policy.ok());
    Policy blocked = *policy;
    for (const HostEntry& entry : host->present)
      if (entry.path.starts_with("/dev/")) blocked.read_only.push_back({entry.path, entry.path, 3});
    review::LintOptions options;
    options.context.host = *host;
    options.context.gpu = Toggle::on;
    options.only = {"cuda-blocked"};
    const Result<std::vector<review::Finding>> found = review::lint(blocked, options);
    ASSERT_TRUE(found.ok()) << found.error().to_string();
    EXPECT_GE(found->size(), 2U) << name;
    for (const review::Finding& finding : *found) {
      const std::vector<CudaStep> steps = cuda_steps(*host);
      const auto step = std::find_if(steps.begin(), steps.end(), [&](const CudaStep& each) {
        return finding.message.starts_with("CUDA's step " + each.id + " is denied");
      });
      ASSERT_NE(step, steps.end()) << name << ": " << finding.message;
      EXPECT_TRUE(step->importance == CudaImportance::fatal || step->group != StepGroup::none) << finding.message;
    }
  }
}

// Machine-wide: every process pays for the dropped entries.
TEST(LintReclaim, ARuleBelowProcIsLostAndOneOnProcIsNot) {
  if (std::getenv("LOCKSTEP_RECLAIM") == nullptr)
    GTEST_SKIP() << "set LOCKSTEP_RECLAIM=1: it drops the dentry cache of the whole machine";
  const UniqueFd drop(::open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));
  if (!drop) GTEST_SKIP() << "needs root: /proc/sys/vm/drop_caches cannot be written";
  const Result<KernelLandlock> kernel = query_kernel();
  if (!kernel.ok()) GTEST_SKIP() << kernel.error().message;
  for (const auto& [lists, lost] :
       {std::pair{"  read_only: [/proc/cpuinfo]", true}, std::pair{"  read_only: [/proc]", false}}) {
    const Tree tree;
    const Row row{"procfs-below", lists, lists, nullptr, 0, 0};
    EXPECT_EQ(falls_into(row, lists), lost);
    const Result<Policy> policy = policy_of(lists, tree, "");
    ASSERT_TRUE(policy.ok());
    const Result<EffectivePolicy> effective = enrich(*policy, context_of(row));
    ASSERT_TRUE(effective.ok());
    const Result<Plan> plan = compile(*effective, std::min(kernel->abi, newest_abi));
    ASSERT_TRUE(plan.ok());
    testing::SharedSlot slot(2);
    ASSERT_EQ(testing::in_child([&] {
                Result<Prepared> prepared = prepare(*plan, {});
                if (!prepared.ok() || !restrict_self(*prepared).ok()) ::_exit(1);
                prepared->pins.clear();  // as an exec would close them
                slot->cells[0].err = open_as("/proc/cpuinfo", O_RDONLY);
                for (int round = 0; round < 20 && slot->cells[1].err == 0; ++round) {
                  if (::write(drop.get(), "2", 1) != 1) ::_exit(1);
                  slot->cells[1].err = open_as("/proc/cpuinfo", O_RDONLY);
                }
              }),
              42);
    EXPECT_EQ(slot->cells[0].err, 0);
    if (lost && slot->cells[1].err == 0) GTEST_SKIP() << "the kernel took no entry back in 20 rounds";
    EXPECT_EQ(slot->cells[1].err, lost ? EACCES : 0);
  }
}

}  // namespace
}  // namespace lockstep::conformance
