// Every trap: a policy that falls into it, with the line, and one very like it that does not.
#include "lint/lint.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <set>

#include "render/render_lint.h"
#include "syntax/json.h"
#include "testing/policy.h"
#include "testing/temporary_directory.h"

namespace lockstep::lint {
namespace {

using testing::policy;

// Nothing of the machine: every trap sees the same host everywhere.
LintOptions on_a_host() {
  LintOptions out;
  Host& host = out.context.host;
  for (const char* path : {"/usr/lib", "/etc", "/proc", "/tmp", "/data/real", "/data/[x]", "/run/nvidia-persistenced"})
    host.present.push_back({path, NodeKind::directory, {}});
  host.present.push_back({"/data/link", NodeKind::link, "real"});
  host.present.push_back({"/data/all", NodeKind::link, "../.."});
  host.present.push_back({"/data/loop", NodeKind::link, "loop"});
  host.present.push_back({"/data/file", NodeKind::file, {}});
  host.present.push_back({"/dev/node", NodeKind::character, {}});
  host.present.push_back({"/data/talk", NodeKind::socket, {}});
  return out;
}

std::vector<Finding> found(const Policy& of, const LintOptions& options) {
  Result<std::vector<Finding>> out = lint(of, options);
  EXPECT_TRUE(out.ok()) << out.error().to_string();
  return out.ok() ? *out : std::vector<Finding>();
}

struct Row {
  const char* id;
  int line;  // of the one finding; the policy's text begins at line 3, below filesystem_policy
  const char* falls;
  const char* does_not;
  const char* workdir = nullptr;
};

const std::vector<Row> rows = {
    {"procfs-self", 3, "  read_only: [/proc/self]", "  read_only: [/proc]"},
    {"procfs-self", 3, "  read_only: [/proc/4711/fd]", "  read_only: [/proc/47x]"},
    {"procfs-self", 4, "  read_only: [/proc]\n  read_write: [/proc/thread-self]",
     "  read_only: [/proc/thread-self]\n  read_write: [/proc]"},
    {"procfs-below", 3, "  read_only: [/proc/driver/nvidia]", "  read_only: [/processes/driver]"},
    {"procfs-below", 4, "  read_only: [/proc]\n  read_write: [/proc/sys]",
     "  read_only: [/proc/sys]\n  read_write: [/proc]"},
    {"procfs-link", 3, "  read_only: [/usr, /proc, /proc/self/root]", "  read_only: [/usr, /proc, /proc/self/rooted]"},
    {"procfs-link", 3, "  read_only: [/, /proc/4711/cwd/etc]", "  read_only: [/, /proc/driver/cwd]"},
    {"procfs-link", 3, "  read_write: [/proc/thread-self/exe]", "  read_write: [/proc/thread-self/environ]"},
    {"procfs-link", 3, "  read_only: [/proc/self/task/12/root/etc]",
     "  read_only: [/proc/self/task/12/comm, /proc/self/task]"},
    {"procfs-link", 3, "  grants: [{path: /proc/self/fd/3, access: [read]}]",
     "  grants: [{path: /proc/self/fd, access: [read]}]"},
    {"procfs-link", 3, "  read_only: [/proc/1/map_files/a-b]", "  read_only: [/proc/1/maps, /data/proc/1/root]"},
    {"procfs-self", 3, "  read_only: [/proc/self]", "  read_only: [/proc/self/root/etc]"},
    {"pattern", 3, "  read_only: ['/data/*']", "  read_only: ['/data']"},
    {"pattern", 3, "  read_only: ['/data/[y]']", "  read_only: ['/data/[x]', '/data/[y']"},
    {"variable", 3, "  read_only: ['/home/${USER}']", "  read_only: ['/home/user$']"},
    {"variable", 3, "  read_only: ['/~/cache']", "  read_only: ['/cache~']"},
    {"spelling", 3, "  read_only: [/usr/]", "  read_only: [/usr]"},
    {"spelling", 3, "  grants: [{path: //usr, access: [read]}]", "  grants: [{path: /usr, access: [read]}]"},
    {"path-twice", 5, "  read_only:\n    - /usr\n    - /usr/", "  read_only:\n    - /usr\n    - /usr2"},
    {"both-lists", 3, "  read_only: [/data]\n  read_write: [/data]", "  read_only: [/data]\n  read_write: [/data2]"},
    {"read-only-below-write", 3, "  read_only: [/data/sub]\n  read_write: [/data]",
     "  read_only: [/data]\n  read_write: [/data/sub]"},
    {"read-only-below-write", 3, "  read_only: [/data/sub]\n  grants: [{path: /data, access: [write_file]}]",
     "  read_only: [/data/sub]\n  grants: [{path: /data, access: [truncate]}]"},
    {"read-only-below-write", 3, "  read_only: [/tmp/sub]\nnetwork_policies: {a: {}}",
     "  read_only: [/tmp/sub]\nnetwork_policies: {}"},
    {"read-only-below-write", 3, "  read_only: [/data/real]\n  read_write: [/data]",
     "  read_only: [/data/link]\n  read_write: [/data]"},
    {"redundant", 3, "  read_only: [/usr, /usr/bin]", "  read_only: [/usr, /usrbin]"},
    {"redundant", 3, "  read_write: [/data, /data/sub]", "  read_write: [/data, /data/link]"},
    {"redundant", 4, "  read_only: [/data]\n  grants: [{path: /data/sub, access: [read]}]",
     "  read_only: [/data]\n  grants: [{path: /data/sub, access: [read_file, write_file]}]"},
    {"redundant", 3, "  read_only: [/data, /data/sub]",
     "  read_only: [/data]\n  grants: [{path: /data/sub, access: [read_file]}]"},
    {"narrower-below-wider", 4, "  read_only: [/data]\n  grants: [{path: /data/sub, access: [read_file]}]",
     "  read_only: [/data]\n  grants: [{path: /data/sub, access: [read_file, write_file]}]"},
    {"narrower-below-wider", 4, "  read_write: [/data]\n  grants: [{path: /data/sub, access: [read, write_file]}]",
     "  read_write: [/data/other]\n  grants: [{path: /data/sub, access: [read, write_file]}]"},
    {"narrower-below-wider", 3,
     "  grants: [{path: /data/sub, access: [read]}, {path: /data, access: [read, make_reg]}]",
     "  grants: [{path: /data/link, access: [read]}, {path: /data, access: [read, make_reg]}]"},
    {"root-read-only", 3, "  read_only: [/]", "  read_only: [/usr]"},
    {"root-read-only", 3, "  read_only: [/data/all]", "  read_only: [/data/link]"},
    {"root-read-only", 3, "  read_only: [/]", "  read_write: [/data/all]"},
    {"redundant", 3, "  read_only: [/dev, /dev/nvidia0, /usr, /usr/bin]",
     "  read_only: [/dev, /dev/nvidia0, /dev/nvidiactl, /dev/dxg]"},
    {"redundant", 3, "  read_only: [/, /usr]", "  read_only: [/, /proc, /tmp, /proc/self/root]"},
    {"redundant", 3, "  read_write: [/dev, /dev/nvidia0]",
     "  grants: [{path: /dev, access: [read_file]}, {path: /dev/nvidia0, access: [read_file]}]"},
    {"root-read-only", 3, "  grants: [{path: /, access: [read_file]}]", "  grants: [{path: /, access: [read_dir]}]"},
    {"dev-writable", 3, "  read_write: [/dev]", "  read_write: [/dev/shm]"},
    {"dev-writable", 3, "  grants: [{path: /dev, access: [write]}]", "  grants: [{path: /dev, access: [read]}]"},
    {"no-path", 3, "  read_only: []", "  read_only: [/usr]"},
    {"root-user", 4, "  read_only: [/usr]\nprocess: {run_as_user: root}",
     "  read_only: [/usr]\nprocess: {run_as_user: rooty, run_as_group: root}"},
    {"root-user", 4, "  read_only: [/usr]\nprocess: {run_as_user: '0'}",
     "  read_only: [/usr]\nprocess: {run_as_user: '10'}"},
    {"write-and-execute", 3, "  read_write: [/usr/local/bin]", "  read_write: [/usr/local/binary]"},
    {"write-and-execute", 3, "  read_write: [/opt]", "  read_write: [/var/lib/data]"},
    {"write-and-execute", 3, "  grants: [{path: /srv/bin, access: [write, execute]}]",
     "  grants: [{path: /srv/bin, access: [write]}]"},
    {"write-and-execute", 3, "  include_workdir: true", "  include_workdir: false", "/usr/lib"},
    {"proc-write-only", 3, "  grants: [{path: /proc, access: [write_file]}]",
     "  grants: [{path: /proc, access: [write_file, read_file]}]"},
    {"no-truncate", 3, "  grants: [{path: /data, access: [read, write_file]}]",
     "  grants: [{path: /data, access: [read, write_file, truncate]}]"},
    {"no-truncate", 3, "  grants: [{path: /data, access: [read, write_file]}]",
     "  grants: [{path: /dev/node, access: [read, write_file]}]"},
    {"no-truncate", 3, "  grants: [{path: /data, access: [read, write_file]}]",
     "  grants: [{path: /proc, access: [read, write_file]}]"},
    {"proc-without-truncate", 3, "  grants: [{path: /proc, access: [read, write_file]}]",
     "  grants: [{path: /proc, access: [read, write_file, truncate]}]"},
    {"proc-without-truncate", 3, "  grants: [{path: /proc/self/task, access: [write_file]}]",
     "  grants: [{path: /process, access: [write_file]}]"},
    {"terminal-without-ioctl", 3, "  grants: [{path: /dev/ptmx, access: [read_file, write_file]}]",
     "  grants: [{path: /dev/ptmx, access: [read_file, write_file, ioctl_dev]}]"},
    {"terminal-without-ioctl", 3, "  read_only: [/dev/pts]", "  read_write: [/dev/pts]"},
    {"terminal-without-ioctl", 3, "  grants: [{path: /dev/pts/3, access: [write]}, {path: /dev/tty, access: [read]}]",
     "  read_write: [/dev]\n  grants: [{path: /dev/tty, access: [read]}]"},
    {"terminal-without-ioctl", 3, "  read_only: [/dev/ttyS0]", "  read_only: [/dev/ttys/x, /dev/pt]"},
    {"cache-rights", 3,
     "  grants: [{path: /home/u/.cache/pocl, access: [read, write_file, make_reg, make_dir, remove_file]}]",
     "  grants: [{path: /home/u/.cache/pocl, access: [read, write_file, make_reg, make_dir, remove_file, refer, "
     "truncate]}]"},
    {"cache-rights", 3, "  grants: [{path: /home/u/.cache/pocl, access: [read, write_file]}]",
     "  grants: [{path: /home/u/.cache/pocl, access: [cache]}]"},
    {"cache-rights", 3, "  grants: [{path: /var/cache/ccache/9, access: [write_file, read]}]",
     "  read_only: [/var/cache/ccache]"},
    {"cache-rights", 3, "  grants: [{path: /home/u/.cache, access: [read, write_file, make_reg]}]",
     "  grants: [{path: /home/u/cache, access: [read, write_file, make_reg]}]"},
    {"cache-rights", 3, "  grants: [{path: /home/u/.cache, access: [read, write_file, make_reg]}]",
     "  grants: [{path: /home/u/.cache/thumbnails, access: [read, write_file, make_reg]}]"},
    {"cache-rights", 3,
     "  grants: [{path: /tmp/hsperfdata_user, access: [read_file, write_file, make_dir, make_reg, remove_file]}]",
     "  grants: [{path: /data/__pycache__, access: [read_file, write_file, make_dir, make_reg, remove_file]}]"},
    {"directory-rights", 3, "  grants: [{path: /dev/node, access: [read_file, read_dir]}]",
     "  grants: [{path: /dev/node, access: [read]}]"},
    {"directory-rights", 3, "  grants: [{path: /data/file, access: [make_reg, write_file]}]",
     "  grants: [{path: /data/file, access: [write]}]"},
    {"directory-rights", 3, "  grants: [{path: /data/file, access: [make_reg]}]",
     "  grants: [{path: /data/real, access: [make_reg]}]"},
    {"execute-without-read", 3, "  grants: [{path: /data, access: [execute]}]",
     "  grants: [{path: /data, access: [execute]}]\n  read_only: [/data]"},
    {"gpu-read-only", 3, "  read_only: [/dev/nvidia0]", "  read_only: [/dev/nvidia-caps/nvidia-cap1]"},
    {"gpu-read-only", 3, "  read_only: [/dev/nvidia3]",
     "  read_only: [/dev/nvidia3]\nruntime_baseline_conflicts: [{paths: ['/dev/nvidia*'], mode: promote}]"},
    {"gpu-without-ioctl", 3, "  grants: [{path: /dev/nvidia0, access: [read_file, write_file]}]",
     "  grants: [{path: /dev/nvidia0, access: [read_file, write_file, ioctl_dev]}]"},
    {"socket-by-path", 3, "  read_only: [/run/nvidia-persistenced]",
     "  grants: [{path: /run/nvidia-persistenced, access: [read, resolve_unix]}]"},
    {"socket-by-path", 3, "  read_only: [/data/talk]", "  read_only: [/data/file]"},
    {"socket-by-path", 3, "  read_only: [/run/d.sock]", "  read_write: [/run/d.sock]"},
    {"socket-file", 3, "  grants: [{path: /data/talk, access: [resolve_unix]}]",
     "  grants: [{path: /data, access: [resolve_unix]}]"},
    {"socket-file", 3, "  grants: [{path: /tmp/nvidia-mps/control, access: [resolve_unix]}]",
     "  grants: [{path: /tmp/nvidia-mps, access: [resolve_unix]}]"},
    {"socket-file", 3, "  grants: [{path: /run/d.sock, access: [resolve_unix]}]",
     "  grants: [{path: /run/d.sock, access: [read_file]}]"},
    {"rights-dropped", 4, "  read_only: [/usr]\nlandlock: {min_abi: 5}",
     "  read_only: [/usr]\nlandlock: {min_abi: 5, compatibility: hard_requirement}"},
    {"rights-dropped", 3, "  read_only: [/usr]\nlandlock: {scopes: [signal]}",
     "  read_only: [/usr]\nlandlock: {log: {same_exec: false}}"},
    {"null-missing", 3, "  read_only: [/dev/null]", "  read_write: [/dev/null]"},
    {"null-missing", 3, "  read_write: [/dev/nul]", "  grants: [{path: /dev, access: [write_file]}]"},
    {"urandom-missing", 3, "  read_write: [/dev/null]", "  read_only: [/dev/urandom]"},
    {"urandom-missing", 3, "  read_only: [/usr]", "  read_only: [/usr]\nnetwork_policies: {a: {}}"},
    {"udp-unbound", 4, "  read_only: [/usr]\nlandlock: {ports: {bind_udp: [53]}}",
     "  read_only: [/usr]\nlandlock: {ports: {bind_udp: [0]}}"},
    {"symlink", 3, "  read_only: [/data/link]", "  read_only: [/data/real]"},
    {"symlink", 3, "  read_only: [/data/all/etc]", "  read_only: [/data/loop]"},
    {"root-by-link", 3, "  read_write: [/data/all]", "  read_only: [/data/all]"},
    {"missing-path", 3, "  read_only: [/data/gone]", "  read_only: ['/data/*', '/data/$X']"},
    {"missing-path", 3, "  read_only: [/data/gone]", "  read_only: [/data/link, /data, /usr]"},
    {"missing-path", 3, "  read_only: [/sys/gone]", "  read_only: [/proc/driver/nvidia]"},
    {"same-object", 4, "  read_only: [/data/real]\n  read_write: [/data/link]",
     "  read_only: [/data/real, /data/link]"},
    {"workdir-root", 3, "  include_workdir: true", "  include_workdir: false", "//"},
    {"workdir-root", 3, "  include_workdir: true", "  include_workdir: false", "/data/all"},
    {"workdir-root", 3, "  include_workdir: true", "  include_workdir: false", "/proc/self/root"},
    {"workdir-read-only", 4, "  include_workdir: true\n  read_only: [/data/real]",
     "  include_workdir: false\n  read_only: [/data/real]", "/data/real"},
    {"workdir-read-only", 4, "  include_workdir: true\n  read_only: [/data/real]",
     "  include_workdir: true\n  read_only: [/data]", "/data/link"},
    {"cuda-blocked", 3, "  read_only: [/proc]\nruntime_baseline_conflicts: [{paths: [/proc], mode: keep}]",
     "  read_only: [/proc]\nruntime_baseline_conflicts: [{paths: [/proc], sources: [image], mode: keep}]"},
    {"cuda-blocked", 3, "  grants: [{path: /proc, access: [write_file]}]",
     "  grants: [{path: /proc, access: [read_file, write_file, truncate]}]"},
    {"cuda-blocked", 3, "  read_only: [/dev/nvidiactl]", "  read_only: [/dev/nvidia-modeset]"},
    {"cuda-blocked", 3, "  grants: [{path: /dev/nvidia0, access: [read_file, write_file]}]",
     "  grants: [{path: /dev/nvidia7, access: [read_file, write_file]}]"},
    {"cuda-blocked", 3, "  read_only: [/proc]\nruntime_baseline_conflicts: [{paths: [/proc], mode: reject}]",
     "  read_only: [/usr]\nruntime_baseline_conflicts: [{paths: [/proc], mode: reject}]"},
    {"conflict-idle", 5, "  read_only: [/proc]\nruntime_baseline_conflicts:\n  - {paths: [/proc/*], mode: keep}",
     "  read_only: [/proc]\nruntime_baseline_conflicts:\n  - {paths: ['/proc*'], mode: keep}"},
    {"conflict-idle", 4, "  read_only: [/usr]\nruntime_baseline_conflicts: [{paths: [/usr], mode: keep}]",
     "  read_only: [/usr]\nruntime_baseline_conflicts: [{paths: [/tmp, /usr], mode: keep}]"},
    {"conflict-shadowed", 6,
     "  read_only: [/proc]\nruntime_baseline_conflicts:\n  - {paths: ['/*'], mode: keep}\n  - {paths: "
     "[/proc], mode: promote}",
     "  read_only: [/proc]\nruntime_baseline_conflicts:\n  - {paths: ['/*'], sources: [image], mode: keep}\n "
     " - {paths: [/proc], mode: promote}"},
    {"conflict-shadowed", 6,
     "  read_only: [/proc]\nruntime_baseline_conflicts:\n  - {paths: [/proc], mode: keep}\n  - {paths: "
     "[/proc], sources: [image], mode: promote}",
     "  read_only: [/proc]\nruntime_baseline_conflicts:\n  - {paths: [/proc], mode: keep}\n  - {paths: "
     "[/proc, /tmp], sources: [image], mode: promote}"},
};

class EveryTrap : public ::testing::TestWithParam<Row> {};

TEST_P(EveryTrap, FindsItsOwnAndNotItsLike) {
  const Row& row = GetParam();
  LintOptions options = on_a_host();
  options.only = {row.id};
  if (row.workdir != nullptr) options.context.workdir = row.workdir;
  const Policy falls = policy(std::string("version: 1\nfilesystem_policy:\n") + row.falls + "\n");
  const std::vector<Finding> findings = found(falls, options);
  ASSERT_EQ(findings.size(), 1U) << row.falls;
  EXPECT_EQ(findings[0].id, row.id);
  EXPECT_EQ(findings[0].line, row.line) << row.falls;
  EXPECT_FALSE(findings[0].message.empty() || findings[0].fix.empty());
  options.only.clear();
  options.ignore = {row.id};
  for (const Finding& other : found(falls, options)) EXPECT_NE(other.id, row.id);
  options.only = {row.id};
  options.ignore.clear();
  const std::vector<Finding> none =
      found(policy(std::string("version: 1\nfilesystem_policy:\n") + row.does_not + "\n"), options);
  EXPECT_TRUE(none.empty()) << none[0].message << "\n" << row.does_not;
}

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.id << ": " << row.falls;
}

INSTANTIATE_TEST_SUITE_P(Lint, EveryTrap, ::testing::ValuesIn(rows));

std::string many(int count) {
  std::string out = "version: 1\nfilesystem_policy:\n  read_only:\n";
  for (int i = 0; i < count; ++i) out += "    - /data/" + std::to_string(i) + "\n";
  return out;
}

TEST(Lint, EveryTrapHasBothCases) {
  std::set<std::string_view> tested{"many-paths", "user-unknown", "loader-missing"},
      known;  // these have tests of their own
  for (const Row& row : rows) tested.insert(row.id);
  for (const Trap& trap : traps()) {
    EXPECT_TRUE(known.insert(trap.id).second) << trap.id << " twice";
    EXPECT_FALSE(trap.about.empty() || trap.fix.empty()) << trap.id;
  }
  EXPECT_EQ(tested, known);
  EXPECT_GE(known.size(), 30U);
}

TEST(Lint, ManyPathsAreMoreThanOpenShellTakes) {
  LintOptions options = on_a_host();
  options.only = {"many-paths"};
  EXPECT_TRUE(found(policy(many(256)), options).empty());
  ASSERT_EQ(found(policy(many(257)), options).size(), 1U);
}

TEST(Lint, ThousandsOfPathsTakeNoTime) {
  const Policy large = policy(many(10000));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_GE(found(large, on_a_host()).size(), 10000U) << "each of them is missing";
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5)) << "quadratic: a minute";
}

TEST(Lint, AMissingPathCountsWhereTheHostIsNamed) {
  LintOptions options = on_a_host();
  options.only = {"missing-path"};
  const std::string text = "version: 1\nfilesystem_policy: {read_only: [/data/gone]}\n";
  const Policy effort = policy(text), hard = policy(text + "landlock: {compatibility: hard_requirement}\n");
  EXPECT_EQ(found(effort, options)[0].severity, Severity::note);
  EXPECT_EQ(found(hard, options)[0].severity, Severity::note);
  options.host_given = true;
  EXPECT_EQ(found(effort, options)[0].severity, Severity::warning);
  EXPECT_EQ(found(hard, options)[0].severity, Severity::error);
}

TEST(Lint, CudaIsJudgedOnTheHostWhereItHasAGpu) {
  LintOptions options = on_a_host();
  options.only = {"cuda-blocked"};
  const Policy kept = policy(
      "version: 1\nfilesystem_policy: {read_only: [/proc]}\nruntime_baseline_conflicts: [{paths: [/proc], "
      "mode: keep}]\n");
  EXPECT_EQ(found(kept, options)[0].severity, Severity::warning) << "this host has none";
  for (const char* node : {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia1"})
    options.context.host.present.push_back({node, NodeKind::character, {}});
  options.context.host.gpu_nodes = {"/dev/nvidia1"};
  const std::vector<Finding> here = found(kept, options);
  ASSERT_EQ(here.size(), 1U);
  EXPECT_EQ(here[0].severity, Severity::error);
  EXPECT_NE(here[0].message.find("step comm is denied: /proc lacks write_file, truncate; cuInit returns 304"),
            std::string::npos)
      << here[0].message;
  options.context.gpu = Toggle::off;
  EXPECT_TRUE(found(kept, options).empty());
}

TEST(Lint, OldestAbiIsWhatTheCallerSays) {
  LintOptions options = on_a_host();
  options.only = {"rights-dropped"};
  const Policy relies = policy("version: 1\nfilesystem_policy: {read_only: [/usr]}\nlandlock: {min_abi: 3}\n");
  EXPECT_EQ(found(relies, options).size(), 1U);
  options.oldest_abi = 3;
  EXPECT_TRUE(found(relies, options).empty());
}

TEST(Lint, AUserThatThisMachineDoesNotKnow) {
  LintOptions options;
  options.only = {"user-unknown"};
  const auto count = [&](const std::string& user) {
    return found(policy("version: 1\nfilesystem_policy: {read_only: [/usr]}\nprocess: {run_as_user: '" + user + "'}\n"),
                 options)
        .size();
  };
  EXPECT_EQ(count("no-such-user-here"), 0U) << "a host file says nothing of users";
  options.context.host.real = true;
  EXPECT_EQ(count("no-such-user-here"), 1U);
  EXPECT_EQ(count("root"), 0U);
  EXPECT_EQ(count("4711"), 0U) << "a number needs no name";
  EXPECT_TRUE(found(policy("version: 1\nfilesystem_policy: {read_only: [/usr]}\n"), options).empty());
}

TEST(Lint, AProgramGrantedWithoutItsLoader) {
  const testing::TemporaryDirectory dir;
  LintOptions options;
  options.context.host.real = true;
  options.only = {"loader-missing"};
  const std::string shell = std::filesystem::canonical("/bin/sh").string();
  for (const char* name : {"bin/first", "bin/second", "bin/data"}) dir.write(name, "#!" + shell + "\n");
  for (const char* name : {"bin/first", "bin/second"}) ASSERT_EQ(::chmod(dir.at(name).c_str(), 0755), 0);
  const auto messages = [&](const std::string& lists) {
    std::vector<std::string> out;
    for (const Finding& each : found(policy("version: 1\nfilesystem_policy: {" + lists + "}\n"), options))
      out.push_back(each.message);
    return out;
  };
  const std::vector<std::string> alone = messages("read_only: [" + dir.at("bin") + "]");
  ASSERT_EQ(alone.size(), 2U) << "the shell, and the shell's own loader; each once for the directory";
  EXPECT_EQ(alone[0].rfind(dir.at("bin/first") + " is executed by way of " + shell + ", ", 0), 0U) << alone[0];
  EXPECT_EQ(messages("read_only: [" + dir.at("bin/second") + "]").size(), 2U);
  EXPECT_TRUE(messages("read_only: [" + dir.at("bin/data") + ", /usr, /lib, /lib64]").empty());
  EXPECT_TRUE(messages("read_only: [" + dir.at("bin") + ", /usr, /lib, /lib64]").empty());
  EXPECT_EQ(
      messages("grants: [{path: " + dir.at("bin") + ", access: [read]}, {path: /usr, access: [read_file, read_dir]}]")
          .size(),
      2U)
      << "reading a loader is not executing it";
  EXPECT_TRUE(messages("grants: [{path: " + dir.at("bin") + ", access: [read_file, read_dir]}]").empty());
  options.context.host.real = false;
  EXPECT_TRUE(messages("read_only: [" + dir.at("bin") + "]").empty())
      << "a host file does not say what is in a program";
}

TEST(Lint, AsksThisMachineWhereTheHostIsReal) {
  const testing::TemporaryDirectory dir;
  dir.write("real/file", "x");
  ASSERT_EQ(::symlink("real", dir.at("link").c_str()), 0);
  ASSERT_EQ(::link(dir.at("real/file").c_str(), dir.at("hard").c_str()), 0);
  LintOptions options;
  options.context.host.real = true;
  const auto ids = [&](const std::string& lists) {
    std::set<std::string> out;
    for (const Finding& each : found(policy("version: 1\nfilesystem_policy: {" + lists + "}\n"), options))
      out.insert(each.id);
    return out;
  };
  EXPECT_TRUE(ids("read_only: [" + dir.at("link") + "]").contains("symlink"));
  EXPECT_FALSE(ids("read_only: [" + dir.at("real") + "]").contains("symlink"));
  EXPECT_TRUE(ids("read_only: [" + dir.at("gone") + "]").contains("missing-path"));
  EXPECT_TRUE(
      ids("read_only: [" + dir.at("real/file") + "], read_write: [" + dir.at("hard") + "]").contains("same-object"));
  EXPECT_FALSE(ids("read_only: [" + dir.at("real/file") + ", " + dir.at("hard") + "]").contains("same-object"));
  EXPECT_TRUE(ids("read_write: [/proc/self/root]").contains("root-by-link"));
  EXPECT_TRUE(ids("read_only: [/usr, /proc, /proc/self/root]").contains("root-read-only"));
  ASSERT_EQ(::symlink("/", dir.at("all").c_str()), 0);
  EXPECT_TRUE(ids("read_only: [" + dir.at("all") + "]").contains("root-read-only"));
  EXPECT_TRUE(ids("grants: [{path: " + dir.at("hard") + ", access: [make_reg]}]").contains("directory-rights"));
}

TEST(Lint, EveryFormatSaysTheSame) {
  const Policy of = policy("version: 1\nfilesystem_policy:\n  read_only:\n    - /proc/self\n    - /usr/\n");
  const std::vector<render::Linted> all{{"dir/a b.yaml", found(of, on_a_host())}};
  ASSERT_TRUE(render::counts(all));
  const Json json = Json::parse(render::lint_json(all)), sarif = Json::parse(render::lint_sarif(all));
  EXPECT_EQ(json.at("schema"), "lockstep.lint/1");
  const Json &findings = json.at("policies").at(0).at("findings"), &results = sarif.at("runs").at(0).at("results");
  ASSERT_EQ(findings.size(), all[0].findings.size());
  ASSERT_EQ(results.size(), findings.size());
  const std::string text = render::lint_text(all);
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const Finding& finding = all[0].findings[i];
    EXPECT_EQ(findings[i].at("id"), finding.id);
    EXPECT_EQ(results[i].at("ruleId"), finding.id);
    EXPECT_EQ(results[i].at("level"), name(finding.severity));
    EXPECT_EQ(results[i].at("locations").at(0).at("physicalLocation").at("region").at("startLine"),
              std::max(finding.line, 1));
    EXPECT_NE(text.find("a b.yaml:" + std::to_string(finding.line) + ": " + std::string(name(finding.severity)) + ": " +
                        finding.message + " [" + finding.id + "]"),
              std::string::npos);
  }
  EXPECT_EQ(sarif.at("runs").at(0).at("tool").at("driver").at("name"), "lockstep lint");
  EXPECT_FALSE(render::counts({{"p", {}}}));
  EXPECT_EQ(render::lint_text({{"p", {}}}), "1 policy: 0 errors, 0 warnings, 0 notes\n");
}

// Of this machine, an object is reached by each of its names: what grants it grants it there too.
TEST(Lint, AHardLinkGrantsWhatNoOtherLineDoes) {
  const lockstep::testing::TemporaryDirectory dir;
  dir.write("out/plain", "");
  dir.write("other/secret", "");
  ASSERT_EQ(::link(dir.at("other/secret").c_str(), dir.at("out/linked").c_str()), 0);
  ASSERT_EQ(::link(dir.at("out/plain").c_str(), dir.at("out/again").c_str()), 0);
  LintOptions options;
  options.context.host.real = true;
  options.only = {"redundant"};
  const auto redundant = [&](const std::string& entry) {
    return found(policy("version: 1\nfilesystem_policy:\n  read_only: [/usr]\n  read_write: [" + dir.at("out") + ", " +
                        dir.at(entry) + "]\n"),
                 options);
  };
  EXPECT_TRUE(redundant("out/linked").empty());
  EXPECT_EQ(redundant("out/plain").size(), 1U) << "both of its names are below the line above it";
  EXPECT_EQ(redundant("out/no-such").size(), 1U);
}

}  // namespace
}  // namespace lockstep::lint
